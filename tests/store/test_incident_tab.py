"""An incident's tab: paging while mail arrives, filters, words, merged incidents, cursors, costs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote

import pytest

from domain.linking_ports import MailFilter
from domain.mail import Address, Problem
from store import tab_filtered, tab_mails
from store.connection import StorageConnection, StoreSettings
from store.incident_mail_store import TableIncidentMailStore
from store.tab_keys import conversation_of
from tests.store.support import NOW, watched
from tests.store.tab_support import ALL, all_conversations, all_mails, linked, new_incident, shown_in


@pytest.fixture
def store(connection: StorageConnection) -> TableIncidentMailStore:
    return TableIncidentMailStore(connection)


def test_no_conversation_is_skipped_or_repeated_while_mail_arrives(store: TableIncidentMailStore) -> None:
    incident = new_incident()
    mails = [linked(number, conversation=f"talk {number}") for number in range(8)]
    expected = [conversation_of(one.mail) for one in mails]
    store.put(incident, mails, NOW)
    page = store.conversations([incident], ALL, limit=3, cursor=None)
    seen = [one.id for one in page.conversations]
    # One shown already, one not shown yet, one that is new and one that is new and old.
    for conversation, minutes in (("talk 1", 1), ("talk 4", 2), ("talk 5", 3), ("new", 4), ("new, old", -90)):
        arrives = linked(
            100 + minutes, conversation=conversation, received_at=NOW + timedelta(minutes=minutes)
        )
        store.put(incident, [arrives], NOW)
    while page.cursor is not None:
        page = store.conversations([incident], ALL, limit=3, cursor=page.cursor)
        seen += [one.id for one in page.conversations]
        counts = {one.id: one.count for one in page.conversations}
        assert all(count == (2 if one in expected[4:6] else 1) for one, count in counts.items())
    assert seen == expected


def test_what_leaves_while_somebody_pages_is_not_shown_and_hides_nothing(
    store: TableIncidentMailStore,
) -> None:
    incident = new_incident()
    newest = [linked(number, conversation=f"talk {number}") for number in range(6)]
    older = [linked(number + 20, conversation=f"talk {number}") for number in range(6)]
    store.put(incident, [*newest, *older], NOW)
    page = store.conversations([incident], ALL, limit=2, cursor=None)
    assert len(page.conversations) == 2
    store.remove(incident, [newest[0].mail, newest[3].mail, newest[4].mail, older[4].mail], NOW)
    rest = store.conversations([incident], ALL, limit=9, cursor=page.cursor).conversations
    assert [one.id for one in rest] == [conversation_of(newest[number].mail) for number in (2, 3, 5)]
    assert rest[1].latest.mail.id == older[3].mail.id


def test_a_filtered_list_shows_each_conversation_once_while_mail_arrives(
    store: TableIncidentMailStore,
) -> None:
    incident, where = new_incident(), MailFilter(unit="hr")
    mails = [linked(number, conversation=f"talk {number % 6}", business_unit="hr") for number in range(12)]
    store.put(incident, mails, NOW)
    page = store.conversations([incident], where, limit=2, cursor=None)
    seen = [one.id for one in page.conversations]
    for number, conversation in enumerate(("talk 0", "talk 5", "new")):
        arrives = linked(
            100 + number,
            conversation=conversation,
            business_unit="hr",
            received_at=NOW - timedelta(minutes=number, seconds=30),
        )
        store.put(incident, [arrives], NOW)
    while page.cursor is not None:
        page = store.conversations([incident], where, limit=2, cursor=page.cursor)
        seen += [one.id for one in page.conversations]
    assert seen == [conversation_of(one.mail) for one in mails[:6]]


def test_words_are_found_in_subject_preview_and_people_and_all_must_stand(
    store: TableIncidentMailStore,
) -> None:
    incident = new_incident()
    mails = [
        linked(0, subject="Re: Rechnung ÜBERFÄLLIG"),
        linked(1, preview="die rechnung liegt bei"),
        linked(2, cc=(Address("Zoë Rechnung", "zoe@fin.example"),)),
        linked(3, sender=None, to=(Address("", "RECHNUNG@fin.example"),)),
        linked(4, subject="Rechnun g"),
    ]
    store.put(incident, mails, NOW)
    ids = [one.mail.id for one in mails]
    assert all_mails(store, [incident], MailFilter(text="rechnung")) == ids[:4]
    assert all_mails(store, [incident], MailFilter(text=" überfällig  RECHNUNG ")) == ids[:1]
    assert all_mails(store, [incident], MailFilter(text="zoe@FIN.example")) == ids[2:3]


def test_a_search_looks_into_so_many_mails_a_request_and_its_cursor_goes_on(
    store: TableIncidentMailStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident, where = new_incident(), MailFilter(text="needle")
    mails = [
        linked(number, conversation=f"talk {number % 5}", subject="needle" if number in (7, 9) else "hay")
        for number in range(10)
    ]
    store.put(incident, mails, NOW)
    for module in (tab_mails, tab_filtered):
        monkeypatch.setattr(module, "SCANNED_MAILS", 4)
        monkeypatch.setattr(module, "SCAN_CHUNK", 3)
    shown, cursors = [], list[str | None]()
    while not cursors or cursors[-1] is not None:
        page = store.flat([incident], where, limit=5, cursor=cursors[-1] if cursors else None)
        shown += [one.mail.id for one in page.mails]
        cursors.append(page.cursor)
    assert (shown, len(cursors)) == ([mails[7].mail.id, mails[9].mail.id], 3)
    shown, cursors = [], []
    while not cursors or cursors[-1] is not None:
        page = store.conversations([incident], where, limit=5, cursor=cursors[-1] if cursors else None)
        shown += [one.latest.mail.id for one in page.conversations]
        cursors.append(page.cursor)
    assert (shown, len(cursors)) == ([mails[7].mail.id, mails[9].mail.id], 3)


def test_two_instances_that_write_one_tab_at_once_lose_and_double_nothing(
    store: TableIncidentMailStore, settings: StoreSettings
) -> None:
    incident, failures = new_incident(), []

    def write(first: int) -> None:
        mine = TableIncidentMailStore(StorageConnection(settings))
        try:
            for number in range(first, first + 6):
                mine.put(incident, [linked(number, conversation="one talk")], NOW)
            mine.remove(incident, [linked(first).mail], NOW)
        except Exception as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 3, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    there = len(all_mails(store, [incident]))
    [talk] = all_conversations(store, [incident])
    assert (store.counts([incident])["mails"], talk.count) == (there, there)
    changes, _ = store.changes([incident], None, limit=100)
    assert [one.sequence for one in changes] == list(range(1, len(changes) + 1))
    assert sum({"added": 1, "removed": -1, "changed": 0}[one.kind] for one in changes) == there


def test_a_conversation_of_two_merged_incidents_is_one_with_the_mails_of_both(
    store: TableIncidentMailStore,
) -> None:
    parent, child = new_incident(), new_incident()
    store.put(parent, [linked(1, conversation="talk"), linked(3, conversation="parent's")], NOW)
    store.put(child, [linked(0, conversation="talk"), linked(2, conversation="child's")], NOW)
    shown = all_conversations(store, [parent, child], limit=2)
    assert [one.count for one in shown] == [2, 1, 1]
    assert shown[0].latest == linked(0).mail.id
    page = store.conversation([parent, child], shown[0].id, limit=9, cursor=None)
    assert [(one.mail.id, one.incident_id) for one in page.mails] == [
        (linked(0).mail.id, child),
        (linked(1).mail.id, parent),
    ]
    assert store.counts([parent, child])["mails"] == 4
    found = store.find([parent, child], linked(2).mail)
    assert found is not None
    assert found.incident_id == child
    assert store.find([parent], linked(2).mail) is None


def test_changes_since_a_cursor_from_before_a_merge_go_on_with_the_merged_incidents(
    store: TableIncidentMailStore,
) -> None:
    parent, child = new_incident(), new_incident()
    store.put(parent, [linked(0)], NOW)
    store.put(child, [linked(1)], NOW - timedelta(hours=1))
    first, cursor = store.changes([parent], None, limit=9)
    store.remove(parent, [linked(0).mail], NOW + timedelta(hours=1))
    later, end = store.changes([parent, child], cursor, limit=9)
    assert [(one.kind, one.mail_id) for one in (*first, *later)] == [
        ("added", linked(0).mail.id),
        ("added", linked(1).mail.id),
        ("removed", linked(0).mail.id),
    ]
    assert store.changes([parent, child], end, limit=9) == ([], end)


def test_an_unreadable_mail_that_turns_out_to_be_of_another_conversation_moves_there(
    store: TableIncidentMailStore,
) -> None:
    incident = new_incident()
    store.put(incident, [linked(0, conversation=None, problem=Problem("vanished"))], NOW)
    store.put(incident, [linked(0, conversation="talk"), linked(1, conversation="talk")], NOW)
    [shown] = all_conversations(store, [incident])
    assert (shown.id, shown.count) == (conversation_of(linked(0, conversation="talk").mail), 2)


def test_mails_that_do_not_fit_into_one_transaction_go_into_several(store: TableIncidentMailStore) -> None:
    incident = new_incident()
    people = tuple(Address("Ünï " * 40, f"{number}@fin.example") for number in range(150))
    mails = [linked(number, conversation="talk", to=people) for number in range(28)]
    store.put(incident, mails, NOW)
    assert len(all_mails(store, [incident])) == 28
    [shown] = all_conversations(store, [incident])
    assert (shown.count, shown.latest) == (28, mails[0].mail.id)


def test_a_cursor_counts_for_what_was_asked_only(store: TableIncidentMailStore) -> None:
    incident, other = new_incident(), new_incident()
    for one in (incident, other):
        store.put(one, [linked(number, conversation=f"talk {number}") for number in range(4)], NOW)
    unread = MailFilter(unread=True)
    flat = store.flat([incident], ALL, limit=1, cursor=None).cursor
    listed = store.conversations([incident], ALL, limit=1, cursor=None).cursor
    filtered = store.conversations([incident], unread, limit=1, cursor=None).cursor
    _, changes = store.changes([incident], None, limit=1)
    assert None not in (flat, listed, filtered)
    for bad in ("", "x", "é", "A" * 50_000, f"{flat}A", changes):
        with pytest.raises(ValueError, match="cursor"):
            store.flat([incident], ALL, limit=1, cursor=bad)
        with pytest.raises(ValueError, match="cursor"):
            store.conversations([incident], ALL, limit=1, cursor=bad)
    for other_kind in ("", "x", "A" * 50_000, flat, listed):
        with pytest.raises(ValueError, match="cursor"):
            store.changes([incident], other_kind, limit=1)
    with pytest.raises(ValueError, match="cursor"):
        store.changes([other], changes, limit=1)
    with pytest.raises(ValueError, match="cursor"):
        store.flat([other], ALL, limit=1, cursor=flat)
    with pytest.raises(ValueError, match="cursor"):
        store.flat([incident], unread, limit=1, cursor=flat)
    with pytest.raises(ValueError, match="cursor"):
        store.conversations([incident, other], ALL, limit=1, cursor=listed)
    with pytest.raises(ValueError, match="cursor"):
        store.conversations([incident], ALL, limit=1, cursor=filtered)
    with pytest.raises(ValueError, match="cursor"):
        store.conversation([incident], "no conversation", limit=1, cursor=flat)


def test_what_is_not_there_is_empty(store: TableIncidentMailStore) -> None:
    nothing = [new_incident()]
    assert store.counts(nothing) == {"mails": 0, "unread": 0, "suggested": 0, "unverified": 0}
    for page in (
        store.flat(nothing, ALL, limit=1, cursor=None),
        store.conversations(nothing, ALL, limit=1, cursor=None),
        store.conversations(nothing, MailFilter(kind="bounce"), limit=1, cursor=None),
        store.conversation(nothing, "0" * 32, limit=1, cursor=None),
        store.conversation(nothing, "'; /#", limit=1, cursor=None),
    ):
        assert (page.mails, page.conversations, page.cursor) == ((), (), None)
    assert store.changes(nothing, None, limit=1)[0] == []
    store.remove(nothing[0], [linked(0).mail], NOW)


def test_the_version_moves_with_every_change_and_with_nothing_else(store: TableIncidentMailStore) -> None:
    incident, other = new_incident(), new_incident()
    one = linked(0)
    read = replace(one, state=replace(one.state, read_at=NOW))
    versions = [store.version([incident, other])]
    changes: tuple[Callable[[], None], ...] = (
        lambda: store.put(incident, [one], NOW),
        lambda: store.put(incident, [read], NOW),
        lambda: store.put(other, [linked(1)], NOW),
        lambda: store.remove(incident, [one.mail], NOW),
    )
    for change in changes:
        change()
        versions.append(store.version([incident, other]))
        assert store.version([incident, other]) == versions[-1]
    assert len(set(versions)) == len(versions)


def test_every_question_costs_what_the_documentation_says(
    store: TableIncidentMailStore, settings: StoreSettings
) -> None:
    incident, child = new_incident(), new_incident()
    store.put(incident, [linked(number, conversation=f"talk {number}") for number in range(60)], NOW)
    store.put(child, [linked(number, conversation=f"talk {number}") for number in range(60, 63)], NOW)
    connection, transport = watched(settings)
    tab = TableIncidentMailStore(connection)

    def cost(work: Callable[[], object]) -> int:
        transport.requests.clear()
        work()
        return len(transport.requests)

    page = tab.conversations([incident], ALL, limit=50, cursor=None)
    assert "$top=51" in unquote(transport.requests[-1])
    assert len(shown_in(page)) == 50
    assert cost(lambda: tab.conversations([incident], ALL, limit=50, cursor=None)) == 1
    assert cost(lambda: tab.conversations([incident], ALL, limit=50, cursor=page.cursor)) == 2
    assert cost(lambda: tab.flat([incident], ALL, limit=50, cursor=None)) == 1
    assert cost(lambda: tab.flat([incident, child], MailFilter(unread=True), limit=50, cursor=None)) == 2
    assert cost(lambda: tab.conversation([incident], page.conversations[0].id, limit=50, cursor=None)) == 1
    assert cost(lambda: tab.version([incident])) == 1
    assert cost(lambda: tab.counts([incident, child])) == 2
    assert cost(lambda: tab.find([incident], linked(0).mail)) == 1
    assert cost(lambda: tab.changes([incident], None, limit=50)) == 1
    assert cost(lambda: tab.put(incident, [linked(70, conversation="talk 1")], NOW)) == 4
    assert cost(lambda: tab.put(incident, [linked(70, conversation="talk 1")], NOW)) == 2
    assert cost(lambda: tab.remove(incident, [linked(70).mail], NOW)) == 4
    assert cost(lambda: tab.remove(incident, [linked(1, conversation="talk 1").mail], NOW)) == 5
