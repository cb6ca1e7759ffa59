"""Stores for linking in memory: strongly consistent, with ETags, counting operations; any operation can kill
the worker or let other work run before it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from domain.business_units import BusinessUnit
from domain.errors import ConflictError
from domain.incidents import Incident
from domain.linking_ports import PendingWork
from domain.links import LinkedMail, LinkRule, MailState, Stratum
from domain.mail import Mail
from domain.mailboxes import MailboxSettings
from domain.ours import conversation_key, names_of, own_keys
from domain.stored import Activity, Versioned
from linking.context import LinkContext

START = datetime(2026, 11, 1, tzinfo=UTC)
KEY = b"k" * 32
PAGE = 3
"""Small, so that work goes on from a cursor."""


class WorkerDied(BaseException):
    """Nothing of the worker goes on."""


@dataclass
class Memory:
    """All of storage. `before_operation`: called with the operation's name before it is done."""

    before_operation: Callable[[str], None] = lambda name: None
    now: datetime = START
    operations: Counter[str] = field(default_factory=Counter)
    rows: dict[str, LinkedMail] = field(default_factory=dict)
    known: dict[str, set[str]] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    placements: dict[str, dict[str, str]] = field(default_factory=dict)
    """By conversation's hash: mail id to incident."""
    tab: dict[str, set[str]] = field(default_factory=dict)
    weak: set[str] = field(default_factory=set)
    triage: set[str] = field(default_factory=set)
    incident_rows: dict[str, Versioned[Incident]] = field(default_factory=dict)
    by_unit: dict[str, set[str]] = field(default_factory=dict)
    units: dict[str, BusinessUnit] = field(default_factory=dict)
    pending: dict[tuple[str, str, str], PendingWork] = field(default_factory=dict)
    queue: list[Mapping[str, object]] = field(default_factory=list)
    log: dict[str, Activity] = field(default_factory=dict)
    ids: int = 0
    relinks: int = 0
    operation_takes: timedelta = timedelta(0)

    def step(self, name: str) -> None:
        self.now += self.operation_takes
        self.before_operation(name)
        self.operations[name] += 1

    def new_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"

    def context(self) -> LinkContext:
        return LinkContext(
            links=Links(self),
            incidents=Incidents(self),
            pending=Pending(self),
            token_keys=cast(Any, Keys()),
            units=cast(Any, Units(self)),
            mailboxes=cast(Any, Mailboxes()),
            mails=cast(Any, Hashes()),
            queue=cast(Any, Queue(self)),
            clock=Clock(self),
            new_id=self.new_id,
        )

    def store(self, mail: Mail) -> None:
        """What `mailbox_poll` writes before it links: the row, then the index."""
        self.step("put")
        if mail.id not in self.rows:
            self.rows[mail.id] = LinkedMail(mail, MailState(), f"etag-{self.new_id()}")
        self.step("put_references")
        for key in own_keys(mail.internet_message_id, mail.conversation_id):
            self.known.setdefault(keyed(key), set()).add(mail.id)
        for name in names_of(mail):
            self.named.setdefault(keyed(name), set()).add(mail.id)


def keyed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Hashes:
    def keyed_hash(self, text: str) -> str:
        return keyed(text)


class Keys:
    def keys(self) -> tuple[bytes, ...]:
        return (KEY,)


@dataclass
class Clock:
    memory: Memory

    def now(self) -> datetime:
        return self.memory.now


@dataclass
class Queue:
    memory: Memory

    def send(self, queue: str, body: Mapping[str, object], delay: timedelta = timedelta(0)) -> None:
        self.memory.step("queue")
        self.memory.queue.append(body)


@dataclass
class Units:
    memory: Memory

    def read_all(self, *, include_archived: bool = True) -> list[Versioned[BusinessUnit]]:
        self.memory.step("units")
        return [
            Versioned(unit, "")
            for _, unit in sorted(self.memory.units.items())
            if include_archived or not unit.archived
        ]


class Mailboxes:
    def read_settings(self, mailbox_id: str) -> Versioned[MailboxSettings]:
        settings = MailboxSettings(
            mailbox_id, "c", "soc@corp.example", "mail.corp.example", "a", "t", authserv_id="mx.corp.example"
        )
        return Versioned(settings, "")


