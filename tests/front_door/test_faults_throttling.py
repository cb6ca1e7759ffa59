"""A server that wants to be left alone is left alone; a token that is refused is renewed once."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from tests.support.faults import calls, configured, failure, going_wrong, is_well
from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import plain_mail
from tests.support.running_sandbox import RunningSandbox

WAIT_S = 6


@pytest.fixture(scope="module", autouse=True)
def _configured(sandbox: RunningSandbox) -> None:
    configured(sandbox)


@pytest.mark.parametrize(
    "operation, fault, code",
    [
        ("GetFolder", {"kind": "status", "status": 429, "retry_after": WAIT_S}, "HTTP 429"),
        ("SyncFolderItems", {"kind": "status", "status": 503, "retry_after": WAIT_S}, "HTTP 503"),
        ("GetItem", {"kind": "status", "status": 503, "retry_after": WAIT_S}, "HTTP 503"),
        (
            "GetItem",
            {"kind": "exchange-error", "error": "ErrorServerBusy", "back_off_ms": WAIT_S * 1000},
            "ErrorServerBusy",
        ),
    ],
    ids=["429", "503", "503 in a fetch", "ErrorServerBusy"],
)
def test_no_request_is_sent_until_the_server_s_back_off_is_over(
    sandbox: RunningSandbox, operation: str, fault: dict[str, Any], code: str
) -> None:
    message_id = f"{code}.{operation}@fin.example".replace(" ", "")
    with going_wrong(sandbox, "exchange", count=1, operation=operation, **fault):
        sandbox.deliver(plain_mail(message_id))
        sandbox.sync()
        shown = sandbox.until(lambda: failure(sandbox, code))
        seen_at = time.monotonic()
        asked = sum(calls(sandbox, "exchange").values())
        status = sandbox.status()
        assert status["state"] == "throttled"
        assert "waits as long as the server asks" in shown["remedy"]
        assert shown["whoCanAct"] == "nobody"

        answer = sandbox.call("POST", "/api/config/mailboxes/default/sync")
        assert answer.status == 202
        starts_at = datetime.fromisoformat(answer.json["startsAt"])
        assert starts_at > datetime.fromisoformat(answer.json["requestedAt"])
        while time.monotonic() < seen_at + WAIT_S - 3:
            time.sleep(0.5)
            assert sum(calls(sandbox, "exchange").values()) == asked

    time.sleep(max(0.0, seen_at + WAIT_S - time.monotonic()))
    sandbox.run_function("mailbox_poll")  # what is due goes on by itself
    sandbox.until(lambda: mail_with_id(sandbox, message_id))
    assert is_well(sandbox)


def test_a_token_that_is_revoked_in_mid_run_costs_one_new_token_and_one_more_request(
    sandbox: RunningSandbox,
) -> None:
    synced(sandbox, lambda: is_well(sandbox))
    before = calls(sandbox, "token")
    sandbox.command("revoke", "--tokens-only")
    sandbox.deliver(plain_mail("revoked@fin.example"))

    synced(sandbox, lambda: mail_with_id(sandbox, "revoked@fin.example"))

    after = calls(sandbox, "token")
    assert after["token"] == before["token"] + 1
    assert is_well(sandbox)


def test_a_token_that_is_refused_in_the_middle_of_a_sync_is_renewed(sandbox: RunningSandbox) -> None:
    before = calls(sandbox, "token")
    with going_wrong(sandbox, "exchange", "status", status=401, operation="GetItem", count=1):
        sandbox.deliver(plain_mail("expired@fin.example"))
        synced(sandbox, lambda: mail_with_id(sandbox, "expired@fin.example"))

    assert calls(sandbox, "token")["token"] == before["token"] + 1
    assert is_well(sandbox)


def test_a_server_that_takes_no_token_is_asked_twice_a_poll_and_told(sandbox: RunningSandbox) -> None:
    with going_wrong(sandbox, "exchange", "status", status=401):
        sandbox.deliver(plain_mail("untrusted@fin.example"))
        before = calls(sandbox, "exchange")["GetFolder"]
        shown = synced(sandbox, lambda: failure(sandbox, "HTTP 401"))
        polls = sandbox.status()["error"]["failures"]
        assert calls(sandbox, "exchange")["GetFolder"] - before <= 2 * (polls + 1)
        assert shown["title"] == "The mail server does not take the token"
        assert "full_access_as_app" in shown["remedy"]

    synced(sandbox, lambda: mail_with_id(sandbox, "untrusted@fin.example"))
    assert is_well(sandbox)
