"""What each question costs, counted at the transport: the figures of docs/storage.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.business_units import BusinessUnit
from domain.folder_sync import FolderSync
from domain.links import Link, LinkedMail, MailState
from domain.mailboxes import FolderSelection, MailboxSettings, PollState
from domain.stored import ItemPlace
from store.business_unit_store import TableBusinessUnitStore
from store.connection import StorageConnection, StoreSettings
from store.folder_sync_store import TableFolderSyncStore
from store.mail_store import TableMailStore
from store.mailbox_store import TableMailboxStore
from store.pending_store import TablePendingStore
from store.poll_schedule import TablePollSchedule
from store.raw_mail_store import BlobRawMailStore
from store.subject_token_keys import VaultSubjectTokenKeys
from store.work_queue import StorageWorkQueue
from tests.store.link_support import Stores, certain, incident, next_state, save, stores
from tests.store.support import ACTIVITY, NOW, FakeVault, into_triage, mail, watched

MIB = 1024 * 1024
Work = Callable[[StorageConnection, FakeVault], object]
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
    kept = stores(connection, vault)
    kept.stored(*(mail(number) for number in range(200, 264)))
    for number in range(3):
        save(kept.incidents, incident(number))
    kept.placed(kept.stored(mail(300, conversation_id="c"))[0], certain("INC-1"))
    VaultSubjectTokenKeys(connection, vault).rotate(ACTIVITY)
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


def linked(
    connection: StorageConnection, vault: FakeVault, link: Link | None, count: int
) -> list[LinkedMail]:
    """Stored mails as a first decision leaves them, not saved."""
    rows = stores(connection, vault).links.read(mail(number).id for number in range(200, 200 + count))
    return [replace(row, state=next_state(MailState(), link)) for row in rows.values()]


def save_states(connection: StorageConnection, vault: FakeVault) -> None:
    rows = linked(connection, vault, certain("INC-1"), 64)
    stores(connection, vault).links.save([(row, row.state) for row in rows])


def project(count: int, link: Link | None) -> Work:
    def work(connection: StorageConnection, vault: FakeVault) -> None:
        stores(connection, vault).links.project(linked(connection, vault, link, count))

    return work


def ask(question: Callable[[Stores], object]) -> Work:
    return lambda connection, vault: question(stores(connection, vault))


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
    "nothing to relink": (lambda c, _: TablePendingStore(c).older_than(NOW, 9), 1),
    "read 64, save their first states and project them into a tab": (save_states, 171),
    "read 1, project it into triage": (project(1, None), 1 + 2),
    "read 64, project them into triage": (project(64, None), 64 + 1 + 4),
    "read 1, project it into a tab": (project(1, certain("INC-1")), 1 + 5),
    "names": (ask(lambda k: k.links.known_as(map(str, range(10)))), 10),
    "a conversation's incidents": (ask(lambda k: k.incidents_of(mail(300, conversation_id="c"))), 1),
    "weak mails": (ask(lambda k: k.links.undecided_or_weak(None, None, None, None)), 1),
    "an incident's mails": (ask(lambda k: k.links.mails_in("INC-1", None)), 1),
    "an incident": (ask(lambda k: k.incidents.read(incident(1).id)), 1),
    "a page of incidents": (ask(lambda k: k.incidents.page(limit=9, cursor=None, status=None, text=None)), 1),
    "incidents of two units, three in all": (ask(lambda k: k.incidents.of_units(["fin", "hr"])), 2 + 3),
    "save an incident (one read before)": (ask(lambda k: save(k.incidents, incident(1, title="x"))), 1 + 2),
    "a new incident (one read before)": (ask(lambda k: save(k.incidents, incident(9))), 1 + 3),
    "token keys": (lambda c, v: VaultSubjectTokenKeys(c, v).keys(), 1),
}


@pytest.mark.usefixtures("filled")
def test_every_question_costs_what_the_documentation_says(settings: StoreSettings, vault: FakeVault) -> None:
    for name, (work, cost) in COSTS.items():
        connection, transport = watched(settings)
        work(connection, vault)
        requests = [one for one in transport.requests if "keys" not in one]
        assert len(requests) == cost, (name, requests)
