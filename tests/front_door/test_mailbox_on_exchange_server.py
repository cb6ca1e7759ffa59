"""A mailbox of an Exchange Server, with NTLM and with Basic: mail arrives, and a wrong password is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import plain_mail
from tests.support.running_sandbox import RunningSandbox

ON_PREMISES = "soc@onprem.example"


def on_premises(sandbox: RunningSandbox, kind: str, **changes: Any) -> dict[str, Any]:
    """Configures the mailbox with its login ONPREM\\soc."""
    settings = json.loads(sandbox.command("settings", "--authentication", kind))
    assert settings["email"] == "ONPREM\\soc"
    return sandbox.configure(**{"appId": None, "tenantId": None, "authservId": None, **settings, **changes})


@pytest.mark.parametrize("kind", ["ntlm", "basic"])
def test_mail_of_a_mailbox_that_signs_in_with_a_password_is_shown(sandbox: RunningSandbox, kind: str) -> None:
    shown = on_premises(sandbox, kind)
    assert (shown["authenticationType"], shown["secretSet"]) == (kind, True)
    sandbox.add_unit(f"Finance by {kind}", domains=[f"{kind}.example"])
    raw = plain_mail(f"1@{kind}.example", sender=f"ann@{kind}.example")
    own = plain_mail(f"2@{kind}.example", sender=ON_PREMISES, to=f"ann@{kind}.example")

    sandbox.deliver(raw, own, mailbox=ON_PREMISES)

    mail = synced(sandbox, lambda: mail_with_id(sandbox, f"1@{kind}.example"))
    assert mail["direction"] == "incoming"
    assert mail_with_id(sandbox, f"2@{kind}.example")["direction"] == "outgoing"


@pytest.mark.parametrize("kind", ["ntlm", "basic"])
def test_a_wrong_password_is_said_with_what_to_do_and_goes_away_with_the_right_one(
    sandbox: RunningSandbox, kind: str
) -> None:
    on_premises(sandbox, kind, secretKey="Wr0ng-canary")

    status = sandbox.until(lambda: _with_error(sandbox))
    assert status["error"]["code"] == "PasswordRefused"
    assert "DOMAIN\\user" in status["error"]["remedy"]
    assert "Wr0ng-canary" not in json.dumps(status)

    on_premises(sandbox, kind)
    sandbox.until(lambda: sandbox.status()["error"] is None)


def test_another_way_than_the_server_offers_is_said_with_those_it_offers(sandbox: RunningSandbox) -> None:
    on_premises(sandbox, "ntlm", incomingServer="localhost")

    status = sandbox.until(lambda: _with_error(sandbox))

    assert status["error"]["code"] == "AuthenticationTypeNotOffered"
    assert status["error"]["serverMessage"] == "offers bearer"


@pytest.mark.parametrize("kind", ["ntlm", "basic"])
def test_the_connection_test_walks_all_its_steps_with_a_password(sandbox: RunningSandbox, kind: str) -> None:
    on_premises(sandbox, kind)

    answer = sandbox.call("POST", "/api/config/mailboxes/default/test")

    assert answer.status == 200
    assert {step["step"]: step["outcome"] for step in answer.json["steps"]} == {
        "nameResolution": "passed",
        "connection": "passed",
        "tls": "passed",
        "token": "passed",
        "mailboxAccess": "passed",
        "folderList": "passed",
        "permissionToSend": "passed",
    }
    assert answer.json["passed"] is True
    facts = {step["step"]: step["facts"] for step in answer.json["steps"]}
    assert facts["mailboxAccess"]["address"] == ON_PREMISES


def _with_error(sandbox: RunningSandbox) -> dict[str, Any]:
    status = sandbox.status()
    assert status["error"]
    return status
