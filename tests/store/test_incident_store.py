"""Incidents: saved under their ETag with their log entry, found by id, by any spelling, by unit, by merge."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.configuration_ports import ActivityQuery
from domain.errors import ConflictError
from domain.incidents import Incident, IncidentStatus
from store.activity_log import TableActivityLog
from store.connection import StorageConnection
from store.incident_store import TableIncidentStore
from tests.store.link_support import incident, save
from tests.store.support import ACTIVITY, NOW


@pytest.fixture
def kept(connection: StorageConnection) -> TableIncidentStore:
    return TableIncidentStore(connection)


def merged(child: Incident, parent: Incident) -> Incident:
    return replace(child, status=IncidentStatus.MERGED, merged_into=parent.id)


@pytest.mark.parametrize("name", ["INC-1", "a/b\\c#d?e", "ü 日本 %2F'", "x" * 200, "=2F", "ß" * 200])
def test_an_incident_of_any_id_is_read_as_it_was_saved(kept: TableIncidentStore, name: str) -> None:
    one = incident(1, id=name, business_units=(name, "fin"), merged_into=name)
    saved = kept.save(one, None, ACTIVITY)
    assert kept.read(name) == saved
    assert kept.read_many([name, "none"]) == {name: one}
    assert kept.of_units([name]) == {name: (one,)}
    assert kept.page(limit=5, cursor=None, status=None, text=None) == ([one], None)


def test_an_incident_is_saved_only_over_the_one_that_was_read(kept: TableIncidentStore) -> None:
    first = kept.save(incident(1), None, ACTIVITY)
    second = kept.save(incident(1, title="Second"), first.etag, ACTIVITY)
    for etag in (None, first.etag):
        with pytest.raises(ConflictError):
            kept.save(incident(1, title="Third"), etag, ACTIVITY)
    with pytest.raises(ConflictError):
        kept.save(incident(2), second.etag, ACTIVITY)
    assert kept.read(incident(1).id) == second
    assert kept.read(incident(2).id) is None


def test_every_save_is_in_the_activity_log_and_a_refused_one_is_not(
    connection: StorageConnection, kept: TableIncidentStore
) -> None:
    kept.save(incident(1), None, ACTIVITY)
    with pytest.raises(ConflictError):
        kept.save(incident(1), None, replace(ACTIVITY, at=NOW + timedelta(seconds=1)))
    page = TableActivityLog(connection).page(ActivityQuery(limit=9))
    assert [one.entry for one in page.entries] == [ACTIVITY]


def test_an_id_is_found_in_any_spelling(kept: TableIncidentStore) -> None:
    for name in ("Inc-1", "INC-1", "INC-11", "STRASSE"):
        save(kept, incident(1, id=name))
    asked = ["inc-1", "straße", "INC-2"]
    assert kept.spelled(asked) == {"inc-1": ("INC-1", "Inc-1"), "straße": ("STRASSE",)}


def test_incidents_are_found_by_the_units_that_they_impact_now(kept: TableIncidentStore) -> None:
    both, other = save(kept, incident(1, business_units=("fin", "hr"))), save(kept, incident(2))
    assert kept.of_units(["fin", "hr", "it"]) == {"fin": (both, other), "hr": (both,), "it": ()}
    left = save(kept, replace(both, business_units=("hr",)))
    assert kept.of_units(["fin", "hr"]) == {"fin": (other,), "hr": (left,)}
    back = save(kept, replace(both, business_units=("fin",)))
    assert kept.of_units(["fin", "hr"]) == {"fin": (back, other), "hr": ()}


def test_an_incident_may_impact_five_hundred_units(kept: TableIncidentStore) -> None:
    units = tuple(f"unit/{number}{'ü' * 100}" for number in range(500))
    one = save(kept, incident(1, business_units=units))
    assert kept.of_units([units[0], units[499]]) == {units[0]: (one,), units[499]: (one,)}


def test_many_incidents_are_read_as_well_as_few(kept: TableIncidentStore) -> None:
    saved = {one.id: one for one in (save(kept, incident(number)) for number in range(40))}
    assert kept.read_many([*saved, "INC-none"]) == saved
    assert kept.read_many(iter(list(saved)[:5])) == dict(list(saved.items())[:5])
    assert kept.read_many([]) == {}


def test_merges_are_followed_up_and_down(kept: TableIncidentStore) -> None:
    top, child, grandchild, other = (save(kept, incident(number)) for number in range(4))
    save(kept, merged(child, top))
    save(kept, merged(grandchild, child))
    chain = {grandchild.id: child.id, child.id: top.id}
    assert kept.merged([grandchild.id, other.id, "none"]) == chain
    assert kept.merged([top.id]) == {}
    assert kept.merged_into(top.id) == (child.id, grandchild.id)
    assert kept.merged_into(other.id) == ()
    save(kept, replace(child, merged_into=None))
    assert kept.merged_into(top.id) == ()
    assert kept.merged([grandchild.id]) == {grandchild.id: child.id}


def test_a_circle_of_merges_which_nobody_should_save_is_not_followed_for_ever(
    kept: TableIncidentStore,
) -> None:
    one, two = incident(1), incident(2)
    save(kept, merged(one, two))
    save(kept, merged(two, one))
    assert kept.merged([one.id]) == {one.id: two.id, two.id: one.id}
    assert kept.merged_into(one.id) == (two.id,)


def walk(kept: TableIncidentStore, status: str | None = None, text: str | None = None) -> list[str]:
    """Titles, three a page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = kept.page(limit=3, cursor=cursor, status=status, text=text)
        found += [one.title for one in page]
        if cursor is None:
            return found


def test_incidents_are_listed_newest_first_by_status_and_text(kept: TableIncidentStore) -> None:
    for number in range(7):
        status = IncidentStatus.CLOSED if number % 2 else IncidentStatus.OPEN
        save(kept, incident(number, title=f"Phishing {number}", status=status))
    assert walk(kept) == [f"Phishing {number}" for number in range(6, -1, -1)]
    assert walk(kept, status="closed") == ["Phishing 5", "Phishing 3", "Phishing 1"]
    assert walk(kept, text="PHISHING 3") == walk(kept, text="inc/3#Ä") == ["Phishing 3"]
    assert walk(kept, status="x' or '1' eq '1") == []


def test_an_incident_whose_time_of_creation_is_corrected_is_listed_once(kept: TableIncidentStore) -> None:
    save(kept, incident(1))
    save(kept, incident(2))
    save(kept, incident(1, created_at=NOW + timedelta(days=1), title="Later"))
    assert walk(kept) == ["Later", "Strange log-in 2"]


@pytest.mark.parametrize("cursor", ["", "x", "bGlzdDs", "A" * 5_000])
def test_a_cursor_that_no_page_gave_is_refused(kept: TableIncidentStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        kept.page(limit=5, cursor=cursor, status=None, text=None)
