"""References, waiting answers, item places and triage."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.mail import Evidence, Problem
from domain.stored import ItemPlace, WaitingAnswer
from store.batches import write_all
from store.connection import StorageConnection, StoreSettings
from store.mail_store import TableMailStore
from store.rows import Replace, Row
from store.table import Table
from tests.store.support import NOW, FakeVault, all_rows, into_triage, mail, watched


@pytest.fixture
def store(connection: StorageConnection, vault: FakeVault) -> TableMailStore:
    return TableMailStore(connection, vault)


def waiting(item: str, *named: str, days: int = 90) -> WaitingAnswer:
    return WaitingAnswer("default", "folder", item, named, NOW + timedelta(days=days))


def test_a_message_id_and_a_conversation_are_known_once_their_mail_is_stored(store: TableMailStore) -> None:
    own, conversation, named = (
        store.keyed_hash(key) for key in ("7@fin.example", "conversation:conversation 2", "6@fin.example")
    )
    assert store.known_among([own, conversation, named]) == set()
    store.put_references([mail(7)])
    assert store.known_among([own, conversation, named]) == {own, conversation}


def test_a_mail_without_a_message_id_makes_nothing_known_but_its_conversation(
    connection: StorageConnection, store: TableMailStore
) -> None:
    store.put_references([mail(7, internet_message_id=None, evidence=Evidence())])
    store.put_references([mail(8, internet_message_id=" ", conversation_id=None, evidence=Evidence())])
    assert len([key for key in all_rows(connection) if key[0] == "references"]) == 1


@pytest.mark.parametrize("asked", [1, 14, 100, 3000])
def test_however_many_are_asked_for_the_same_are_known(store: TableMailStore, asked: int) -> None:
    store.put_references([mail(number) for number in range(0, 60, 2)])
    hashes = [store.keyed_hash(f"{number}@fin.example") for number in range(asked)]
    known = {hashes[number] for number in range(0, min(asked, 60), 2)}
    assert store.known_among(hashes) == known
    assert store.known_among(iter(hashes + hashes)) == known


def test_look_ups_go_on_where_a_partition_is_too_long_to_be_read(
    connection: StorageConnection, store: TableMailStore
) -> None:
    rows = [Row("known-0", f"{number * 7:032x};default.x") for number in range(2500)]
    write_all(connection, Table(connection, "references"), [Replace(row) for row in rows])
    hashes = [f"{number:032x}" for number in range(0, 17500, 500)]
    assert store.known_among(hashes) == {one for one in hashes if int(one, 16) % 7 == 0}


def test_a_thousand_names_against_a_small_index_cost_a_query_for_each_partition(
    settings: StoreSettings, connection: StorageConnection, vault: FakeVault
) -> None:
    TableMailStore(connection, vault).put_references([mail(1)])
    watching, transport = watched(settings)
    store = TableMailStore(watching, vault)
    hashes = [store.keyed_hash(f"{number}@x.example") for number in range(1000)]
    transport.requests.clear()
    store.known_among(hashes)
    assert len(transport.requests) == 4


def test_nothing_readable_is_in_the_reference_index(
    connection: StorageConnection, store: TableMailStore
) -> None:
    store.put_references([mail(7)])
    rows = {key: row for key, row in all_rows(connection).items() if key[0] == "references"}
    assert rows
    assert "example" not in str(rows)
    assert "conversation 2" not in str(rows)


def test_an_answer_waits_for_every_message_that_it_names(store: TableMailStore) -> None:
    answer = waiting("item", "aa", "bb")
    store.put_waiting([answer, waiting("other", "cc")])
    assert store.waiting_for(["bb"], NOW) == [answer]
    assert store.waiting_for(["aa", "bb", "dd"], NOW) == [answer]
    assert store.waiting_for(["dd"], NOW) == []
    assert store.waiting_for([], NOW) == []


def test_an_answer_that_was_decided_waits_no_more(
    connection: StorageConnection, store: TableMailStore
) -> None:
    answer = waiting("item", "aa", "bb")
    store.put_waiting([answer])
    store.delete_waiting(answer)
    store.delete_waiting(answer)
    assert store.waiting_for(["aa", "bb"], NOW) == []
    store.put_waiting([waiting("item", "aa")])
    store.delete_waiting(answer)
    assert all_rows(connection) == {}


def test_an_answer_waits_no_longer_than_its_time(store: TableMailStore) -> None:
    store.put_waiting([waiting("item", "aa", days=90)])
    assert store.waiting_for(["aa"], NOW + timedelta(days=90)) == []
    assert len(store.waiting_for(["aa"], NOW + timedelta(days=89))) == 1


def test_answers_are_found_among_thousands(connection: StorageConnection, store: TableMailStore) -> None:
    store.put_waiting([waiting(f"item {number}", f"{number:032x}") for number in range(1200)])
    found = store.waiting_for([f"{5:032x}", f"{1199:032x}", "ff"], NOW)
    assert {answer.item_id for answer in found} == {"item 5", "item 1199"}


def test_where_an_item_went_is_remembered_under_any_item_id(store: TableMailStore) -> None:
    places = [ItemPlace("folder/+=", item, mail(1).id) for item in ("AAMk/+==", "aamk/+==", "x" * 5000)]
    store.put_places("default", places)
    assert [store.place("default", "folder/+=", place.item_id) for place in places] == places
    assert store.place("default", "other folder", "AAMk/+==") is None
    assert store.place("other", "folder/+=", "AAMk/+==") is None


@pytest.mark.parametrize("others", [0, 20, 1100])
def test_a_removal_is_noted_on_what_is_ours_and_counted(store: TableMailStore, others: int) -> None:
    places = [ItemPlace("folder", f"item {number}", mail(number % 9).id) for number in range(10 + others)]
    store.put_places("default", places)
    gone = ["item 1", "item 2", "never ours", "item 2", *(f"not ours {number}" for number in range(9))]
    assert store.note_removed("default", "folder", gone, NOW) == 2
    assert store.note_removed("default", "folder", gone[:3], NOW) == 2
    assert store.place("default", "folder", "item 1") == places[1]


def test_the_first_removal_stays_though_it_is_noted_or_the_place_is_written_again(
    connection: StorageConnection, store: TableMailStore
) -> None:
    place = ItemPlace("folder", "item", mail(1).id)
    store.put_places("default", [place])
    store.note_removed("default", "folder", ["item"], NOW)
    rows = all_rows(connection)
    store.note_removed("default", "folder", ["item"], NOW + timedelta(hours=1))
    store.put_places("default", [place])
    assert all_rows(connection) == rows
    assert "2026-03-04T05:06:07.089000Z" in str(rows)


def test_triage_pages_newest_first_through_everything_once(
    connection: StorageConnection, store: TableMailStore
) -> None:
    mails = [mail(number) for number in range(25)]
    into_triage(connection, mails[::2])
    into_triage(connection, mails)
    ids, cursor = [], None
    while True:
        page = store.triage(limit=10, cursor=cursor)
        ids += [one.mail.id for one in page.mails]
        if (cursor := page.cursor) is None:
            break
    assert ids == [one.id for one in mails]


def test_a_full_last_page_has_no_cursor(connection: StorageConnection, store: TableMailStore) -> None:
    into_triage(connection, [mail(number) for number in range(10)])
    assert store.triage(limit=10, cursor=None).cursor is None


def test_mails_of_the_same_millisecond_are_all_listed(
    connection: StorageConnection, store: TableMailStore
) -> None:
    into_triage(connection, [mail(number, received_at=NOW) for number in range(5)])
    first = store.triage(limit=2, cursor=None)
    rest = store.triage(limit=5, cursor=first.cursor)
    assert len({one.mail.id for one in first.mails + rest.mails}) == 5


def test_triage_of_one_unit_pages_through_its_mails_alone(
    connection: StorageConnection, store: TableMailStore
) -> None:
    into_triage(connection, [mail(number) for number in range(20)])
    into_triage(connection, [mail(99, business_unit="o'hara")])
    first = store.triage(limit=6, cursor=None, business_unit="fin")
    rest = store.triage(limit=6, cursor=first.cursor, business_unit="fin")
    assert [one.mail.subject for one in first.mails + rest.mails] == [
        mail(n).subject for n in range(1, 20, 2)
    ]
    assert rest.cursor is None
    assert len(store.triage(limit=5, cursor=None, business_unit="o'hara").mails) == 1
    assert store.triage(limit=5, cursor=None, business_unit="x' or '1' eq '1").mails == ()


def test_a_mail_put_into_triage_after_it_changed_shows_as_it_now_is(
    connection: StorageConnection, store: TableMailStore
) -> None:
    into_triage(connection, [mail(1)])
    into_triage(connection, [replace(mail(1), subject="changed")])
    assert [one.mail.subject for one in store.triage(limit=5, cursor=None).mails] == ["changed"]


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "MDAw", "J29yIDEgZXEgMQ", "\u00e4", "A" * 5000])
def test_a_cursor_that_no_page_gave_is_refused(store: TableMailStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        store.triage(limit=5, cursor=cursor)


def test_a_keyed_hash_is_the_same_in_every_worker_and_differs_between_installations(
    connection: StorageConnection, vault: FakeVault, store: TableMailStore
) -> None:
    first = store.keyed_hash("1@fin.example")
    assert TableMailStore(connection, vault).keyed_hash("1@fin.example") == first
    assert len(first) == 32
    Table(connection, "settings").delete("keys", "reference")
    assert TableMailStore(connection, FakeVault()).keyed_hash("1@fin.example") != first


def test_the_key_is_read_once_a_worker(vault: FakeVault, store: TableMailStore) -> None:
    for number in range(5):
        store.keyed_hash(str(number))
    assert vault.reads == 1


def test_of_two_workers_that_make_the_key_at_once_both_use_the_winners(
    connection: StorageConnection, vault: FakeVault
) -> None:
    class SlowVault(FakeVault):
        def write(self, name: str, value: str) -> str:
            version = vault.write(name, value)
            if len(vault.versions) == 1:
                hashes.append(TableMailStore(connection, vault).keyed_hash("x"))
            return version

        def read(self, name: str, version: str) -> str:
            return vault.read(name, version)

    hashes: list[str] = []
    hashes.append(TableMailStore(connection, SlowVault()).keyed_hash("x"))
    assert len(vault.versions) == 2
    assert hashes[0] == hashes[1]


def test_waiting_answers_are_forgotten_when_their_time_is_over_and_not_before(store: TableMailStore) -> None:
    store.put_waiting([waiting("old", "aa", "bb", days=90), waiting("new", "cc", days=91)])

    assert store.purge_waiting(NOW + timedelta(days=90, seconds=1)) == 2

    assert [one.item_id for one in store.waiting_for(["aa", "bb", "cc"], NOW)] == ["new"]


def test_the_record_of_an_unreadable_mail_goes_without_a_trace_and_whole_mails_stay(
    connection: StorageConnection, store: TableMailStore
) -> None:
    whole = mail(1)
    store.put([whole])
    store.put_references([whole])
    into_triage(connection, [whole])
    before = all_rows(connection)
    stub = mail(2, problem=Problem("ErrorItemNotFound"))
    store.put([stub])
    store.put_references([stub])
    into_triage(connection, [stub])

    store.drop_unreadable([stub.id, whole.id, mail(3).id])
    store.drop_unreadable([stub.id])

    after = all_rows(connection)
    # That some mail of the mailbox was once unreadable is remembered, and says nothing of it.
    del after["mails", "default-unreadable", "recorded"]
    assert after == before
