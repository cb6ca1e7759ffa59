"""Test connection through the running app: what an admin sees for each thing that can be wrong."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.faults import calls, going_wrong
from tests.support.running_sandbox import RunningSandbox

UNSAVED = "/api/config/mailboxes/test"
SAVED = "/api/config/mailboxes/default/test"
STEPS = ["nameResolution", "connection", "tls", "token", "mailboxAccess", "folderList", "permissionToSend"]


def form(sandbox: RunningSandbox, **changes: Any) -> dict[str, Any]:
    """The sandbox's mailbox as a form, changed."""
    return {**json.loads(sandbox.command("settings")), **changes}


def tried(sandbox: RunningSandbox, **changes: Any) -> dict[str, Any]:
    """The answer to a test of unsaved settings, which comes within 15 seconds."""
    begin = time.monotonic()
    answer = sandbox.call("POST", UNSAVED, form(sandbox, **changes))
    assert answer.status == 200, answer.body
    assert time.monotonic() - begin < 15
    return dict(answer.json)


def refused(shown: dict[str, Any], step: str) -> dict[str, Any]:
    """The failed step: those before it passed, those behind it were not reached; its words say what to do."""
    assert shown["passed"] is False
    number = STEPS.index(step)
    assert [one["outcome"] for one in shown["steps"]] == [
        *["passed"] * number,
        "failed",
        *["notReached"] * (len(STEPS) - number - 1),
    ], shown
    failed = dict(shown["steps"][number])
    for name in ("code", "title", "detail", "remedy", "whoCanAct"):
        assert failed[name], name
    return failed


@contextlib.contextmanager
def undone(sandbox: RunningSandbox, *command: str) -> Iterator[None]:
    """A sandbox command that is taken back at the end."""
    try:
        yield
    finally:
        sandbox.command(*command)


def test_unsaved_settings_pass_every_step_and_nothing_is_stored(sandbox: RunningSandbox) -> None:
    shown = tried(sandbox)
    assert shown["passed"] is True, shown
    assert [one["step"] for one in shown["steps"]] == STEPS
    assert {one["outcome"] for one in shown["steps"]} == {"passed"}
    assert sandbox.call("GET", "/api/config/mailboxes/default").status == 404
    assert calls(sandbox, "exchange").get("SendItem", 0) == 0


def test_saved_settings_are_tried_with_the_secret_in_the_vault(sandbox: RunningSandbox) -> None:
    sandbox.configure()
    answer = sandbox.call("POST", SAVED)
    assert (answer.status, answer.json["passed"]) == (200, True), answer.body
    alone = sandbox.call("POST", f"{SAVED}?step=token")
    assert [one["step"] for one in alone.json["steps"]] == ["token"]


def test_no_draft_is_left(sandbox: RunningSandbox) -> None:
    assert tried(sandbox)["passed"] is True
    assert sandbox.command("items", "Drafts").strip() == ""


@pytest.mark.parametrize(
    "changes, step, code",
    [
        ({"incomingServer": "mail.nowhere.invalid"}, "nameResolution", "NameResolutionFailed"),
        ({"incomingServer": "10.1.2.3"}, "nameResolution", "AddressNotAllowed"),
        ({"port": 9}, "connection", "ConnectionRefused"),
        ({"secretKey": "not-the-secret"}, "token", "AADSTS7000215"),
        ({"tenantId": "other.example"}, "token", "AADSTS90002"),
        ({"appId": "11111111-2222-3333-4444-555555555555"}, "token", "AADSTS700016"),
        ({"email": "nobody@corp.example"}, "mailboxAccess", "ErrorNonExistentMailbox"),
    ],
)
def test_a_wrong_field_is_named_at_its_step(
    sandbox: RunningSandbox, changes: dict[str, Any], step: str, code: str
) -> None:
    assert refused(tried(sandbox, **changes), step)["code"] == code


