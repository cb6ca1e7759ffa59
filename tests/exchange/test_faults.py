"""Trouble at the Exchange server: its own names, who can act, and that it goes on afterwards."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import AdminActionError, BoundaryError, RetryLaterError, SyncStateInvalidError
from domain.server_items import FetchedMessage
from exchange.errors import ADMIN, FOLDER_GONE, ITEM, RETRY, is_about_one_item, request_error
from exchange.mailbox_session import MailboxSession
from tests.exchange.conftest import Folder
from tests.exchange.test_mailbox_session import contents, mail
from tests.exchange.world import RunningWorld

OPERATIONS = ("FindFolder", "GetFolder", "SyncFolderItems", "FindItem", "GetItem")


def run(session: MailboxSession, operation: str, folder: Folder, item_id: str) -> object:
    """Does what makes one request of this operation."""
    match operation:
        case "FindFolder":
            return session.folder_tree()
        case "GetFolder":
            return session.folder_states([folder.id])
        case "SyncFolderItems":
            return session.changes(folder.id, None, limit=10, ids_only=False)
        case "FindItem":
            return session.received_between(folder.id, datetime(2026, 1, 1, tzinfo=UTC), None, limit=10)
        case _:
            return contents(session, [item_id])


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("kind", ["cut-after", "cut-mid", "malformed-xml", "entity-bomb"])
def test_every_operation_survives_a_broken_answer(
    world: RunningWorld, folder: Folder, mailbox: MailboxSession, operation: str, kind: str
) -> None:
    item_id = folder.deliver(mail())
    world.fault(kind, operation=operation, count=2)  # a kept connection that was cut is tried again
    with pytest.raises(RetryLaterError):
        run(mailbox, operation, folder, item_id)
    world.control.run("fault-clear", id=None)
    assert run(mailbox, operation, folder, item_id)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_back_off_is_told_for_every_operation(
    world: RunningWorld, folder: Folder, mailbox: MailboxSession, operation: str
) -> None:
    item_id = folder.deliver(mail())
    world.fault("exchange-error", operation=operation, error="ErrorServerBusy", back_off_ms=4_500)
    with pytest.raises(RetryLaterError) as caught:
        run(mailbox, operation, folder, item_id)
    assert (caught.value.code, caught.value.back_off) == ("ErrorServerBusy", timedelta(seconds=4.5))
    assert run(mailbox, operation, folder, item_id)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_told(world: RunningWorld, mailbox: MailboxSession, status: int) -> None:
    world.fault("status", status=status, retry_after_s=7)
    with pytest.raises(RetryLaterError) as caught:
        mailbox.folder_states(["inbox"])
    assert (caught.value.code, caught.value.back_off) == (f"HTTP {status}", timedelta(seconds=7))


def test_an_endless_answer_is_given_up_soon(world: RunningWorld, mailbox: MailboxSession) -> None:
    world.fault("endless")
    begin = time.monotonic()
    with pytest.raises(RetryLaterError, match="AnswerTooLong"):
        mailbox.folder_states(["inbox"])
    assert time.monotonic() - begin < 10


def test_forbidden_characters_do_no_harm(
    world: RunningWorld, folder: Folder, mailbox: MailboxSession
) -> None:
    folder.deliver(mail())
    world.fault("forbidden-characters", operation="SyncFolderItems")
    [change] = mailbox.changes(folder.id, None, limit=10, ids_only=False).changes
    assert change.summary is not None
    assert change.summary.subject.rstrip() == "Invoice 1"


def test_a_stale_sync_state_is_told(world: RunningWorld, folder: Folder, mailbox: MailboxSession) -> None:
    state = mailbox.changes(folder.id, None, limit=10, ids_only=True).sync_state
    world.fault("stale-sync-state")
    with pytest.raises(SyncStateInvalidError):
        mailbox.changes(folder.id, state, limit=10, ids_only=True)


def test_ews_switched_off_is_told_with_its_diagnosis(world: RunningWorld, mailbox: MailboxSession) -> None:
    world.control.run("ews", on=False)
    with pytest.raises(AdminActionError) as caught:
        mailbox.folder_states(["inbox"])
    assert caught.value.code == "HTTP 403"
    assert "EWS is disabled" in caught.value.server_message


def test_a_connection_cut_in_mid_message_never_looks_like_its_end(
    world: RunningWorld, folder: Folder, mailbox: MailboxSession
) -> None:
    item_id = folder.deliver(mail(body=b"x" * 700_000))
    world.fault("cut-mid", operation="GetItem")
    answers = mailbox.messages([item_id])
    answer = next(answers)
    assert isinstance(answer, FetchedMessage)
    with pytest.raises(RetryLaterError):
        b"".join(answer.chunks)
    assert contents(mailbox, [item_id]) == {item_id: mail(body=b"x" * 700_000)}


@pytest.mark.parametrize("code", ["ErrorServerBusy", "ErrorAccessDenied", "ErrorTimeoutExpired"])
def test_an_item_that_fails_for_all_of_the_mailbox_stops_the_batch(
    world: RunningWorld, folder: Folder, mailbox: MailboxSession, code: str
) -> None:
    item_id = folder.deliver(mail())
    world.fault("item-error", count=None, item=item_id, error=code)
    with pytest.raises(BoundaryError, match=code):
        contents(mailbox, [item_id])
    with pytest.raises(BoundaryError, match=code):
        mailbox.envelopes([item_id])


@pytest.mark.parametrize("code", ["ErrorItemCorrupt", "ErrorInternalServerError", "ErrorNeverHeardOf"])
def test_an_item_with_trouble_of_its_own_is_a_failure_of_that_item(
    world: RunningWorld, folder: Folder, mailbox: MailboxSession, code: str
) -> None:
    item_id = folder.deliver(mail())
    world.fault("item-error", count=None, item=item_id, error=code)
    [failure] = mailbox.envelopes([item_id])
    assert failure == contents(mailbox, [item_id])[item_id]
    assert getattr(failure, "code", "") == code


def test_the_families_do_not_overlap() -> None:
    families = (RETRY, ADMIN, ITEM, FOLDER_GONE)
    assert sum(map(len, families)) == len(frozenset.union(*families))


@pytest.mark.parametrize(
    "code, family",
    [
        ("ErrorMailboxMoveInProgress", RetryLaterError),
        ("ErrorInternalServerError", RetryLaterError),
        ("ErrorItemCorrupt", RetryLaterError),
        ("ErrorSomethingTransientError", RetryLaterError),
        ("ErrorImpersonateUserDenied", AdminActionError),
        ("ErrorNeverHeardOf", AdminActionError),
    ],
)
def test_a_failed_request_says_who_can_act(code: str, family: type[BoundaryError]) -> None:
    assert type(request_error(code, "", None)) is family


def test_a_back_off_makes_any_code_pass() -> None:
    error = request_error("ErrorNeverHeardOf", "", timedelta(seconds=1))
    assert isinstance(error, RetryLaterError)
    assert not is_about_one_item("ErrorItemCorrupt", timedelta(seconds=1))
