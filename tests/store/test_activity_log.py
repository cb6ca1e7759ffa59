"""The activity log: one list over all partitions, newest first, each entry once however it is paged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.business_units import BusinessUnit
from domain.configuration import Retention
from domain.configuration_ports import ActivityQuery, LoggedActivity
from domain.stored import Activity
from store.activity import activity_of, activity_write
from store.activity_log import TableActivityLog
from store.business_unit_store import TableBusinessUnitStore
from store.chunks import MAX_ENTITY_BYTES, utf16_bytes
from store.connection import StorageConnection, StoreSettings
from store.mailbox_store import TableMailboxStore
from store.settings_store import TableSettingsStore
from tests.store.support import ACTIVITY, NOW, empty, watched
from tests.store.test_mailbox_store import SETTINGS

PLACES = ("default", "Fin Mailbox", "units", "settings")


class Writer:
    """Writes entries where they belong: with a mailbox, a unit or a setting."""

    def __init__(self, connection: StorageConnection) -> None:
        self._mailboxes = TableMailboxStore(connection)
        self._units = TableBusinessUnitStore(connection, self._mailboxes)
        self._settings = TableSettingsStore(connection)

    def write(self, place: str, entry: Activity) -> None:
        if place == "units":
            unit = self._units.read("u")
            self._units.save(BusinessUnit("u", "uuid", "U"), unit.etag if unit else None, entry)
        elif place == "settings":
            stored = self._settings.read(Retention)
            self._settings.save(Retention(), stored.etag if stored else None, entry)
        else:
            mailbox = self._mailboxes.read(place)
            etag = mailbox.settings_etag if mailbox else None
            self._mailboxes.save_settings(replace(SETTINGS, mailbox_id=place), etag, entry)


def entry(number: int, **changes: Any) -> Activity:
    """The number-th entry, a second after the one before."""
    fields = {"at": NOW + timedelta(seconds=number), "action": f"a{number}", **changes}
    return replace(ACTIVITY, **fields)


def walk(log: TableActivityLog, limit: int = 100, **filters: Any) -> list[LoggedActivity]:
    """All pages, from the first to the last."""
    found: list[LoggedActivity] = []
    cursor = None
    while True:
        page = log.page(ActivityQuery(limit, cursor, **filters))
        assert page.cursor is None or page.cursor != cursor, "the walk stands still"
        found += page.entries
        cursor = page.cursor
        if cursor is None:
            return found
        assert page.entries


def actions(found: list[LoggedActivity]) -> list[str]:
    return [one.entry.action for one in found]


def test_nothing_is_logged_before_anything_was_changed(connection: StorageConnection) -> None:
    page = TableActivityLog(connection).page(ActivityQuery(limit=50))
    assert (page.entries, page.cursor) == ((), None)


def test_entries_of_all_places_are_one_list_newest_first(connection: StorageConnection) -> None:
    writer = Writer(connection)
    written = [entry(number, after={"n": number, "text": "ünï"}, acting_for="bob") for number in range(8)]
    for number, one in enumerate(written):
        writer.write(PLACES[number % len(PLACES)], one)
    found = walk(TableActivityLog(connection))
    assert [one.entry for one in found] == written[::-1]
    assert len({one.id for one in found}) == len(written)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 3)), max_size=14), st.integers(1, 5))
def test_each_entry_comes_once_whatever_the_page_size_also_within_one_millisecond(
    connection: StorageConnection, written: list[tuple[str, int]], limit: int
) -> None:
    empty(connection)
    writer = Writer(connection)
    for number, (place, second) in enumerate(written):
        writer.write(place, entry(second, action=f"a{number}"))
    log = TableActivityLog(connection)
    whole, paged = walk(log), walk(log, limit)
    assert paged == whole
    assert sorted(actions(paged)) == sorted(f"a{number}" for number in range(len(written)))
    assert [one.entry.at for one in paged] == sorted((one.entry.at for one in paged), reverse=True)


def test_one_entry_that_lies_in_two_places_is_shown_for_each(connection: StorageConnection) -> None:
    writer = Writer(connection)
    for place in PLACES:
        writer.write(place, entry(0))
    log = TableActivityLog(connection)
    assert len(walk(log)) == len(walk(log, 1)) == len(walk(log, 3)) == len(PLACES)


def test_what_is_written_during_a_walk_is_in_the_next_one_and_repeats_nothing(
    connection: StorageConnection,
) -> None:
    writer = Writer(connection)
    for number in range(6):
        writer.write(PLACES[number % 2], entry(number))
    log = TableActivityLog(connection)
    first = log.page(ActivityQuery(limit=3))
    writer.write("settings", entry(7))
    writer.write("Another", entry(8))
    rest = log.page(ActivityQuery(limit=50, cursor=first.cursor))
    assert actions([*first.entries, *rest.entries]) == ["a5", "a4", "a3", "a2", "a1", "a0"]
    assert actions(walk(log))[:2] == ["a8", "a7"]


def test_more_entries_than_one_request_gives_are_read_on(connection: StorageConnection) -> None:
    writer = Writer(connection)
    for number in range(60):
        writer.write("units" if number % 10 else "default", entry(number))
    assert actions(walk(TableActivityLog(connection))) == [f"a{number}" for number in range(60)][::-1]


def test_a_page_of_large_entries_ends_early_and_goes_on(connection: StorageConnection) -> None:
    writer = Writer(connection)
    for number in range(12):
        writer.write("settings", entry(number, after={"text": "x" * 400_000}))
    log = TableActivityLog(connection)
    first = log.page(ActivityQuery(limit=50))
    assert (len(first.entries), first.cursor is None) == (4, False)
    assert len(walk(log, 50)) == 12


@pytest.mark.parametrize(
    "filters,expected",
    [
        ({"actor": "ANN@corp.example"}, ["a4", "a2", "a0"]),
        ({"actor": "Müller"}, ["a3"]),
        ({"actor": "ann"}, []),
        ({"action": "a1"}, ["a1"]),
        ({"target": "o'clock"}, ["a4"]),
        ({"actor": "respond", "action": "a3"}, ["a3"]),
        ({"since": NOW + timedelta(seconds=3)}, ["a4", "a3"]),
        ({"before": NOW + timedelta(seconds=1)}, ["a0"]),
        ({"since": NOW + timedelta(seconds=1), "before": NOW + timedelta(seconds=3)}, ["a2", "a1"]),
        ({"since": NOW + timedelta(seconds=3), "before": NOW + timedelta(seconds=1)}, []),
        ({"since": datetime(1, 1, 1, tzinfo=UTC)}, ["a4", "a3", "a2", "a1", "a0"]),
        ({"before": datetime(1, 1, 1, tzinfo=UTC)}, []),
        ({"before": datetime(9999, 12, 31, tzinfo=UTC)}, ["a4", "a3", "a2", "a1", "a0"]),
    ],
)
def test_entries_are_filtered(
    connection: StorageConnection, filters: dict[str, Any], expected: list[str]
) -> None:
    writer = Writer(connection)
    for number in range(5):
        others = {1: {"actor": "Respond"}, 3: {"actor": "Respond", "acting_for": "MÜLLER"}}.get(number, {})
        target = "o'clock" if number == 4 else "thing"
        writer.write(PLACES[number % 4], entry(number, target=target, **others))
    log = TableActivityLog(connection)
    assert actions(walk(log, **filters)) == expected
    assert actions(walk(log, 1, **filters)) == expected


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!", "AAAA", "MDAwMDAwMDAwMDAwMDAwMDswMTIzNDU2Nzg5YWJjZGVm", "=" * 9, "ä"]
)
def test_a_bad_cursor_is_refused(connection: StorageConnection, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        TableActivityLog(connection).page(ActivityQuery(limit=1, cursor=cursor))


def test_a_page_costs_one_query_a_mailbox_and_six(
    settings: StoreSettings, connection: StorageConnection
) -> None:
    writer = Writer(connection)
    for number in range(20):
        writer.write(PLACES[number % len(PLACES)], entry(number))
    counted, transport = watched(settings)
    TableActivityLog(counted).page(ActivityQuery(limit=20))
    assert len(transport.requests) == 2 + 6


def test_an_entry_that_would_not_fit_shows_what_changed_and_says_what_it_leaves_out() -> None:
    host = ".".join(["d" * 61] * 3)
    lists = {
        kind: [f"{kind}{number:03}@{host}.{'e' * 45}.example" for number in range(500)]
        for kind in ("recipients", "followUpRecipients", "addresses", "domains")
    }
    changed = {**lists, "recipients": [*lists["recipients"][1:], "new@fin.example"]}
    wide = Activity(NOW, "Ann Admin", None, "businessUnit.changed", "businessUnit/bu-1", lists, changed)

    write = activity_write("units", wide)
    entry = activity_of(write.row)

    assert sum(utf16_bytes(str(value)) for value in write.row.values.values()) < MAX_ENTITY_BYTES
    assert entry.before is not None
    assert entry.after is not None
    assert entry.before["recipients"] == [lists["recipients"][0], "(499 more entries are not shown here)"]
    assert entry.after["recipients"] == ["new@fin.example", "(499 more entries are not shown here)"]

    made = activity_of(activity_write("units", replace(wide, before=None)).row)
    assert made.after is not None
    assert made.after["domains"] == [*lists["domains"][:100], "(400 more entries are not shown here)"]
