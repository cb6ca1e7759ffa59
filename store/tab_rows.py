"""What the rows of an incident's tab hold, and back. Pure; `store.tab_keys` says which rows there are.

A mail's row is its listing (`d0`), its state without history (`s0`), and a column for each thing that lists
are filtered by. The same mail in the same state always gives the same row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from domain.errors import AdminActionError
from domain.linking_ports import TabMail
from domain.links import LinkedMail, LinkState, MailState, SenderVerified
from domain.mail import Direction
from store.chunks import join_text, split_text
from store.mail_codec import listing_text, mail_from
from store.record_codec import Codec, writable
from store.rows import Row, Value
from store.tab_keys import conversation_of, place_of

_STATES = Codec(MailState)
ADDED = "added"
"""Column: the tab's sequence when the mail came into it."""
SINCE = "since"
"""Column: the tab's sequence when the conversation came to this position."""
UNTIL = "until"
_OWN_COLUMNS = frozenset({ADDED, SINCE})


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail of the tab as its row has it. `added`: 0 where it is not stored yet."""

    place: str
    conversation: str
    values: Mapping[str, Value]
    added: int = 0

    def same_as(self, other: Listed) -> bool:
        """Whether the rows would be the same."""
        return self.conversation == other.conversation and self.values == other.values

    def is_marked(self, column: str) -> bool:
        """`unread`, `suggested`, `unverified` or `attachments`."""
        return self.values.get(column) is True


@dataclass(frozen=True, slots=True)
class TabState:
    """The tab's version and totals. Everything that is written to a tab goes with its state, under the state
    row's ETag."""

    sequence: int = 0
    mails: int = 0
    conversations: int = 0
    unread: int = 0
    suggested: int = 0
    unverified: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Of a conversation's mails. `units`: how many mails of each, in order of id."""

    count: int = 0
    unread: int = 0
    attachments: int = 0
    units: tuple[tuple[str, int], ...] = ()

    def plus(self, mail: Listed, count: int) -> Totals:
        """With (1) or without (-1) this mail."""
        units = dict(self.units)
        if unit := mail.values.get("unit"):
            units[str(unit)] = units.get(str(unit), 0) + count
        return Totals(
            self.count + count,
            self.unread + count * mail.is_marked("unread"),
            self.attachments + count * mail.is_marked("attachments"),
            tuple(sorted((unit, number) for unit, number in units.items() if number > 0)),
        )

    def and_those_of(self, other: Totals) -> Totals:
        """Of both together."""
        units = dict(self.units)
        for unit, number in other.units:
            units[unit] = units.get(unit, 0) + number
        return Totals(
            self.count + other.count,
            self.unread + other.unread,
            self.attachments + other.attachments,
            tuple(sorted(units.items())),
        )

    def columns(self, beside: Totals | None = None) -> dict[str, str]:
        """`beside`: what the row holds so far, of which no piece may be left."""
        pieces = split_text(
            writable(json.dumps([self.count, self.unread, self.attachments, self.units])), "a"
        )
        for name in beside.columns() if beside else ():
            pieces.setdefault(name, "")
        return pieces


@dataclass(frozen=True, slots=True)
class Head:
    """Row `t;`: a conversation's totals, its newest mail's place, and since when it stands at that time."""

    latest: str
    since: int
    totals: Totals


def listed(linked: LinkedMail) -> Listed:
    """The mail as its row is to be."""
    mail, state = linked.mail, linked.state
    kept = replace(state, history=(), placed_before=())
    values: dict[str, Value] = {
        **split_text(listing_text(mail), "d"),
        **split_text(_STATES.to_text(kept), "s"),
        "conversation": conversation_of(mail),
        "direction": mail.direction.value,
        "kind": mail.kind.value,
        "attachments": mail.has_attachments,
        "unread": mail.direction is Direction.INCOMING and state.read_at is None,
        "unverified": state.sender_verified is SenderVerified.NO,
        "suggested": state.link is not None and state.link.state is LinkState.SUGGESTED,
    }
    if state.business_unit:
        values["unit"] = writable(state.business_unit)
    return Listed(place_of(mail), conversation_of(mail), values)


def listed_of(row: Row, place: str) -> Listed:
    """A stored mail, of its row `m;` or `n;`."""
    values = {name: value for name, value in row.values.items() if name not in _OWN_COLUMNS}
    return Listed(place, row.text("conversation"), values, number(row, ADDED))


def tab_mail(row: Row, incident_id: str) -> TabMail:
    """Of any row that holds a mail."""
    mail = mail_from(join_text(row.values, "d"))
    return TabMail(mail, _STATES.from_text(join_text(row.values, "s")), incident_id)


def totals_of(row: Row) -> Totals:
    """Of a row `t;` or `c;`. Raises `AdminActionError("StorageRowUnreadable")`."""
    try:
        count, unread, attachments, units = json.loads(join_text(row.values, "a") or "")
        return Totals(count, unread, attachments, tuple((unit, mails) for unit, mails in units))
    except (ValueError, TypeError) as error:
        raise AdminActionError("StorageRowUnreadable", "Totals") from error


def head_of(row: Row) -> Head:
    """Of a row `t;`."""
    return Head(row.text("latest"), number(row, SINCE), totals_of(row))


def head_values(head: Head) -> dict[str, Value]:
    """Of a row `t;`."""
    return {"latest": head.latest, SINCE: head.since, **head.totals.columns()}


def state_of(row: Row | None) -> TabState:
    """Of the row `c;!`; a tab that has none is empty."""
    if row is None:
        return TabState()
    return TabState(**{field.name: number(row, field.name) for field in fields(TabState)})


def state_values(state: TabState) -> dict[str, Value]:
    """Of the row `c;!`."""
    return {field.name: getattr(state, field.name) for field in fields(TabState)}


def number(row: Row, name: str) -> int:
    """An integer property, 0 where it is missing."""
    value = row.values.get(name)
    return value if isinstance(value, int) else 0
