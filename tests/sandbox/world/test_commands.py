"""The commands of `scripts/sandbox`, as a person at a terminal sees them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from sandbox.control.roles import ROLES
from tests.sandbox.world.conftest import ROOT, World

MAIL = (
    b"From: Ann <ann@fin.example>\nTo: soc@corp.example\nMessage-ID: <%s@fin.example>\nSubject: hi\n\nbody\n"
)


def sandbox(data: Path, *arguments: str, stdin: bytes = b"", python: tuple[str, ...] = ()) -> Any:
    """Runs a command; what it printed, how it ended."""
    command = [sys.executable, *python, "-P", "-m", "sandbox", "--data", str(data), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, input=stdin, capture_output=True, check=False, timeout=60)


def printed(world: World, *arguments: str, stdin: bytes = b"") -> str:
    done = sandbox(world.state.data, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return str(done.stdout.decode()).strip()


def lines(world: World, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed(world, *arguments).splitlines()]


def mail(name: str) -> bytes:
    return MAIL % f"{name}-{time.monotonic_ns()}".encode()


def test_sign_in_prints_a_token_of_the_role_for_12_hours(world: World) -> None:
    for role, app_roles in ROLES.items():
        claims = jwt.decode(printed(world, "sign-in", role), options={"verify_signature": False})
        assert claims["roles"] == list(app_roles)
        assert claims["aud"] == "respond-mailbox"
        assert claims["exp"] - time.time() == pytest.approx(12 * 3600, abs=60)


def test_only_an_application_acts_for_others_and_it_has_no_name() -> None:
    assert [role for role, app_roles in ROLES.items() if "ActAs" in app_roles] == ["respond"]


def test_settings_are_what_the_config_api_takes(world: World) -> None:
    settings = json.loads(printed(world, "settings"))

    secret = settings.pop("secretKey")
    assert len(secret) == 40
    assert settings == {
        "accountType": "ews",
        "port": world.state.ports.exchange,
        "authenticationType": "oauth2",
        "email": "soc@corp.example",
        "incomingServer": "localhost",
        "appId": world.state.app_id,
        "tenantId": world.state.tenant_id,
        "sslEncrypted": True,
        "enabled": True,
        "authservId": "mx.corp.example",
    }


def test_deliver_prints_an_item_id_for_each_file(world: World, tmp_path: Path) -> None:
    files = [tmp_path / "one.eml", tmp_path / "two.eml"]
    for file in files:
        file.write_bytes(mail(file.stem))

    ids = printed(world, "deliver", *map(str, files)).splitlines()

    assert len(set(ids)) == 2
    assert set(ids) <= {item["id"] for item in lines(world, "items")}


def test_deliver_takes_a_message_from_standard_input_into_any_mailbox_and_folder(world: World) -> None:
    printed(world, "create-folder", "--mailbox", "hr@hr.example", "Inbox/Übergabe")
    where = ("--mailbox", "hr@hr.example", "--folder", "Inbox/Übergabe")

    item = printed(world, "deliver", *where, "--envelope-from", "bounce@fin.example", "-", stdin=mail("x"))

    assert [one["id"] for one in lines(world, "items", "--mailbox", "hr@hr.example", "Inbox/Übergabe")] == [
        item
    ]


def test_what_a_person_does_in_outlook(world: World) -> None:
    item = printed(world, "deliver", "-", stdin=mail("x"))
    printed(world, "mark-read", item)
    printed(world, "create-folder", "Inbox/Old name")
    printed(world, "rename-folder", "Inbox/Old name", "New name")

    moved = printed(world, "move", item, "Inbox/New name")
    found = lines(world, "items", "Inbox/New name")
    assert [(one["id"], one["is_read"]) for one in found] == [(moved, True)]
    assert moved != item

    printed(world, "mark-read", "--unread", moved)
    printed(world, "delete", moved)
    assert lines(world, "items", "Inbox/New name") == []
    deleted = lines(world, "items", "Deleted Items")[0]
    assert deleted["is_read"] is False
    printed(world, "delete", "--hard", deleted["id"])
    assert deleted["id"] not in [one["id"] for one in lines(world, "items", "Deleted Items")]

    printed(world, "delete-folder", "Inbox/New name")
    assert "Inbox/New name" not in [folder["path"] for folder in lines(world, "folders")]


def test_faults_are_added_listed_and_cleared(world: World) -> None:
    options = (
        "--operation",
        "GetItem",
        "--mailbox",
        "soc@corp.example",
        "--count",
        "2",
        "--back-off-ms",
        "500",
    )
    number = printed(
        world, "fault", "add", "exchange", "exchange-error", "--error", "ErrorServerBusy", *options
    )

    assert lines(world, "fault", "list") == [
        {
            "part": "exchange",
            "kind": "exchange-error",
            "operation": "GetItem",
            "mailbox": "soc@corp.example",
            "count": 2,
            "error": "ErrorServerBusy",
            "back_off_ms": 500,
            "id": int(number),
        }
    ]
    printed(world, "fault", "clear", number)
    assert lines(world, "fault", "list") == []


def test_ews_switch_and_outbound_and_calls(world: World) -> None:
    printed(world, "ews", "off")
    printed(world, "ews", "on")

    assert lines(world, "outbound") == []
    assert json.loads(printed(world, "calls", "--reset")) == {}


def test_crash_is_armed_and_taken_back(world: World) -> None:
    assert printed(world, "crash", "--after", "3") == ""
    assert json.loads(printed(world, "crash"))["remaining"] == 3
    printed(world, "crash", "--disarm")
    assert json.loads(printed(world, "crash"))["remaining"] is None


def test_rotated_secret_is_printed_and_is_the_one_in_the_settings(world: World) -> None:
    secret = printed(world, "rotate-secret")

    assert json.loads(printed(world, "settings"))["secretKey"] == secret


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("move", "no-item", "Inbox"), "no-item"),
        (("items", "Inbox/Nowhere"), "there is no folder Inbox/Nowhere in soc@corp.example"),
        (("folders", "--mailbox", "nobody@corp.example"), "there is no mailbox nobody@corp.example"),
        (("deliver", "/does/not/exist.eml"), "/does/not/exist.eml cannot be read"),
        (("fault", "clear", "99999"), "there is no fault 99999"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(world: World, arguments: tuple[str, ...], said: str) -> None:
    done = sandbox(world.state.data, *arguments)

    assert done.returncode == 1
    assert done.stdout == b""
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_sandbox_that_is_not_running_is_one_clear_line(world: World, tmp_path: Path) -> None:
    never = sandbox(tmp_path, "folders")
    assert (never.returncode, never.stderr.count(b"\n")) == (1, 1)
    assert "there is no sandbox in" in never.stderr.decode()

    state = json.loads((world.state.data / "sandbox.json").read_text())
    state["ports"]["control"] = 1
    (tmp_path / "sandbox.json").write_text(json.dumps(state))
    stopped = sandbox(tmp_path, "folders")
    assert (stopped.returncode, stopped.stderr.count(b"\n")) == (1, 1)
    assert "is not running: start it with scripts/run" in stopped.stderr.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("brew",),
        ("sign-in", "emperor"),
        ("sign-in",),
        ("deliver",),
        ("ews", "maybe"),
        ("crash", "--after", "0"),
        ("fault", "add", "exchange", "brew"),
        ("fault", "add", "exchange", "status"),
        ("fault", "add", "storage", "stale-sync-state"),
    ],
)
def test_misuse_ends_with_status_2(world: World, arguments: tuple[str, ...]) -> None:
    done = sandbox(world.state.data, *arguments)

    assert done.returncode == 2
    assert done.stdout == b""


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("fault", "add", "--help")])
def test_help_needs_nothing_but_the_standard_library(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = sandbox(tmp_path, *arguments, python=("-S",))

    assert done.returncode == 0, done.stderr
    assert b"usage:" in done.stdout


def test_smtp_settings_are_what_the_config_api_takes(world: World) -> None:
    settings = json.loads(printed(world, "smtp-settings"))

    assert len(settings.pop("password")) >= 20
    assert settings == {
        "kind": "smtp",
        "host": "localhost",
        "port": world.state.ports.smtp_starttls,
        "security": "starttls",
        "userName": "notifications@corp.example",
    }
    relay = json.loads(printed(world, "smtp-settings", "--security", "none"))
    assert relay == {
        "kind": "smtp",
        "host": "localhost",
        "port": world.state.ports.smtp_none,
        "security": "none",
        "confirmUnencrypted": True,
    }


def test_refusals_are_set_listed_and_taken_back(world: World) -> None:
    printed(world, "refuse", "*@gone.example", "550", "5.1.1 No", "--later")
    assert lines(world, "refusals") == [
        {"pattern": "*@gone.example", "code": 550, "text": "5.1.1 No", "later": True}
    ]
    printed(world, "accept")
    assert lines(world, "refusals") == []
    wrong = sandbox(world.state.data, "refuse", "a@b.example", "250", "OK")
    assert wrong.returncode == 1
    assert b"250 is no refusal" in wrong.stderr


def test_limits_of_sending_are_set_and_wrong_ones_are_refused(world: World) -> None:
    for good in (
        ("quota", "send"),
        ("quota", "off"),
        ("message-size-limit", "36700160"),
        ("replace-message-ids", "on"),
        ("replace-message-ids", "off"),
        ("sent-items-delay", "2"),
    ):
        assert printed(world, *good) == ""
    for bad in (
        ("quota", "full", "--mailbox", "ghost@corp.example"),
        ("message-size-limit", "0"),
        ("sent-items-delay", "-1"),
    ):
        assert sandbox(world.state.data, *bad).returncode in (1, 2)
