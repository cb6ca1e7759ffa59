"""Linking on the real tables: whatever the grouping of arrivals and changes, the rows, tabs and lists end as
`decide_all` says. Histories in memory (`tests/linking`) try far more; these show that the tables keep what
the ports promise."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.business_units import BusinessUnit, UnitDirectory
from domain.incidents import Incident, IncidentStatus
from domain.linking.decide_all import Decided, decide_all
from domain.linking.facts import facts_of
from domain.linking.incident_book import IncidentBook
from domain.linking_ports import TriageView
from domain.links import LinkRule, PersonDecision
from domain.mail import Address, Evidence, Mail
from domain.subject_token import make_token
from linking.by_hand import decide_by_person
from linking.context import LinkContext
from linking.incidents import save_incident
from linking.link_mails import link_mails
from linking.messages import Changed
from linking.relink import relink
from store.business_unit_store import TableBusinessUnitStore
from store.connection import StorageConnection
from store.mailbox_store import TableMailboxStore
from store.pending_store import TablePendingStore
from store.subject_token_keys import VaultSubjectTokenKeys
from tests.store.link_support import Stores, incident, stores
from tests.store.support import ACTIVITY, NOW, FakeVault, mail

UNITS = tuple(BusinessUnit(name, name, name, domains=(f"{name}.example",)) for name in ("fin", "hr"))
PEOPLE = ("ann@fin.example", "bo@hr.example", "x@other.example")
MAILS, INCIDENTS = 12, 4


class World:
    """One installation, and what it is told in a random order."""

    def __init__(self, connection: StorageConnection, vault: FakeVault, seed: int) -> None:
        self.chance = random.Random(seed)
        self.kept: Stores = stores(connection, vault)
        self._ids = iter(range(10_000))
        mailboxes = TableMailboxStore(connection)
        units = TableBusinessUnitStore(connection, mailboxes)
        for unit in UNITS:
            units.save(unit, None, ACTIVITY)
        self.pending = TablePendingStore(connection)
        self.context = LinkContext(
            links=self.kept.links,
            incidents=self.kept.incidents,
            pending=self.pending,
            token_keys=VaultSubjectTokenKeys(connection, vault),
            units=units,
            mailboxes=mailboxes,
            mails=self.kept.mails,
            queue=self,
            clock=self,
            new_id=lambda: str(next(self._ids)),
        )
        self.sent: list[Changed] = []
        self.decisions: dict[str, PersonDecision] = {}
        self.incidents: dict[str, Incident] = {}

    def now(self) -> datetime:
        return NOW

    def send(self, queue: str, body: Mapping[str, object], delay: timedelta = timedelta(0)) -> None:
        assert queue == "incident-changed"
        self.sent.append(Changed(str(body["kind"]), str(body["subject"]), str(body["change"])))

    def mails(self) -> list[Mail]:
        """Some answer others, some share a conversation, some carry a token, some came to two mailboxes."""
        made = []
        for number in range(MAILS):
            names = self.chance.sample(range(MAILS), self.chance.choice((0, 0, 1, 2)))
            token = ""
            if self.chance.random() < 0.3:
                key = self.context.token_keys.keys()[0]
                token = make_token(incident(self.chance.randrange(INCIDENTS)).id, key)
            one = mail(
                number,
                subject=f"Re: {token} x",
                conversation_id=self.chance.choice(("c1", "c2", "c3", None)),
                sender=Address("", self.chance.choice(PEOPLE)),
                evidence=Evidence(references=tuple(f"{name}@fin.example" for name in names)),
                received_at=NOW + timedelta(hours=self.chance.randrange(100)),
            )
            made.append(one)
        twin = self.chance.choice(made)
        return [*made, replace(twin, id=mail(0, mailbox="second").id, mailbox_id="second")]

    def happen(self, mails: list[Mail]) -> None:
        """Arrivals in groups, incidents that come, close and merge, and people in between."""
        todo = list(mails)
        self.chance.shuffle(todo)
        changes = list(range(INCIDENTS)) * 2
        self.chance.shuffle(changes)
        arrived: list[Mail] = []
        while todo or changes:
            if todo and (not changes or self.chance.random() < 0.6):
                group = [todo.pop() for _ in range(min(len(todo), self.chance.randint(1, 6)))]
                arrived += group
                self.kept.stored(*group)
                link_mails(self.context, group)
            elif changes:
                self.change(changes.pop())
            if arrived and self.chance.random() < 0.2:
                self.decide(self.chance.choice(arrived).id)
        while self.sent:
            relink(self.context, self.sent.pop(self.chance.randrange(len(self.sent))))

    def change(self, number: int) -> None:
        """An incident comes, or is merged into another one that is known."""
        old = self.kept.incidents.read(incident(number).id)
        units = tuple(self.chance.sample(("fin", "hr"), self.chance.randint(0, 2)))
        new = incident(number, business_units=units)
        parents = [one for one in sorted(self.incidents) if one < new.id]
        if old is not None and parents and self.chance.random() < 0.5:
            new = replace(old.value, status=IncidentStatus.MERGED, merged_into=self.chance.choice(parents))
        self.incidents[new.id] = new
        save_incident(self.context, new, old.etag if old else None, ACTIVITY)

    def decide(self, mail_id: str) -> None:
        """A person places it, refuses incidents, or dismisses it."""
        change = PersonDecision(str(next(self._ids)), NOW, "ann@corp.example")
        ids = sorted(self.incidents) or ["INC-9"]
        kind = self.chance.randrange(3)
        if kind == 0:
            change = replace(change, placed_in=self.chance.choice(ids))
        elif kind == 1:
            change = replace(change, refused=(self.chance.choice(ids),))
        else:
            change = replace(change, dismissed=True)
        self.decisions[mail_id] = change
        decide_by_person(self.context, mail_id, change, ACTIVITY)

    def expected(self, mails: list[Mail]) -> dict[str, Decided]:
        """From everything at once."""
        directory, keys = UnitDirectory(UNITS), self.context.token_keys.keys()
        facts = [
            facts_of(one, self.decisions.get(one.id), units=directory, authserv_id=None, token_keys=keys)
            for one in mails
        ]
        return decide_all(facts, IncidentBook.of(self.incidents.values()))


@pytest.mark.parametrize("seed", [1])
def test_what_the_tables_hold_in_the_end_is_what_follows_from_everything_at_once(
    connection: StorageConnection, vault: FakeVault, seed: int
) -> None:
    world = World(connection, vault, seed)
    mails = world.mails()
    world.happen(mails)
    expected, kept = world.expected(mails), world.kept
    rows = kept.links.read(one.id for one in mails)
    assert {key: (row.state.link, row.state.shown_as) for key, row in rows.items()} == {
        key: (one.link, one.shown_as) for key, one in expected.items()
    }
    assert {key: row.state.sender_verified for key, row in rows.items()} == {
        key: one.verified for key, one in expected.items()
    }
    for identifier in world.incidents:
        placed = {key for key, one in expected.items() if one.link and one.link.incident_id == identifier}
        assert kept.tab(identifier) == {key for key in placed if expected[key].shown_as is None}
        assert set(kept.links.mails_in(identifier, None)[0]) == placed
    dismissed = {key for key, one in world.decisions.items() if one.dismissed}
    lists = {
        TriageView.DISMISSED: dismissed,
        TriageView.WAITING: {key for key, one in expected.items() if one.link is None} - dismissed,
        TriageView.SUGGESTED: {
            key for key, one in expected.items() if one.link and one.link.rule is LinkRule.BUSINESS_UNIT
        },
    }
    for which, ids in lists.items():
        page = kept.mails.triage(limit=100, cursor=None, which=which)
        assert {one.mail.id for one in page.mails} == {key for key in ids if expected[key].shown_as is None}
    assert world.pending.older_than(NOW + timedelta(days=1), 9) == []
