"""Test connection against the sandbox's Exchange server and sign-in: each refusal at its step."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from domain.connection_test import Outcome, Step
from domain.mailboxes import AuthenticationType
from sandbox.state import MAILBOX, ON_PREMISES
from tests.exchange.connection_trials import failed_at, outcomes, run, world_tester
from tests.exchange.world import MemorySecrets, RunningWorld


@pytest.fixture
def limited(world: RunningWorld) -> Iterator[RunningWorld]:
    """The app may open one mailbox only, and it is not the one of the settings."""
    world.control.run("allow-app", mailbox="fin@fin.example")
    yield world
    world.control.run("allow-app", mailbox=None)


def test_every_step_passes_and_says_what_it_found(world: RunningWorld) -> None:
    world.calls()
    results = run(world_tester(world), world.settings())
    assert set(outcomes(results).values()) == {"passed"}
    assert [result.step for result in results] == list(Step)
    facts = {result.step: result.facts for result in results}
    assert facts[Step.CONNECTION]["address"] in ("127.0.0.1", "::1")
    assert facts[Step.TLS]["protocol"].startswith("TLSv1.")
    assert "localhost" in facts[Step.TLS]["names"]
    assert facts[Step.TLS]["issuer"] != facts[Step.TLS]["subject"]
    assert len(facts[Step.TLS]["validUntil"]) == len("2027-05-01")
    assert facts[Step.TOKEN]["permissions"] == "full_access_as_app"
    assert facts[Step.MAILBOX_ACCESS]["inbox"] == "Inbox"
    assert int(facts[Step.FOLDER_LIST]["folders"]) >= 4
    assert all(result.took.total_seconds() > 0 for result in results)
    assert world.calls()["token"]["token"] == 1


def test_permission_to_send_saves_a_draft_removes_it_and_sends_nothing(world: RunningWorld) -> None:
    before = world.control.run("items", mailbox=MAILBOX, folder="drafts")
    world.calls()
    results = run(world_tester(world), world.settings())
    assert results[-1].outcome is Outcome.PASSED
    calls = world.calls()["exchange"]
    assert (calls["CreateItem"], calls["DeleteItem"], calls.get("SendItem", 0)) == (1, 1, 0)
    assert world.control.run("items", mailbox=MAILBOX, folder="drafts") == before
    assert world.control.run("items", mailbox=MAILBOX, folder="deleteditems") == []


def test_a_typed_secret_is_tried_and_the_stored_one_left_alone(world: RunningWorld) -> None:
    secrets = MemorySecrets({("secret", "1"): world.secret_value})
    tester = world_tester(world, secrets)
    failure = failed_at(run(tester, world.settings(), "not-the-secret"), Step.TOKEN)
    assert failure.code == "AADSTS7000215"
    assert "not-the-secret" not in repr(failure)
    assert secrets.reads == 0
    assert set(outcomes(run(tester, world.settings(secret=None), world.secret_value)).values()) == {"passed"}


def test_one_step_can_be_asked_for_alone(world: RunningWorld) -> None:
    tester = world_tester(world)
    world.calls()
    alone = run(tester, world.settings(), steps=[Step.NAME_RESOLUTION])
    assert outcomes(alone) == {"nameResolution": "passed"}
    assert "token" not in world.calls()
    for step in Step:
        assert outcomes(run(tester, world.settings(), steps=[step])) == {step.value: "passed"}


def test_a_step_alone_that_is_not_reached_names_what_kept_it(world: RunningWorld) -> None:
    [result] = run(world_tester(world), world.settings(), "wrong", steps=[Step.FOLDER_LIST])
    assert (result.outcome, result.code) == (Outcome.NOT_REACHED, "AADSTS7000215")


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"tenant_id": "other.example"}, "AADSTS90002"),
        ({"app_id": "11111111-2222-3333-4444-555555555555"}, "AADSTS700016"),
    ],
)
def test_wrong_tenant_and_wrong_app_are_told_apart(
    world: RunningWorld, changes: dict[str, str], code: str
) -> None:
    assert failed_at(run(world_tester(world), world.settings(**changes)), Step.TOKEN).code == code


def test_a_secret_that_is_stored_nowhere_is_missing(world: RunningWorld) -> None:
    failure = failed_at(run(world_tester(world), world.settings(secret=None)), Step.TOKEN)
    assert failure.code == "SecretNotFound"


def test_a_key_vault_that_never_answers_is_not_called_a_sign_in_that_is_away(
    world: RunningWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    monkeypatch.setattr(MemorySecrets, "read", lambda *_: asked.wait(20))
    tester = world_tester(world, total_seconds=1.0)
    [result] = run(tester, world.settings(), steps=(Step.TOKEN,))
    asked.set()
    assert (result.outcome, result.code) == (Outcome.FAILED, "KeyVaultUnavailable")


def test_an_expired_secret_is_told(world: RunningWorld) -> None:
    world.control.run("expire-secret")
    try:
        assert failed_at(run(world_tester(world), world.settings()), Step.TOKEN).code == "AADSTS7000222"
    finally:
        world.control.run("rotate-secret", revoke_old=True)


def test_a_disabled_app_is_told(world: RunningWorld) -> None:
    world.control.run("revoke", what="app")
    try:
        assert failed_at(run(world_tester(world), world.settings()), Step.TOKEN).code == "AADSTS7000112"
    finally:
        world.control.run("revoke", what="undo")


def test_an_unknown_mailbox_is_told(world: RunningWorld) -> None:
    results = run(world_tester(world), world.settings(email="nobody@corp.example"))
    assert failed_at(results, Step.MAILBOX_ACCESS).code == "ErrorNonExistentMailbox"


def test_an_app_that_may_not_open_this_mailbox_is_told(limited: RunningWorld) -> None:
    results = run(world_tester(limited), limited.settings())
    assert failed_at(results, Step.MAILBOX_ACCESS).code == "ErrorAccessDenied"


def test_ews_switched_off_is_told_with_the_server_s_reason(world: RunningWorld) -> None:
    world.control.run("ews", on=False)
    failure = failed_at(run(world_tester(world), world.settings()), Step.MAILBOX_ACCESS)
    assert failure.code == "HTTP 403"
    assert "EWS is disabled for the organization" in failure.server_message


def test_a_token_without_permissions_is_missing_consent(world: RunningWorld) -> None:
    world.control.run("consent", on=False)
    try:
        results = run(world_tester(world), world.settings())
    finally:
        world.control.run("consent", on=True)
    assert failed_at(results, Step.MAILBOX_ACCESS).code == "PermissionMissingInToken"
    assert results[3].facts["permissions"] == "none"


@pytest.mark.parametrize(
    "code",
    ["ErrorImpersonateUserDenied", "ErrorInvalidLicense", "ErrorServerBusy", "ErrorAccountDisabled"],
)
def test_exchange_s_own_refusals_keep_their_name(world: RunningWorld, code: str) -> None:
    world.fault("exchange-error", operation="GetFolder", count=1, error=code)
    assert failed_at(run(world_tester(world), world.settings()), Step.MAILBOX_ACCESS).code == code


def test_throttling_is_told(world: RunningWorld) -> None:
    world.fault("status", operation="GetFolder", count=1, status=429, retry_after_s=30)
    assert failed_at(run(world_tester(world), world.settings()), Step.MAILBOX_ACCESS).code == "HTTP 429"


def test_a_folder_list_that_fails_is_told_there(world: RunningWorld) -> None:
    world.fault("exchange-error", operation="FindFolder", count=1, error="ErrorAccessDenied")
    assert failed_at(run(world_tester(world), world.settings()), Step.FOLDER_LIST).code == "ErrorAccessDenied"


def test_a_draft_that_cannot_be_saved_is_told(world: RunningWorld) -> None:
    world.fault("exchange-error", operation="CreateItem", count=1, error="ErrorQuotaExceeded")
    failure = failed_at(run(world_tester(world), world.settings()), Step.PERMISSION_TO_SEND)
    assert failure.code == "ErrorQuotaExceeded"
    assert failure.facts == {}


def test_a_draft_that_cannot_be_removed_is_named(world: RunningWorld) -> None:
    world.fault("exchange-error", operation="DeleteItem", count=1, error="ErrorAccessDenied")
    failure = failed_at(run(world_tester(world), world.settings()), Step.PERMISSION_TO_SEND)
    assert failure.code == "DraftLeft"
    assert failure.server_message.startswith("ErrorAccessDenied")
    [left] = world.control.run("items", mailbox=MAILBOX, folder="drafts")
    assert left["subject"] == failure.facts["draftLeft"]
    world.control.run("delete", mailbox=MAILBOX, item=left["id"], hard=True)


def test_a_draft_whose_answer_is_lost_is_not_saved_twice_and_is_named(
    world: RunningWorld,
) -> None:
    world.fault("cut-after", operation="CreateItem", count=1)
    world.calls()
    failure = failed_at(run(world_tester(world), world.settings()), Step.PERMISSION_TO_SEND)
    assert failure.code == "ConnectionLost"
    assert world.calls()["exchange"]["CreateItem"] == 1
    [left] = world.control.run("items", mailbox=MAILBOX, folder="drafts")
    assert left["subject"] == failure.facts["draftMayBeLeft"]
    world.control.run("delete", mailbox=MAILBOX, item=left["id"], hard=True)


@pytest.mark.parametrize("kind", [AuthenticationType.NTLM, AuthenticationType.BASIC])
def test_a_login_with_a_password_passes_every_step_and_is_refused_at_the_mailbox_after_one_try(
    world: RunningWorld, kind: AuthenticationType
) -> None:
    asked = world.control.run("settings", mailbox=ON_PREMISES, authentication=kind.value)
    settings = world.settings(
        server=asked["incomingServer"], email=asked["email"], authentication_type=kind, secret=None
    )
    assert set(outcomes(run(world_tester(world), settings, asked["secretKey"])).values()) == {"passed"}
    failure = failed_at(run(world_tester(world), settings, "wrong-password"), Step.MAILBOX_ACCESS)
    assert failure.code == "PasswordRefused"
    assert "wrong-password" not in repr(failure)


def test_another_mailbox_that_can_be_opened_too_is_found_out(world: RunningWorld) -> None:
    found = world_tester(world).try_other_mailbox(world.settings(), None, "fin@fin.example")
    assert (found.opened, found.code) == (True, None)


def test_another_mailbox_that_is_refused_is_as_it_should_be(world: RunningWorld) -> None:
    world.control.run("allow-app", mailbox=MAILBOX)
    try:
        found = world_tester(world).try_other_mailbox(world.settings(), None, "fin@fin.example")
    finally:
        world.control.run("allow-app", mailbox=None)
    assert (found.opened, found.code) == (False, "ErrorAccessDenied")
