"""The worker dies at every request in turn, before it was made or before its answer is used; the same work
done again ends in the rows and blobs of an undisturbed run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import ConflictError
from domain.folder_sync import FolderSync
from domain.incidents import IncidentStatus
from domain.linking_ports import PendingWork
from domain.links import MailState
from domain.mail import Problem
from domain.mailboxes import MailboxSettings, PollState
from domain.stored import ItemPlace, WaitingAnswer
from store.connection import StorageConnection, StoreSettings
from store.folder_sync_store import TableFolderSyncStore
from store.mail_store import TableMailStore
from store.mailbox_store import TableMailboxStore
from store.pending_store import TablePendingStore
from store.poll_schedule import TablePollSchedule
from store.raw_mail_store import BlobRawMailStore
from tests.store.link_support import (
    certain,
    incident,
    next_state,
    save,
    stores,
    suggested,
)
from tests.store.support import (
    ACTIVITY,
    NOW,
    DiedError,
    FakeVault,
    all_blobs,
    all_rows,
    empty,
    into_triage,
    mail,
    watched,
)

Work = Callable[[StorageConnection, FakeVault], None]


def store_a_page(connection: StorageConnection, vault: FakeVault) -> None:
    """What a sync does with a page: blobs, mail rows, references, projections, places, last the
    checkpoint."""
    raw, mails = BlobRawMailStore(connection), TableMailStore(connection, vault)
    page = [mail(number) for number in range(4)]
    page[3] = replace(page[3], problem=Problem("vanished"))
    for one in page[:1]:
        raw.put(one.id, [one.id.encode() * 100])
    raw.put(page[1].id, [bytes(3 * 1024 * 1024)])
    stored = mails.put([*page, page[0], mail(3)])
    mails.put_references(stored)
    into_triage(connection, stored)
    mails.put_places("default", [ItemPlace("folder", f"item {n}", one.id) for n, one in enumerate(page)])
    mails.note_removed("default", "folder", ["item 0", "item 7"], NOW)
    mails.put_waiting([WaitingAnswer("default", "folder", "waits", ("aa", "bb"), NOW + timedelta(days=90))])
    checkpoints = TableFolderSyncStore(connection)
    there = checkpoints.read("default", "folder")
    if there is None or there.value.sync_state != "next":
        sync = FolderSync("default", "folder", "Inbox", NOW, sync_state="next")
        checkpoints.save(sync, there.etag if there else None)


def decide_a_waiting_answer(connection: StorageConnection, vault: FakeVault) -> None:
    mails = TableMailStore(connection, vault)
    for answer in mails.waiting_for(["aa", "bb"], NOW):
        mails.delete_waiting(answer)


def configure_and_claim(connection: StorageConnection, vault: FakeVault) -> None:
    mailboxes, schedule = TableMailboxStore(connection), TablePollSchedule(connection)
    settings = MailboxSettings("default", "c", "soc@corp.example", "server", "app", "tenant")
    there = mailboxes.read("default")
    if there is None:
        mailboxes.save_settings(settings, None, ACTIVITY)
    mailboxes.request_rewalk("default", NOW)
    state = schedule.read("default")
    if state is None:
        schedule.save(PollState("default", due_at=NOW), None)
    for due in schedule.due(NOW, 10):
        schedule.save(replace(due.value, claimed_until=NOW + timedelta(minutes=1)), due.etag)


def link_a_page(connection: StorageConnection, vault: FakeVault) -> None:
    """What linking does with mails that were stored: states, projections; then one of them moves."""
    kept = stores(connection, vault)
    moves, stays = kept.stored(mail(1, conversation_id="c"), mail(2, conversation_id=None))
    first = next_state(MailState(), certain("INC-1"))
    for states in (
        {moves.mail.id: first, stays.mail.id: next_state(MailState(), None)},
        {moves.mail.id: next_state(first, suggested("INC-2"))},
    ):
        rows = kept.links.read(states).values()
        older = [row for row in rows if len(row.state.history) < len(states[row.mail.id].history)]
        kept.links.save([(row, states[row.mail.id]) for row in older])
        kept.links.project(list(kept.links.read(states).values()))
    kept.links.log(ACTIVITY, "change")


def save_incidents(connection: StorageConnection, vault: FakeVault) -> None:
    """One is made, changes its units, and is merged; a key is made."""
    kept, pending = stores(connection, vault).incidents, TablePendingStore(connection)
    work = PendingWork("incident", "INC", "change", NOW, {})
    pending.put(work)
    parent = incident(2)
    versions = (
        parent,
        incident(1),
        incident(1, business_units=("hr", "it"), title="Second"),
        incident(1, business_units=("hr", "it"), status=IncidentStatus.MERGED, merged_into=parent.id),
    )
    there = kept.read(incident(1).id)
    done = versions.index(there.value) + 1 if there else 1 if kept.read(parent.id) else 0
    for version in versions[done:]:
        save(kept, version)
    kept.reproject(versions[-1])
    pending.done(work)


@pytest.mark.parametrize(
    "work", [store_a_page, decide_a_waiting_answer, configure_and_claim, link_a_page, save_incidents]
)
def test_work_that_died_at_any_request_and_is_done_again_ends_as_if_it_had_not(
    settings: StoreSettings, connection: StorageConnection, vault: FakeVault, work: Work
) -> None:
    TableMailStore(connection, vault).keyed_hash("")
    key = all_rows(connection)

    def before() -> None:
        empty(connection)
        for (_, partition, row_key), values in key.items():
            connection.tables.get_table_client("settings").create_entity(
                {"PartitionKey": partition, "RowKey": row_key, **values}
            )
        if work is decide_a_waiting_answer:
            store_a_page(connection, vault)

    work(connection, vault)  # from now on all tables are there
    before()
    watching, transport = watched(settings)
    work(watching, vault)
    rows, blobs = all_rows(connection), all_blobs(connection)
    for die_at in range(1, len(transport.requests) + 1):
        before()
        # After one request was made and before the next is made are the same moment.
        dying, _ = watched(settings, die_at=die_at, after_it_was_made=True)
        with pytest.raises(DiedError):
            work(dying, vault)
        work(connection, vault)
        assert all_rows(connection) == rows, transport.requests[die_at - 1]
        assert all_blobs(connection) == blobs, transport.requests[die_at - 1]


def test_the_first_write_to_an_account_without_any_table_dies_anywhere_and_is_done_again(
    settings: StoreSettings, connection: StorageConnection
) -> None:
    def without_table() -> None:
        connection.tables.delete_table("due")

    schedule = TablePollSchedule(connection)
    first = schedule.save(PollState("default", due_at=NOW), None).value
    without_table()
    watching, transport = watched(settings)
    TablePollSchedule(watching).save(first, None)
    assert len(transport.requests) == 3
    for die_at in range(1, 4):
        for after in (False, True):
            without_table()
            dying, _ = watched(settings, die_at=die_at, after_it_was_made=after)
            with pytest.raises(DiedError):
                TablePollSchedule(dying).save(first, None)
            if die_at == 3 and after:
                with pytest.raises(ConflictError):
                    schedule.save(first, None)
            else:
                schedule.save(first, None)
            assert [due.value for due in schedule.due(NOW, 9)] == [first]