def test_a_port_without_tls(sandbox: RunningSandbox) -> None:
    port = sandbox.state["ports"]["msi"]
    assert refused(tried(sandbox, port=port), "tls")["code"] == "NotHttps"


def test_ews_switched_off_names_the_switch_who_can_set_it_and_until_when_it_works(
    sandbox: RunningSandbox,
) -> None:
    sandbox.command("ews", "off")
    with undone(sandbox, "ews", "on"):
        failed = refused(tried(sandbox), "mailboxAccess")
    assert (failed["code"], failed["cause"]) == ("HTTP 403", "EwsOffForOrganization")
    assert "Set-OrganizationConfig -EwsEnabled" in failed["remedy"]
    assert failed["whoCanAct"] == "Exchange administrator"
    assert "1 April 2027" in failed["detail"]
    assert "EWS is disabled" in failed["serverMessage"]


def test_an_app_that_is_not_allowed_to_this_mailbox(sandbox: RunningSandbox) -> None:
    sandbox.command("allow-app", "fin@fin.example")
    with undone(sandbox, "allow-app"):
        failed = refused(tried(sandbox), "mailboxAccess")
    assert failed["code"] == "ErrorAccessDenied"
    assert "RBAC for Applications" in failed["remedy"]


def test_an_app_that_can_open_other_mailboxes_is_warned_about(sandbox: RunningSandbox) -> None:
    shown = tried(sandbox, otherMailbox="fin@fin.example")
    assert [one["code"] for one in shown["warnings"]] == ["OpensOtherMailboxes"]
    sandbox.command("allow-app", "soc@corp.example")
    with undone(sandbox, "allow-app"):
        shown = tried(sandbox, otherMailbox="fin@fin.example")
    assert (shown["passed"], shown["warnings"]) == (True, [])
    assert shown["otherMailbox"]["opened"] is False


def test_missing_consent(sandbox: RunningSandbox) -> None:
    sandbox.command("consent", "off")
    with undone(sandbox, "consent", "on"):
        failed = refused(tried(sandbox), "mailboxAccess")
    assert failed["cause"] == "PermissionMissingInToken"
    assert "admin consent" in failed["remedy"]


@pytest.mark.parametrize(
    "code, who",
    [
        ("ErrorImpersonateUserDenied", "Exchange administrator"),
        ("ErrorInvalidLicense", "Exchange administrator"),
        ("ErrorServerBusy", "nobody"),
    ],
)
def test_refusals_of_exchange(sandbox: RunningSandbox, code: str, who: str) -> None:
    with going_wrong(sandbox, "exchange", "exchange-error", operation="GetFolder", error=code):
        failed = refused(tried(sandbox), "mailboxAccess")
    assert (failed["code"], failed["whoCanAct"]) == (code, who)


def test_a_server_that_does_not_answer_ends_the_test_in_time(sandbox: RunningSandbox) -> None:
    with going_wrong(sandbox, "exchange", "delay", operation="GetFolder", delay=20):
        assert refused(tried(sandbox), "mailboxAccess")["code"] == "ReadTimeout"


def test_sign_in_that_has_trouble(sandbox: RunningSandbox) -> None:
    with going_wrong(sandbox, "token", "status", operation="token", status=503):
        assert refused(tried(sandbox), "token")["code"] == "AADSTS90033"


def test_an_expired_secret_and_no_secret_of_a_test_in_anything_that_was_written(
    sandbox: RunningSandbox,
) -> None:
    secret = "canary-Xq7~typed-and-never-stored"
    assert refused(tried(sandbox, secretKey=secret), "token")["code"] == "AADSTS7000215"
    sandbox.command("expire-secret")
    assert refused(tried(sandbox), "token")["code"] == "AADSTS7000222"
    sandbox.command("rotate-secret", "--revoke-old")
    assert tried(sandbox)["passed"] is True
    written = [
        file for file in sandbox.data.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()
    ]
    assert written == []