@dataclass
class Links:
    memory: Memory

    def read(self, mail_ids: Iterable[str]) -> dict[str, LinkedMail]:
        self.memory.step("read")
        return {one: self.memory.rows[one] for one in mail_ids if one in self.memory.rows}

    def known_as(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        self.memory.step("known_as")
        return {one: tuple(sorted(self.memory.known[one])[:20]) for one in hashes if one in self.memory.known}

    def naming(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        self.memory.step("naming")
        return {one: tuple(sorted(self.memory.named[one])) for one in hashes if one in self.memory.named}

    def index_tokens(self, tokens: Iterable[tuple[str, str]]) -> None:
        self.memory.step("index_tokens")
        for digest, mail_id in tokens:
            self.memory.named.setdefault(digest, set()).add(mail_id)

    def walk(self, cursor: str | None) -> tuple[list[LinkedMail], str | None]:
        self.memory.step("walk")
        ids, after = _page(sorted(self.memory.rows), cursor)
        return [self.memory.rows[one] for one in ids], after

    def members(self, conversation_hash: str) -> Iterator[str]:
        self.memory.step("members")
        return iter(sorted(self.memory.known.get(conversation_hash, ())))

    def conversation_incidents(
        self, conversation_hashes: Iterable[str], *, apart_from: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        return {one: self._incidents_of(one, apart_from) for one in conversation_hashes}

    def _incidents_of(self, conversation_hash: str, apart_from: str | None) -> tuple[str, ...]:
        self.memory.step("conversation_incidents")
        placed = self.memory.placements.get(conversation_hash, {})
        return tuple(sorted({where for mail_id, where in placed.items() if mail_id != apart_from})[:10])

    def save(self, states: Sequence[tuple[LinkedMail, MailState]]) -> dict[str, LinkedMail]:
        """Each a write of its own: what lies between two of them is what lies between two partitions."""
        saved = {}
        for linked, state in states:
            self.memory.step("save_state")
            if self.memory.rows[linked.mail.id].etag == linked.etag:
                one = LinkedMail(linked.mail, state, f"etag-{self.memory.new_id()}")
                saved[linked.mail.id] = self.memory.rows[linked.mail.id] = one
        self.project(list(saved.values()))
        return saved

    def relinks_begun(self) -> str:
        self.memory.step("relinks begun")
        return str(self.memory.relinks)

    def begin_relink(self) -> None:
        self.memory.step("begin relink")
        self.memory.relinks += 1

    def log(self, activity: Activity, change: str) -> None:
        self.memory.step("log")
        self.memory.log[change] = activity

    def project(self, linked: Sequence[LinkedMail]) -> None:
        """Mail by mail and table by table, each an operation of its own."""
        left = list(linked)
        while left:
            for one in left:
                self._project(one.mail, one.state)
            there = self.read([one.mail.id for one in left])
            left = [there[one.mail.id] for one in left if there[one.mail.id].etag != one.etag]

    def _project(self, mail: Mail, state: MailState) -> None:
        memory, link = self.memory, state.link
        memory.step("project placement")
        if mail.conversation_id:
            placed = memory.placements.setdefault(keyed(conversation_key(mail.conversation_id)), {})
            placed.pop(mail.id, None)
            if link is not None and link.stratum is Stratum.CERTAIN:
                placed[mail.id] = link.incident_id
        memory.step("project tab")
        for incident_id in state.placed_before:
            memory.tab.setdefault(incident_id, set()).discard(mail.id)
        if link is not None and state.shown_as is None:
            memory.tab.setdefault(link.incident_id, set()).add(mail.id)
        memory.step("project triage")
        is_suggested = link is not None and link.rule is LinkRule.BUSINESS_UNIT
        (memory.weak.add if state.in_triage or is_suggested else memory.weak.discard)(mail.id)
        (memory.triage.add if state.in_triage else memory.triage.discard)(mail.id)

    def undecided_or_weak(
        self,
        since: datetime | None,
        before: datetime | None,
        units: frozenset[str] | None,
        cursor: str | None,
    ) -> tuple[list[str], str | None]:
        self.memory.step("weak")
        found = [
            one
            for one in sorted(self.memory.weak)
            if units is None or self.memory.rows[one].state.business_unit in units
        ]
        return _page(found, cursor)

    def mails_in(self, incident_id: str, cursor: str | None) -> tuple[list[str], str | None]:
        self.memory.step("mails_in")
        # All mails placed there, those that another one stands for included.
        found = sorted(
            one.mail.id
            for one in self.memory.rows.values()
            if one.state.link is not None and one.state.link.incident_id == incident_id
        )
        return _page(found, cursor)


def _page(found: list[str], cursor: str | None) -> tuple[list[str], str | None]:
    page = [one for one in found if cursor is None or one > cursor][:PAGE]
    return page, page[-1] if page and page[-1] != found[-1] else None


@dataclass
class Incidents:
    memory: Memory

    def read(self, incident_id: str) -> Versioned[Incident] | None:
        self.memory.step("incident")
        return self.memory.incident_rows.get(incident_id)

    def read_many(self, incident_ids: Iterable[str]) -> dict[str, Incident]:
        self.memory.step("incidents")
        rows = self.memory.incident_rows
        return {one: rows[one].value for one in incident_ids if one in rows}

    def spelled(self, incident_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        self.memory.step("spelled")
        return {
            asked: found
            for asked in incident_ids
            if (
                found := tuple(
                    sorted(one for one in self.memory.incident_rows if one.casefold() == asked.casefold())
                )
            )
        }

    def of_units(self, unit_ids: Iterable[str]) -> dict[str, tuple[Incident, ...]]:
        self.memory.step("of_units")
        rows = self.memory.incident_rows
        return {
            unit: tuple(rows[one].value for one in sorted(self.memory.by_unit.get(unit, ())))
            for unit in unit_ids
        }

    def merged(self, incident_ids: Iterable[str]) -> dict[str, str]:
        self.memory.step("merged")
        found: dict[str, str] = {}
        work = list(incident_ids)
        while work:
            row = self.memory.incident_rows.get(work.pop())
            if row is not None and row.value.merged_into and row.value.id not in found:
                found[row.value.id] = row.value.merged_into
                work.append(row.value.merged_into)
        return found

    def merged_into(self, incident_id: str) -> tuple[str, ...]:
        self.memory.step("merged_into")
        found: set[str] = set()
        work = [incident_id]
        while work:
            parent = work.pop()
            for row in self.memory.incident_rows.values():
                if row.value.merged_into == parent and row.value.id not in found:
                    found.add(row.value.id)
                    work.append(row.value.id)
        return tuple(sorted(found - {incident_id}))

    def save(self, incident: Incident, etag: str | None, activity: Activity) -> Versioned[Incident]:
        self.memory.step("save incident")
        old = self.memory.incident_rows.get(incident.id)
        if (old.etag if old else None) != etag:
            raise ConflictError("changed")
        saved = Versioned(incident, f"etag-{self.memory.new_id()}")
        self.memory.incident_rows[incident.id] = saved
        self.reproject(incident)
        return saved

    def reproject(self, incident: Incident) -> None:
        self.memory.step("project incident")
        current = self.memory.incident_rows[incident.id].value
        for unit, found in self.memory.by_unit.items():
            if unit not in current.business_units:
                found.discard(incident.id)
        for unit in current.business_units:
            self.memory.by_unit.setdefault(unit, set()).add(incident.id)

    def page(
        self, *, limit: int, cursor: str | None, status: str | None, text: str | None
    ) -> tuple[list[Incident], str | None]:
        return [row.value for row in self.memory.incident_rows.values()][:limit], None


@dataclass
class Pending:
    memory: Memory

    def put(self, work: PendingWork) -> None:
        self.memory.step("pending put")
        self.memory.pending[work.kind, work.subject, work.change] = work

    def done(self, work: PendingWork) -> None:
        self.memory.step("pending done")
        self.memory.pending.pop((work.kind, work.subject, work.change), None)

    def read(self, kind: str, subject: str, change: str) -> PendingWork | None:
        self.memory.step("pending read")
        return self.memory.pending.get((kind, subject, change))

    def older_than(self, at: datetime, limit: int) -> list[PendingWork]:
        self.memory.step("pending list")
        return [work for work in self.memory.pending.values() if work.at < at][:limit]
