"""The outbox in Table and Blob Storage: an entry and everything by which it is found change together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain import outbox_moves as moves
from domain.configuration_ports import ActivityQuery
from domain.errors import ConflictError, NotFoundError
from domain.outbox import Draft, OutboxEntry, OutboxState, OutcomeState, RecipientOutcome
from store.activity_log import TableActivityLog
from store.connection import StorageConnection, StoreSettings
from store.outbox_store import TableOutboxStore
from store.outgoing_blobs import OutgoingBlobs
from tests.store.support import ACTIVITY, NOW, DiedError, all_rows, watched
from tests.support.outgoing import PLAIN, changed, file

SECOND = timedelta(seconds=1)


def entry(number: int = 1, **changes: object) -> OutboxEntry:
    made = OutboxEntry(
        id=f"{number:032x}",
        request_digest="digest",
        incident_id="INC-1",
        kind="reply",
        mode="reply",
        mailbox_id="default",
        subject="Re: ünïcode 日本",
        to=("ann@fin.example",),
        cc=(),
        bcc=("eve@fin.example",),
        message_id=f"<m{number}@corp.example>",
        created_at=NOW + number * SECOND,
        created_by="analyst",
        due_at=NOW + number * SECOND,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def sending(one: OutboxEntry) -> OutboxEntry:
    """Claimed, with its draft."""
    claimed = moves.claim(one, "claim", one.due_at)
    return moves.record_draft(claimed, Draft("item", "key", "<theirs@corp.example>"), NOW)


@pytest.fixture
def outbox(connection: StorageConnection) -> TableOutboxStore:
    return TableOutboxStore(connection)


@pytest.fixture(autouse=True)
def contents(connection: StorageConnection) -> Iterator[OutgoingBlobs]:
    yield OutgoingBlobs(connection)
    container = connection.container("outbox")
    if container.exists():
        for blob in container.list_blobs():
            container.delete_blob(blob.name)


def keys(connection: StorageConnection) -> set[str]:
    """The kinds of index rows that there are."""
    found = {key.partition(";")[0] for table, _, key in all_rows(connection) if table == "outbox"}
    return found - {"entry", "incident", "message", "activity"}


def test_an_entry_is_read_as_it_was_written(outbox: TableOutboxStore) -> None:
    refused = RecipientOutcome("eve@fin.example", OutcomeState.REFUSED, "SMTP 550", "no such user ü")
    sent = moves.confirm(moves.submit(sending(entry()), NOW), NOW, sent_at=NOW, refused=(refused,))
    for one in (entry(), sending(entry(2)), replace(sent, id="3" * 32)):
        made, is_new = outbox.create(one, None)
        assert is_new
        assert outbox.read(one.id) == made
        assert made.value == one


def test_an_entry_that_is_there_stays_whatever_comes_under_its_id(outbox: TableOutboxStore) -> None:
    first, _ = outbox.create(entry(), ACTIVITY)

    standing, is_new = outbox.create(entry(subject="Another"), ACTIVITY)

    assert (standing, is_new) == (first, False)


def test_of_two_changes_of_one_entry_the_second_is_refused_and_changes_nothing(
    outbox: TableOutboxStore, connection: StorageConnection
) -> None:
    made, _ = outbox.create(entry(), None)
    saved = outbox.save(sending(made.value), made.etag)
    before = all_rows(connection)

    with pytest.raises(ConflictError):
        outbox.save(moves.cancel(made.value, NOW, "ann"), made.etag, ACTIVITY)
    with pytest.raises(ConflictError):
        outbox.save(made.value, '"no fence"')

    assert all_rows(connection) == before
    assert outbox.save(moves.submit(saved.value, NOW), saved.etag).value.is_submitted


def test_what_is_due_is_found_at_its_time_and_moves_with_each_change(outbox: TableOutboxStore) -> None:
    made, _ = outbox.create(entry(), None)
    outbox.create(entry(2), None)

    assert outbox.due(NOW + 0.5 * SECOND, 10) == []
    assert outbox.due(NOW + SECOND, 10) == [entry()]
    assert outbox.due(NOW + 9 * SECOND, 1) == [entry()]

    claimed = outbox.save(moves.claim(made.value, "claim", NOW + SECOND), made.etag)
    assert outbox.due(NOW + 9 * SECOND, 10) == [entry(2)]
    assert outbox.due(NOW + timedelta(minutes=1), 10) == [entry(2), claimed.value]


def test_an_entry_has_the_index_rows_of_its_state_and_no_others(
    outbox: TableOutboxStore, connection: StorageConnection
) -> None:
    made, _ = outbox.create(entry(), None)
    assert keys(connection) == {"due"}

    held = outbox.save(moves.hold(made.value, NOW), made.etag)
    assert keys(connection) == {"held"}
    assert outbox.held("default", 10) == [held.value]
    assert outbox.held("other", 10) == []

    released = outbox.save(moves.release(held.value, NOW + SECOND, "ann"), held.etag)
    submitted = outbox.save(moves.submit(sending(released.value), NOW), released.etag)
    assert keys(connection) == {"due", "awaits"}

    outbox.save(moves.confirm(submitted.value, NOW, sent_at=NOW), submitted.etag)
    assert keys(connection) == set()


def test_an_entry_is_found_by_every_message_id_that_it_has(outbox: TableOutboxStore) -> None:
    made, _ = outbox.create(entry(), None)
    assert outbox.known_as("m1@corp.example") == entry().id
    assert outbox.known_as("theirs@corp.example") is None
    assert outbox.awaited() == {}

    submitted = outbox.save(moves.submit(sending(made.value), NOW), made.etag)
    assert outbox.awaited() == {"m1@corp.example": entry().id, "theirs@corp.example": entry().id}

    outbox.save(moves.confirm(submitted.value, NOW, sent_at=NOW), submitted.etag)
    assert outbox.known_as("theirs@corp.example") == entry().id
    assert outbox.awaited() == {}


def test_an_incidents_entries_come_newest_first_page_by_page(outbox: TableOutboxStore) -> None:
    for number in (3, 1, 2):
        outbox.create(entry(number), None)
    outbox.create(entry(4, incident_id="INC-10"), None)

    first, cursor = outbox.of_incident("INC-1", limit=2, cursor=None)
    second, end = outbox.of_incident("INC-1", limit=2, cursor=cursor)

    assert (first, second, end) == ([entry(3), entry(2)], [entry(1)], None)
    for bad in ("", "x", "=", "~" * 40):
        with pytest.raises(ValueError, match="cursor"):
            outbox.of_incident("INC-1", limit=2, cursor=bad)


def test_a_list_shows_what_is_true_now(outbox: TableOutboxStore) -> None:
    made, _ = outbox.create(entry(), None)
    outbox.save(moves.cancel(made.value, NOW, "ann"), made.etag)

    [listed], _ = outbox.of_incident("INC-1", limit=10, cursor=None)

    assert listed.state is OutboxState.CANCELLED


def test_a_send_is_in_the_activity_log(outbox: TableOutboxStore, connection: StorageConnection) -> None:
    outbox.create(entry(), ACTIVITY)

    page = TableActivityLog(connection).page(ActivityQuery(limit=10))

    assert [one.entry for one in page.entries] == [ACTIVITY]


def test_five_hundred_recipients_refused_at_length_are_written_all_the_same(outbox: TableOutboxStore) -> None:
    people = tuple(f"{'x' * 60}{number}@{'y' * 180}.example" for number in range(500))
    refused = tuple(RecipientOutcome(one, OutcomeState.REFUSED, "SMTP 550", "z" * 500) for one in people)
    made, _ = outbox.create(sending(entry(to=people)), None)

    outbox.save(moves.confirm(made.value, NOW, sent_at=NOW, refused=refused), made.etag)

    read = outbox.read(entry().id)
    assert read is not None
    assert [(one.address, one.state) for one in read.value.outcomes] == [
        (one, OutcomeState.REFUSED) for one in people
    ] + [("eve@fin.example", OutcomeState.ACCEPTED)]


@pytest.mark.parametrize("is_made", [False, True])
def test_a_worker_that_dies_while_it_creates_leaves_the_whole_entry_or_nothing(
    is_made: bool, connection: StorageConnection, settings: StoreSettings
) -> None:
    TableOutboxStore(connection).create(entry(9), None)
    before = all_rows(connection)
    dying, _ = watched(settings, die_at=1, after_it_was_made=is_made)

    with pytest.raises(DiedError):
        TableOutboxStore(dying).create(entry(), ACTIVITY)

    assert (all_rows(connection) == before) is not is_made
    _, is_new = TableOutboxStore(connection).create(entry(), ACTIVITY)
    assert is_new is not is_made


def test_a_change_costs_one_request_and_a_list_one(outbox: TableOutboxStore, settings: StoreSettings) -> None:
    made, _ = outbox.create(entry(2), None)
    connection, transport = watched(settings)
    watched_outbox = TableOutboxStore(connection)

    watched_outbox.create(entry(), ACTIVITY)
    watched_outbox.save(sending(made.value), made.etag)
    watched_outbox.of_incident("INC-1", limit=10, cursor=None)
    watched_outbox.awaited()

    assert len(transport.requests) == 4, transport.requests


def test_what_a_mail_says_is_written_once(outbox: TableOutboxStore) -> None:
    large = changed(html="ü" * 3_000_000, attachments=(file("key", b"x", "a.pdf"),), cc=PLAIN.to)

    outbox.put_message("a" * 32, large)
    outbox.put_message("a" * 32, PLAIN)

    assert outbox.message("a" * 32) == large
    with pytest.raises(NotFoundError):
        outbox.message("b" * 32)


@pytest.mark.parametrize("size", [0, 1, 4 * 1024 * 1024, 4 * 1024 * 1024 + 1])
def test_attachments_are_read_as_they_were_written(size: int, contents: OutgoingBlobs) -> None:
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    assert contents.put("drafts/1", [data[:70_000], data[70_000:]]) == size

    assert b"".join(contents.read("drafts/1")) == data
    contents.delete("drafts/1")
    contents.delete("drafts/1")
    with pytest.raises(NotFoundError):
        next(contents.read("drafts/1"))
