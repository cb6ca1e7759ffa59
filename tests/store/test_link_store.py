"""States in mail rows, and what is projected from them: placements, tabs, triage."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.linking_ports import TriageView
from domain.links import MAX_HISTORY, Link, LinkChange, LinkedMail, LinkEvidence, MailState
from domain.mail import Address, Mail, Problem
from store.connection import StorageConnection
from store.incident_mail_store import TableIncidentMailStore
from store.link_store import TableLinkStore
from tests.store.link_support import (
    Stores,
    by_conversation,
    certain,
    dismissal,
    next_state,
    stores,
    suggested,
)
from tests.store.support import ACTIVITY, NOW, FakeVault, all_rows, mail


@pytest.fixture
def kept(connection: StorageConnection, vault: FakeVault) -> Stores:
    return stores(connection, vault)


def listed(kept: Stores) -> dict[TriageView, list[str]]:
    """Every list of triage."""
    return {
        which: [one.mail.id for one in kept.mails.triage(limit=100, cursor=None, which=which).mails]
        for which in TriageView
    }


def test_a_stored_mail_is_undecided_until_its_state_is_saved(kept: Stores) -> None:
    [one] = kept.stored(mail(1))
    assert one.state == MailState()
    saved = kept.save(one, next_state(one.state, certain("INC-1")))
    assert kept.links.read([one.mail.id, mail(2).id, "no id"]) == {one.mail.id: saved}
    assert saved.mail == one.mail
    assert kept.mails.read(one.mail.id) == one.mail


def test_a_state_that_another_worker_saved_first_is_not_overwritten(kept: Stores) -> None:
    [one] = kept.stored(mail(1))
    first = kept.save(one, next_state(one.state, certain("INC-1")))
    other = kept.stored(mail(2), mail(3))
    states = [(row, next_state(row.state, certain("INC-2"))) for row in (one, *other)]
    assert kept.links.save(states).keys() == {row.mail.id for row in other}
    assert kept.links.read([one.mail.id])[one.mail.id] == first


def test_a_mail_that_is_put_again_keeps_its_state_also_where_it_can_be_read_at_last(kept: Stores) -> None:
    lost, whole = mail(1, problem=Problem("vanished")), mail(1)
    [one] = kept.stored(lost)
    state = kept.save(one, next_state(one.state, certain("INC-1"))).state
    assert kept.mails.put([whole]) == [whole]
    assert kept.mails.put([whole, lost]) == [whole, whole]
    read = kept.links.read([whole.id])[whole.id]
    assert (read.mail, read.state) == (whole, state)


def test_a_state_fits_beside_the_largest_mail_by_forgetting_its_oldest_history(kept: Stores) -> None:
    people = tuple(Address("x" * 440, f"{n}@fin.example") for n in range(800))
    [one] = kept.stored(mail(1, to=people))
    wide = replace(certain("INC-1"), evidence=LinkEvidence(message_id="ü" * 3_000))
    history = tuple(LinkChange(NOW + timedelta(hours=n), wide) for n in range(MAX_HISTORY))
    saved = kept.save(one, replace(next_state(one.state, wide), history=history))
    assert 0 < len(saved.state.history) < MAX_HISTORY
    assert saved.state.history == history[-len(saved.state.history) :]
    assert kept.links.read([one.mail.id]) == {one.mail.id: saved}


def test_any_number_of_former_places_fits(kept: Stores) -> None:
    [one] = kept.stored(mail(1))
    places = tuple(f"{'ü' * 200}{n}" for n in range(2_000))
    saved = kept.save(one, MailState(decided=True, placed_before=places))
    assert saved.state.placed_before[-1] == places[-1]
    assert kept.links.read([one.mail.id]) == {one.mail.id: saved}


def test_who_has_a_message_id_and_who_names_it_is_found_by_its_hash(kept: Stores) -> None:
    twin = mail(0, internet_message_id="<1@fin.example>", conversation_id="other")
    kept.stored(mail(1), mail(2, conversation_id=None), twin, mail(3, conversation_id=None))
    known, named, unknown = map(kept.mails.keyed_hash, ("1@fin.example", "2@fin.example", "9@fin.example"))
    assert kept.links.known_as([known, unknown, known]) == {known: tuple(sorted([mail(1).id, twin.id]))}
    assert kept.links.naming(iter([known, named])) == {known: (mail(2).id,), named: (mail(3).id,)}
    assert list(kept.links.members(kept.conversation_hash(mail(1)))) == [mail(1).id]


def test_of_a_message_id_that_everybody_uses_twenty_mails_are_told(kept: Stores) -> None:
    copies = [mail(number, internet_message_id="<x@fin.example>") for number in range(25)]
    kept.mails.put_references(copies)
    known = kept.mails.keyed_hash("x@fin.example")
    assert kept.links.known_as([known])[known] == tuple(sorted(one.id for one in copies)[:20])


def test_a_conversation_of_more_than_a_page_is_walked_to_its_end(kept: Stores) -> None:
    many = [mail(number, conversation_id="c") for number in range(1_001)]
    kept.mails.put_references(many)
    assert set(kept.links.members(kept.conversation_hash(many[0]))) == {one.id for one in many}


def conversation(kept: Stores, *links: Link | None) -> list[LinkedMail]:
    """Mails of one conversation, placed so."""
    mails = kept.stored(*(mail(number, conversation_id="c") for number in range(len(links))))
    return [kept.placed(one, link) for one, link in zip(mails, links, strict=True)]


def test_the_incidents_of_a_conversation_are_those_of_its_certain_mails(kept: Stores) -> None:
    placed = conversation(
        kept, certain("INC-2"), certain("INC/1#"), certain("INC-2"), by_conversation("INC-3"), None
    )
    assert kept.incidents_of(placed[0].mail) == ("INC-2", "INC/1#")
    assert kept.incidents_of(placed[0].mail, placed[0].mail.id) == ("INC-2", "INC/1#")
    assert kept.incidents_of(placed[0].mail, placed[1].mail.id) == ("INC-2",)
    assert kept.links.conversation_incidents(["0" * 32, "1" * 32]) == {"0" * 32: (), "1" * 32: ()}


def test_at_most_ten_incidents_of_a_conversation_are_told(kept: Stores) -> None:
    placed = conversation(kept, *(certain(f"INC-{number}") for number in range(12)))
    assert len(kept.incidents_of(placed[0].mail)) == 10


def test_a_placement_that_is_no_longer_certain_counts_no_more(kept: Stores) -> None:
    [one] = conversation(kept, certain("INC-1"))
    again = kept.placed(one, by_conversation("INC-1"))
    assert kept.incidents_of(one.mail) == ()
    assert kept.links.mails_in("INC-1", None) == ([one.mail.id], None)
    kept.placed(again, None)
    assert kept.links.mails_in("INC-1", None) == ([], None)


def test_a_mail_that_moves_is_in_its_new_incident_alone(kept: Stores) -> None:
    [one] = conversation(kept, certain("INC-1"))
    assert kept.tab("INC-1") == {one.mail.id}
    kept.placed(one, certain("INC-2"))
    assert (kept.tab("INC-1"), kept.tab("INC-2")) == (set(), {one.mail.id})
    assert kept.links.mails_in("INC-1", None) == ([], None)
    assert kept.links.mails_in("INC-2", None) == ([one.mail.id], None)
    assert kept.incidents_of(one.mail) == ("INC-2",)


def test_of_a_mail_that_came_to_two_mailboxes_one_is_shown_and_both_are_placed(kept: Stores) -> None:
    shown, copy = kept.stored(mail(1), mail(1, mailbox="second"))
    kept.placed(shown, certain("INC-1"))
    late = kept.placed(copy, certain("INC-1"))
    assert kept.tab("INC-1") == {shown.mail.id, copy.mail.id}
    kept.placed(late, certain("INC-1"), shown_as=shown.mail.id)
    assert kept.tab("INC-1") == {shown.mail.id}
    assert kept.links.mails_in("INC-1", None)[0] == sorted([shown.mail.id, copy.mail.id])


def test_a_copy_in_triage_is_not_listed_and_still_re_decided(kept: Stores) -> None:
    [copy] = kept.stored(mail(1, mailbox="second"))
    kept.placed(copy, None)
    assert listed(kept)[TriageView.WAITING] == [copy.mail.id]
    kept.placed(kept.links.read([copy.mail.id])[copy.mail.id], None, shown_as=mail(1).id)
    assert listed(kept)[TriageView.WAITING] == []
    assert kept.weak() == [copy.mail.id]


@pytest.mark.parametrize(
    "link, changes, list_of_it",
    [
        (None, {}, TriageView.WAITING),
        (suggested("INC-1"), {}, TriageView.SUGGESTED),
        (None, {"decision": dismissal()}, TriageView.DISMISSED),
        (certain("INC-1"), {}, None),
        (replace(certain("INC-1"), state=suggested("INC-1").state), {}, None),
    ],
)
def test_a_mail_is_in_one_list_of_triage_whatever_it_was_in_before(
    kept: Stores, link: Link | None, changes: dict[str, Any], list_of_it: TriageView | None
) -> None:
    [one] = kept.stored(mail(1))
    one = kept.placed(one, None)
    one = kept.placed(one, suggested("INC-1"))
    one = kept.placed(one, None, decision=dismissal())
    kept.placed(one, link, **{"decision": None, **changes})
    expected = {which: [one.mail.id] if which is list_of_it else [] for which in TriageView}
    assert listed(kept) == expected
    in_reach = list_of_it in (TriageView.WAITING, TriageView.SUGGESTED)
    assert kept.weak() == ([one.mail.id] if in_reach else [])


def test_triage_tells_the_state_without_its_history(kept: Stores) -> None:
    [one] = kept.stored(mail(1))
    saved = kept.placed(one, suggested("INC-1"), read_at=NOW, read_by="ann")
    [shown] = kept.mails.triage(limit=5, cursor=None, which=TriageView.SUGGESTED).mails
    assert shown.state == replace(saved.state, history=(), placed_before=())


def test_mails_are_listed_by_their_unit_as_units_are_now(kept: Stores) -> None:
    [one] = kept.stored(mail(1, business_unit="hr"))
    kept.placed(one, None, business_unit="fin")
    assert len(kept.mails.triage(limit=5, cursor=None, business_unit="fin").mails) == 1
    assert len(kept.mails.triage(limit=5, cursor=None, business_unit="hr").mails) == 0


def many_waiting(kept: Stores, count: int) -> list[Mail]:
    """Undecided ones, a minute apart, of units in turn, and a suggested one."""
    made = [mail(number, business_unit=f"u{number % 20}") for number in range(count)]
    states = [MailState(decided=True, business_unit=one.business_unit) for one in made]
    states[7] = replace(states[7], link=suggested("INC-1"))
    rows = kept.stored(*made)
    kept.links.project(
        [LinkedMail(one.mail, state, one.etag) for one, state in zip(rows, states, strict=True)]
    )
    return made


def test_what_a_units_incident_may_claim_is_walked_in_pages_by_time_and_unit(kept: Stores) -> None:
    made = many_waiting(kept, 520)
    assert kept.weak() == sorted(one.id for one in made)
    few, many = frozenset({"u7", "u3"}), frozenset(f"u{number}" for number in range(1, 20))
    for units in (few, many):
        assert kept.weak(units=units) == sorted(one.id for one in made if one.business_unit in units)
    assert kept.weak(units=frozenset()) == []
    since, before = made[30].received_at, made[5].received_at
    assert kept.weak(since=since, before=before) == sorted(one.id for one in made[5:31])


@pytest.mark.parametrize("cursor", ["", "x", "J29yIDEgZXEgMQ", "A" * 5_000])
def test_a_cursor_that_no_page_gave_is_refused(kept: Stores, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        kept.links.undecided_or_weak(None, None, None, cursor)


def test_the_mails_of_an_incident_are_walked_in_pages(kept: Stores) -> None:
    rows = kept.stored(*(mail(number, conversation_id=None) for number in range(505)))
    placed = [
        LinkedMail(one.mail, next_state(one.state, certain("INC-1"), shown_as="x"), one.etag) for one in rows
    ]
    kept.links.project(placed)
    first, cursor = kept.links.mails_in("INC-1", None)
    rest, end = kept.links.mails_in("INC-1", cursor)
    assert (len(first), len(rest), end) == (500, 5, None)
    assert first + rest == sorted(one.mail.id for one in rows)


class Overtaken(TableIncidentMailStore):
    """Another worker decides anew and projects while this one is at the tab."""

    def __init__(self, connection: StorageConnection, others: Stores, link: Link) -> None:
        super().__init__(connection)
        self._others, self._link, self._is_done = others, link, False

    def put(self, incident_id: str, mails: Any, at: Any) -> None:
        if not self._is_done:
            self._is_done = True
            row = self._others.links.read([mails[0].mail.id])[mails[0].mail.id]
            self._others.placed(row, self._link)
        super().put(incident_id, mails, at)


def test_a_projection_that_was_overtaken_ends_in_the_newer_state(
    connection: StorageConnection, kept: Stores
) -> None:
    [one] = kept.stored(mail(1, conversation_id="c"))
    slow = TableLinkStore(
        connection, kept.mails.keyed_hash, Overtaken(connection, kept, certain("INC-2")), lambda: NOW
    )
    slow.save([(one, next_state(one.state, certain("INC-1")))])
    assert (kept.tab("INC-1"), kept.tab("INC-2")) == (set(), {one.mail.id})
    assert kept.incidents_of(one.mail) == ("INC-2",)
    assert kept.links.mails_in("INC-1", None)[0] == []


def test_projecting_again_changes_nothing(connection: StorageConnection, kept: Stores) -> None:
    placed = conversation(kept, certain("INC-1"), suggested("INC-1"), None)
    before = all_rows(connection)
    kept.links.project(placed)
    kept.links.project(placed)
    assert all_rows(connection) == before


def test_an_unreadable_mail_that_is_dropped_leaves_its_incident_too(
    connection: StorageConnection, kept: Stores
) -> None:
    [lost] = kept.stored(mail(1, problem=Problem("vanished")))
    kept.placed(lost, suggested("INC-1"))
    kept.mails.drop_unreadable([lost.mail.id])
    assert kept.tab("INC-1") == set()
    assert listed(kept)[TriageView.SUGGESTED] == []
    left = {table for table, partition, _ in all_rows(connection) if not partition.endswith("-unreadable")}
    assert left <= {"settings", "incidentmails"}


def test_a_decision_is_logged_once_however_often_it_is_written(
    connection: StorageConnection, kept: Stores
) -> None:
    for _ in range(2):
        kept.links.log(ACTIVITY, "change-1")
    kept.links.log(ACTIVITY, "change-2")
    assert len([key for key in all_rows(connection) if key[1] == "links"]) == 2
