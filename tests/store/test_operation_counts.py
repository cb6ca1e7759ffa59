"""What each question costs, counted at the transport: the figures of docs/storage.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.business_units import BusinessUnit
from domain.folder_sync import FolderSync
from domain.mailboxes import FolderSelection, MailboxSettings, PollState
from domain.stored import ItemPlace
from store.business_unit_store import TableBusinessUnitStore
from store.connection import StorageConnection, StoreSettings
from store.folder_sync_store import TableFolderSyncStore
from store.mail_store import TableMailStore
from store.mailbox_store import TableMailboxStore
from store.poll_schedule import TablePollSchedule
from store.raw_mail_store import BlobRawMailStore
from store.work_queue import StorageWorkQueue
from tests.store.support import ACTIVITY, NOW, FakeVault, into_triage, mail, watched

MIB = 1024 * 1024
UNIT = BusinessUnit(
    "hr", "uuid", "HR", addresses=("new@hr.example", "ann@hr.example"), domains=("hr.example",)
)


def units(connection: StorageConnection) -> TableBusinessUnitStore:
    return TableBusinessUnitStore(connection, TableMailboxStore(connection))


@pytest.fixture
def filled(connection: StorageConnection, vault: FakeVault) -> None:
    """Every table, the container and the queue are there, with something in them."""
    mails = TableMailStore(connection, vault)
    page = [mail(number) for number in range(100, 180)]
    mails.put(page)
    mails.put_references(page)
    into_triage(connection, page)
    mails.put_places("default", [ItemPlace("folder", f"item {n}", one.id) for n, one in enumerate(page)])
    mailboxes = TableMailboxStore(connection)
    mailboxes.save_settings(
        MailboxSettings("default", "c", "soc@corp.example", "s", "a", "t"), None, ACTIVITY
    )
    mailboxes.save_selection("default", FolderSelection(()), None, ACTIVITY)
    TablePollSchedule(connection).save(PollState("default", NOW), None)
    for number in range(20):
        sync = FolderSync("default", f"folder {number}", "Inbox", NOW, sync_state="x" * 90_000)
        TableFolderSyncStore(connection).save(sync, None)
    BlobRawMailStore(connection).put(mail(100).id, [b"x"])
    StorageWorkQueue(connection).send("mailbox-sync", {})
    units(connection).save(replace(UNIT, addresses=("old@hr.example", "ann@hr.example")), None, ACTIVITY)


def save_a_unit(connection: StorageConnection, _: FakeVault) -> None:
    there = units(connection).read("hr")
    assert there is not None
    units(connection).save(UNIT, there.etag, ACTIVITY)


def idle_poll(connection: StorageConnection, _: FakeVault) -> None:
    schedule = TablePollSchedule(connection)
    [due] = schedule.due(NOW, 10)
    claimed = schedule.save(replace(due.value, claimed_until=NOW + timedelta(minutes=5)), due.etag)
    TableMailboxStore(connection).read("default")
    TableFolderSyncStore(connection).read_all("default")
    schedule.save(replace(due.value, due_at=NOW + timedelta(minutes=1)), claimed.etag)


Work = Callable[[StorageConnection, FakeVault], object]
COSTS: dict[str, tuple[Work, int]] = {
    "idle poll, the due query included": (idle_poll, 5),
    "put 64": (lambda c, v: TableMailStore(c, v).put([mail(n) for n in range(64)]), 4),
    "put 300": (lambda c, v: TableMailStore(c, v).put([mail(n) for n in range(1000, 1300)]), 4),
    "triage": (lambda c, _: into_triage(c, [mail(n) for n in range(64)]), 1),
    "triage page": (lambda c, v: TableMailStore(c, v).triage(limit=50, cursor=None), 1),
    "mail": (lambda c, v: TableMailStore(c, v).read(mail(100).id), 1),
    "removed": (lambda c, v: TableMailStore(c, v).note_removed("default", "folder", ["item 1"] * 9, NOW), 2),
    "waiting": (lambda c, v: TableMailStore(c, v).waiting_for(["aa"], NOW), 1),
    "small blob": (lambda c, _: BlobRawMailStore(c).put(mail(1).id, [bytes(MIB)]), 1),
    "small blob that is there": (lambda c, _: BlobRawMailStore(c).put(mail(100).id, [bytes(9)]), 3),
    "large blob that is there": (lambda c, _: BlobRawMailStore(c).put(mail(1).id, [bytes(9 * MIB)]), 2),
    "large blob": (lambda c, _: BlobRawMailStore(c).put(mail(2).id, [bytes(9 * MIB)]), 5),
    "checkpoint": (lambda c, _: TableFolderSyncStore(c).read("default", "folder 1"), 1),
    "mailbox settings": (lambda c, _: TableMailboxStore(c).read_settings("default"), 1),
    "queue message": (lambda c, _: StorageWorkQueue(c).send("mailbox-sync", {}), 1),
    "units": (lambda c, _: units(c).read_all(), 1),
    "save a unit (one address new, two entries kept, one given up; one read before)": (save_a_unit, 11),
    "rewalks": (lambda c, _: units(c).request_rewalks(NOW), 7),
    "nothing pending": (lambda c, _: units(c).resume_rewalks(NOW), 1),
}


@pytest.mark.usefixtures("filled")
def test_every_question_costs_what_the_documentation_says(settings: StoreSettings, vault: FakeVault) -> None:
    for name, (work, cost) in COSTS.items():
        connection, transport = watched(settings)
        work(connection, vault)
        requests = [one for one in transport.requests if "keys" not in one]
        assert len(requests) == cost, (name, requests)
