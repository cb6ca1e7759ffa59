"""Key Vault, storage, secret, app and tenant: each outage is told in words that say who does what; once it
is over everything goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.faults import configured, failure, going_wrong, is_well
from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import plain_mail
from tests.support.running_sandbox import RunningSandbox

MAILBOX = "/api/config/mailboxes/default"


@pytest.fixture(scope="module", autouse=True)
def _configured(sandbox: RunningSandbox) -> None:
    configured(sandbox)


def goes_on(sandbox: RunningSandbox, name: str, *, by_itself: bool = False) -> None:
    """What was delivered meanwhile arrives, once; `by_itself`: nobody asks for it."""
    if not by_itself:
        sandbox.sync()
    sandbox.until(lambda: mail_with_id(sandbox, f"{name}@fin.example"), 60)
    assert sandbox.until(lambda: is_well(sandbox))


@pytest.mark.parametrize(
    "fault, code",
    [
        ({"kind": "status", "status": 503}, "KeyVaultUnavailable"),
        ({"kind": "cut-before"}, "KeyVaultUnavailable"),
        ({"kind": "status", "status": 403}, "KeyVaultAccessDenied"),
    ],
    ids=["503", "cut", "403"],
)
def test_key_vault_that_is_away_is_told_and_mail_comes_once_it_is_back(
    sandbox: RunningSandbox, fault: dict[str, Any], code: str
) -> None:
    name = f"vault.{fault['kind']}.{fault.get('status', 0)}"
    with going_wrong(sandbox, "keyvault", operation="GetSecret", **fault):
        sandbox.configure()  # a new version of the secret, which no worker has read yet
        sandbox.deliver(plain_mail(f"{name}@fin.example"))
        shown = sandbox.until(lambda: failure(sandbox, code))
        if code == "KeyVaultUnavailable":
            assert (shown["title"], shown["whoCanAct"]) == ("Key Vault is away", "nobody")
        else:
            assert shown["whoCanAct"] == "Azure administrator"
            assert "role" in shown["remedy"]

    goes_on(sandbox, name, by_itself=fault["kind"] == "cut-before")


def test_nothing_is_saved_while_key_vault_is_away(sandbox: RunningSandbox) -> None:
    settings = json.loads(sandbox.command("settings"))
    etag = sandbox.call("GET", MAILBOX).headers["etag"]
    with going_wrong(sandbox, "keyvault", "status", status=503):
        answer = sandbox.call("PUT", MAILBOX, {**settings, "lookBackDays": 30}, headers={"If-Match": etag})
    assert answer.status == 503
    assert answer.json["code"] == "KeyVaultUnavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert sandbox.call("GET", MAILBOX).headers["etag"] == etag


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "cut-before"}], ids=["503", "cut"]
)
def test_storage_that_is_away_is_told_and_costs_no_mail(
    sandbox: RunningSandbox, fault: dict[str, Any]
) -> None:
    name = f"storage.{fault['kind']}"
    with going_wrong(sandbox, "storage", **fault):
        sandbox.deliver(plain_mail(f"{name}@fin.example"))
        answer = sandbox.call("GET", f"{MAILBOX}/status")
        assert answer.status == 503
        assert answer.json["code"] == "StorageUnavailable"
        assert answer.json["title"] == "Storage is away"
        assert "goes on by itself" in answer.json["remedy"]
        sandbox.run_function("mailbox_poll")

    goes_on(sandbox, name, by_itself=True)


def test_blobs_that_cannot_be_written_are_told_and_never_a_mail_s_fault(sandbox: RunningSandbox) -> None:
    with going_wrong(sandbox, "storage", "status", status=503, operation="blob.*"):
        sandbox.deliver(plain_mail("blob@fin.example"))
        shown = synced(sandbox, lambda: failure(sandbox, "StorageUnavailable"))
        assert shown["title"] == "Storage is away"

    goes_on(sandbox, "blob")
    assert [mail["problem"] for mail in sandbox.triage() if mail["problem"]] == []


def test_rows_that_cannot_be_written_in_the_middle_of_a_sync_are_written_later(
    sandbox: RunningSandbox,
) -> None:
    """The poll state itself cannot be written either: the queue message brings the sync back."""
    with going_wrong(sandbox, "storage", "status", status=503, operation="table.Batch", count=4):
        sandbox.deliver(plain_mail("rows@fin.example"))
        sandbox.call("POST", f"{MAILBOX}/sync")
        sandbox.until(lambda: not sandbox.command("fault", "list"), 60)

    goes_on(sandbox, "rows", by_itself=True)
    assert [mail["problem"] for mail in sandbox.triage() if mail["problem"]] == []


def test_an_expired_secret_is_told_and_a_new_one_is_put_to_use_when_it_is_saved(
    sandbox: RunningSandbox,
) -> None:
    sandbox.command("expire-secret")
    sandbox.command("revoke", "--tokens-only")
    sandbox.deliver(plain_mail("expired@fin.example"))

    shown = synced(sandbox, lambda: failure(sandbox, "AADSTS7000222"))
    assert shown["title"] == "The secret key has expired"
    assert "new client secret" in shown["remedy"]
    assert "enter its value" in shown["remedy"]
    assert shown["serverMessage"]

    secret = sandbox.command("rotate-secret").strip()
    assert secret not in json.dumps(sandbox.status())
    sandbox.configure(secretKey=secret)
    sandbox.until(lambda: mail_with_id(sandbox, "expired@fin.example"))
    assert sandbox.until(lambda: is_well(sandbox))


def test_a_secret_that_was_replaced_is_told_as_wrong(sandbox: RunningSandbox) -> None:
    sandbox.command("rotate-secret", "--revoke-old")
    sandbox.command("revoke", "--tokens-only")
    sandbox.deliver(plain_mail("rotated@fin.example"))

    shown = synced(sandbox, lambda: failure(sandbox, "AADSTS7000215"))
    assert shown["title"] == "The secret key is wrong"
    assert shown["whoCanAct"] == "mailbox admin"

    sandbox.configure()
    sandbox.until(lambda: mail_with_id(sandbox, "rotated@fin.example"))
    assert sandbox.until(lambda: is_well(sandbox))


def test_an_app_that_is_disabled_is_told_and_goes_on_when_it_is_enabled(sandbox: RunningSandbox) -> None:
    sandbox.command("revoke")
    sandbox.deliver(plain_mail("disabled@fin.example"))

    shown = synced(sandbox, lambda: failure(sandbox, "AADSTS7000112"))
    assert shown["title"] == "The app is disabled"
    assert shown["whoCanAct"] == "Microsoft Entra administrator"

    sandbox.command("revoke", "--undo")
    synced(sandbox, lambda: mail_with_id(sandbox, "disabled@fin.example"))
    assert sandbox.until(lambda: is_well(sandbox))


def test_ews_that_is_switched_off_is_told_and_goes_on_when_it_is_on(sandbox: RunningSandbox) -> None:
    sandbox.command("ews", "off")
    sandbox.deliver(plain_mail("switched@fin.example"))

    shown = synced(sandbox, lambda: failure(sandbox, "HTTP 403"))
    assert "EWS is switched off" in shown["title"]
    assert "Set-OrganizationConfig -EwsEnabled $true" in shown["remedy"]
    assert shown["whoCanAct"] == "Exchange administrator"

    sandbox.command("ews", "on")
    synced(sandbox, lambda: mail_with_id(sandbox, "switched@fin.example"))
    assert sandbox.until(lambda: is_well(sandbox))


@pytest.mark.parametrize(
    "code, who",
    [
        ("ErrorNonExistentMailbox", "mailbox admin"),
        ("ErrorImpersonateUserDenied", "Exchange administrator"),
        ("ErrorMailboxMoveInProgress", "nobody"),
    ],
)
def test_exchange_s_own_refusals_are_told_by_name(sandbox: RunningSandbox, code: str, who: str) -> None:
    with going_wrong(sandbox, "exchange", "exchange-error", error=code):
        shown = synced(sandbox, lambda: failure(sandbox, code))
        assert shown["whoCanAct"] == who
    assert synced(sandbox, lambda: is_well(sandbox))
