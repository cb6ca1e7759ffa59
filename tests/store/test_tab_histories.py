"""An incident's tab against a model of plain lists: whatever is put, removed, repeated and interrupted, in
any order, lists, counts and change log are the model's; a walk shows each conversation once meanwhile."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from domain.linking_ports import MailFilter
from store.connection import StorageConnection, StoreSettings
from store.incident_mail_store import TableIncidentMailStore
from store.tab_keys import conversation_of
from tests.store.support import NOW, DiedError, watched
from tests.store.tab_support import (
    Model,
    all_conversations,
    all_mails,
    new_incident,
    shown_in,
    variant,
)

MAILS = 14
FILTERS = (
    MailFilter(unit="hr"),
    MailFilter(direction="outgoing"),
    MailFilter(has_attachments=True),
    MailFilter(unread=True),
    MailFilter(unverified=True, suggested=True),
    MailFilter(unread=False, unit="fin"),
    MailFilter(text="1"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """Put (a state for each) or remove mails of one of two incidents. `dies_at`: the worker dies at that
    request, and the step is done again."""

    incident: int
    mails: tuple[tuple[int, int], ...]
    removes: bool = False
    dies_at: int | None = None


@dataclass(slots=True)
class Walk:
    """A walk through the conversations while the tab changes, two a page."""

    incidents: tuple[str, ...]
    expected: set[str]
    cursor: str | None = None
    began: bool = False
    seen: list[str] = field(default_factory=list)

    def go_on(self, store: TableIncidentMailStore, model: Model) -> None:
        there = {one.id for one in model.conversations(self.incidents)}
        if self.began and self.cursor is None:
            return
        if self.began:
            self.expected &= there
        else:
            self.expected = there
        page = store.conversations(self.incidents, MailFilter(), limit=2, cursor=self.cursor)
        self.seen += [one.id for one in shown_in(page)]
        self.began, self.cursor = True, page.cursor


steps = st.builds(
    Step,
    incident=st.integers(0, 1),
    mails=st.lists(
        st.tuples(st.integers(0, MAILS - 1), st.integers(0, 2)),
        min_size=1,
        max_size=6,
        unique_by=lambda m: m[0],
    ).map(tuple),
    removes=st.sampled_from((False, False, True)),
    dies_at=st.none() | st.integers(1, 14),
)


@hypothesis_settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a history takes half a second: too long to shrink
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(steps, min_size=1, max_size=7), after_it_was_made=st.booleans())
def test_whatever_happens_the_tab_shows_what_a_plain_list_would(
    connection: StorageConnection, settings: StoreSettings, history: list[Step], after_it_was_made: bool
) -> None:
    store = TableIncidentMailStore(connection)
    incidents = (new_incident(), new_incident())
    model = Model({incident: {} for incident in incidents})
    walks: list[Walk] = []
    for step in history:
        incident = incidents[step.incident]
        mails = [variant(number, kind) for number, kind in step.mails]

        def work(
            tab: TableIncidentMailStore,
            step: Step = step,
            incident: str = incident,
            mails: list = mails,  # type: ignore[type-arg]
        ) -> None:
            if step.removes:
                tab.remove(incident, [one.mail for one in mails], NOW)
            else:
                tab.put(incident, mails, NOW)

        if step.dies_at is not None:
            dying, _ = watched(settings, die_at=step.dies_at, after_it_was_made=after_it_was_made)
            with contextlib.suppress(DiedError):
                work(TableIncidentMailStore(dying))
        work(store)
        for one in mails:
            if step.removes:
                model.tabs[incident].pop(one.mail.id, None)
            else:
                model.tabs[incident][one.mail.id] = one
        if step.removes:  # of merged incidents, a conversation is looked for where its mails are now
            walks = [walk for walk in walks if len(walk.incidents) == 1]
        walks += [Walk(incidents[:1], set()), Walk(incidents, set())]
        for walk in walks:
            walk.go_on(store, model)
    _check_lists(store, model, incidents)
    _check_changes(store, model, incidents)
    for walk in walks:
        while walk.cursor is not None:
            walk.go_on(store, model)
        assert len(walk.seen) == len(set(walk.seen)), "repeated"
        assert walk.expected <= set(walk.seen), "skipped"


def _check_lists(store: TableIncidentMailStore, model: Model, incidents: tuple[str, ...]) -> None:
    for tab in (incidents[:1], incidents):
        assert all_mails(store, tab) == [one.mail.id for one in model.mails(tab)]
        assert all_conversations(store, tab) == model.conversations(tab)
    for where in FILTERS:
        assert all_mails(store, incidents[:1], where) == [
            one.mail.id for one in model.mails(incidents[:1], where)
        ]
        assert all_conversations(store, incidents[:1], where) == model.conversations(incidents[:1], where)
    for incident in incidents:
        assert store.counts([incident]) == model.counts(incident)
        for shown in model.conversations([incident]):
            page = store.conversation([incident], shown.id, limit=20, cursor=None)
            expected = [one for one in model.mails([incident]) if conversation_of(one.mail) == shown.id]
            assert [one.mail.id for one in page.mails] == [one.mail.id for one in expected]
            assert [one.state for one in page.mails] == [one.state for one in expected]


def _check_changes(store: TableIncidentMailStore, model: Model, incidents: tuple[str, ...]) -> None:
    for incident in incidents:
        there: set[str] = set()
        numbers, cursor = [], None
        while True:
            changes, cursor = store.changes([incident], cursor, limit=5)
            for change in changes:
                numbers.append(change.sequence)
                assert (change.mail_id in there) == (change.kind != "added")
                (there.discard if change.kind == "removed" else there.add)(change.mail_id)
            if not changes:
                break
        assert numbers == list(range(1, len(numbers) + 1))
        assert there == set(model.tabs[incident])


@pytest.mark.parametrize("removes", [False, True])
def test_the_same_again_changes_nothing(connection: StorageConnection, removes: bool) -> None:
    store, incident = TableIncidentMailStore(connection), new_incident()
    mails = [variant(number, 0) for number in range(4)]
    store.put(incident, mails, NOW)
    if removes:
        store.remove(incident, [mails[0].mail], NOW)
    version = store.version([incident])
    if removes:
        store.remove(incident, [mails[0].mail], NOW)
    else:
        store.put(incident, mails, NOW)
    assert store.version([incident]) == version
