"""Mail rows are written once; repetition in any grouping ends in the same rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.mail import Address, Mail, Problem
from store.connection import StorageConnection, StoreSettings
from store.mail_store import TableMailStore
from tests.store.support import NOW, FakeVault, all_rows, empty, into_triage, mail, watched


@pytest.fixture
def store(connection: StorageConnection, vault: FakeVault) -> TableMailStore:
    return TableMailStore(connection, vault)


def test_mails_are_read_back_as_they_were_put_and_answered_in_the_order_given(store: TableMailStore) -> None:
    mails = [mail(number) for number in (5, 3, 9, 1)]
    assert store.put(mails) == mails
    assert [store.read(one.id) for one in mails] == mails


def test_a_mailbox_tells_for_good_that_one_of_its_mails_was_recorded_with_a_problem(
    store: TableMailStore,
) -> None:
    store.put([mail(1)])
    assert not store.unreadable_recorded("default")
    store.put([mail(2, problem=Problem("ErrorCorruptData", ""))])
    store.put([mail(2)])
    assert store.unreadable_recorded("default")
    assert not store.unreadable_recorded("other")


@pytest.mark.parametrize("bad", ["default.ffffffffffffffffffffffffffffffff", "", "x", "a'b.c", "../../x"])
def test_what_is_not_stored_is_none(store: TableMailStore, bad: str) -> None:
    assert store.read(bad) is None


def test_sixty_four_new_mails_are_one_transaction_for_each_of_four_partitions(
    settings: StoreSettings, connection: StorageConnection, vault: FakeVault
) -> None:
    TableMailStore(connection, vault).put([mail(999)])
    watching, transport = watched(settings)
    TableMailStore(watching, vault).put([mail(number) for number in range(64)])
    assert len(transport.requests) == 4


def test_more_than_a_transaction_takes_goes_in_several(store: TableMailStore) -> None:
    mails = [mail(number) for number in range(450)]
    assert store.put(mails) == mails
    assert store.read(mails[449].id) == mails[449]


def test_mails_of_almost_a_megabyte_each_go_too(store: TableMailStore) -> None:
    people = tuple(Address("x" * 440, f"{n}@fin.example") for n in range(800))
    mails = [mail(number, to=people) for number in range(20)]
    assert store.put(mails) == mails
    assert store.read(mails[7].id) == mails[7]


def test_the_first_copy_of_a_mail_stays(store: TableMailStore) -> None:
    first = mail(1, subject="in the inbox")
    store.put([first])
    copy = replace(first, subject="in sent items", received_at=NOW + timedelta(days=1))
    assert store.put([mail(2), copy, mail(3)]) == [mail(2), first, mail(3)]
    assert store.read(first.id) == first


def test_two_copies_in_one_put_are_one_row(store: TableMailStore) -> None:
    first, copy = mail(1), mail(1, subject="copy")
    assert store.put([first, copy]) == [first, first]


def test_a_row_with_a_problem_yields_to_one_without_and_keeps_its_received_time(
    store: TableMailStore,
) -> None:
    bad = mail(1, problem=Problem("vanished"), received_at=NOW - timedelta(days=1))
    store.put([bad])
    whole = replace(mail(1), received_at=bad.received_at)
    assert store.put([mail(1), mail(2)]) == [whole, mail(2)]
    assert store.put([bad]) == [whole]
    assert store.read(bad.id) == whole


def test_in_one_put_too_the_mail_without_a_problem_counts(store: TableMailStore) -> None:
    bad = mail(1, problem=Problem("vanished"))
    assert store.put([bad, mail(1)]) == [mail(1), mail(1)]


def test_what_is_answered_is_what_will_be_read_odd_characters_included(store: TableMailStore) -> None:
    [answered] = store.put([mail(1, subject="half a \ud83d pair, \x00 and \ufffe")])
    assert answered.subject == "half a \ufffd pair, \x00 and \ufffd"
    assert store.read(answered.id) == answered


GROUPINGS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=6)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=GROUPINGS)
def test_any_grouping_and_repetition_of_the_same_mails_ends_in_the_same_rows(
    connection: StorageConnection, vault: FakeVault, groups: list[list[int]]
) -> None:
    store = TableMailStore(connection, vault)
    store.keyed_hash("")  # the key is made once, whatever is emptied afterwards
    empty(connection)

    def write(mails: list[Mail]) -> None:
        stored = store.put(mails)
        store.put_references(stored)
        into_triage(connection, stored)

    for group in groups:
        write([mail(number) for number in group])
    rows = all_rows(connection)
    empty(connection)
    write([mail(number) for number in sorted({number for group in groups for number in group})])
    assert all_rows(connection) == rows
