"""What the tests of an incident's tab share: linked mails to put, and a model of the tab as plain lists."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from domain.linking_ports import MailFilter, TabPage
from domain.links import Link, LinkedMail, LinkRule, LinkState, MailState, SenderVerified, Stratum
from domain.mail import Direction, Part
from store.incident_mail_store import TableIncidentMailStore
from store.tab_keys import conversation_of, place_of, position_of
from tests.store.support import NOW, mail

_numbers = itertools.count(1)
ALL = MailFilter()


def new_incident() -> str:
    """An id that no test has used, with characters that no key may hold."""
    return f"INC/{next(_numbers)}#ä?"


def linked(number: int, *, conversation: str | None = "", **changes: Any) -> LinkedMail:
    """The number-th mail, three to a conversation unless told otherwise, with a state to be changed."""
    mail_fields = {name: changes.pop(name) for name in list(changes) if name not in _STATE_FIELDS}
    made = mail(number, **mail_fields)
    if conversation != "":
        made = replace(made, conversation_id=conversation)
    link = Link("INC", LinkRule.REFERENCE, LinkState.LINKED, Stratum.CERTAIN)
    fields = {"decided": True, "link": link, "business_unit": made.business_unit, **changes}
    return LinkedMail(made, MailState(**fields), "etag")


_STATE_FIELDS = frozenset(MailState.__dataclass_fields__) - {"business_unit"}


def variant(number: int, kind: int) -> LinkedMail:
    """The same mail in one of several states: every filter has something to find and something to leave."""
    link = Link("INC", LinkRule.BUSINESS_UNIT, LinkState.SUGGESTED, Stratum.BUSINESS_UNIT)
    one = linked(
        number,
        direction=Direction.OUTGOING if number % 4 == 0 else Direction.INCOMING,
        received_at=NOW - timedelta(milliseconds=number * 7 % 5),
        parts=(Part(0, 9, "application/pdf"),) if number % 3 == 0 else (),
        text_part=None,
        read_at=NOW if kind == 1 else None,
        sender_verified=SenderVerified.NO if kind == 2 else SenderVerified.UNKNOWN,
    )
    return replace(one, state=replace(one.state, link=link)) if kind == 2 else one


@dataclass(frozen=True, slots=True)
class Shown:
    """A conversation as a list shows it."""

    id: str
    latest: str
    count: int
    unread: int
    units: tuple[str, ...]
    has_attachments: bool


class Model:
    """Incidents as dictionaries of mails by id."""

    def __init__(self, tabs: Mapping[str, dict[str, LinkedMail]]) -> None:
        self.tabs = tabs

    def mails(self, incidents: Iterable[str], where: MailFilter = ALL) -> list[LinkedMail]:
        """In the order of the tab."""
        found = {one.mail.id: one for incident in incidents for one in self.tabs[incident].values()}
        return sorted((one for one in found.values() if _matches(one, where)), key=_place)

    def conversations(self, incidents: Sequence[str], where: MailFilter = ALL) -> list[Shown]:
        """Each by its newest mail that matches; without a filter, conversations of one time by id."""
        everything = [one for incident in incidents for one in self.tabs[incident].values()]
        newest: dict[str, LinkedMail] = {}
        for one in self.mails(incidents, where):
            newest.setdefault(conversation_of(one.mail), one)
        shown = []
        for conversation, latest in newest.items():
            members = [one for one in everything if conversation_of(one.mail) == conversation]
            units = sorted({one.state.business_unit for one in members if one.state.business_unit})
            unread = sum(map(is_unread, members))
            attachments = any(one.mail.has_attachments for one in members)
            shown.append(Shown(conversation, latest.mail.id, len(members), unread, tuple(units), attachments))
        if where != ALL:
            return shown
        return sorted(shown, key=lambda one: position_of(place_of(newest[one.id].mail), one.id))

    def counts(self, incident: str) -> dict[str, int]:
        """As the tab's version row has them."""
        mails = list(self.tabs[incident].values())
        return {
            "mails": len(mails),
            "unread": sum(map(is_unread, mails)),
            "suggested": sum(_is_suggested(one) for one in mails),
            "unverified": sum(one.state.sender_verified is SenderVerified.NO for one in mails),
        }


def shown_in(page: TabPage) -> list[Shown]:
    """What a page of conversations shows."""
    return [
        Shown(one.id, one.latest.mail.id, one.count, one.unread, one.units, one.has_attachments)
        for one in page.conversations
    ]


def all_conversations(
    store: TableIncidentMailStore, incidents: Sequence[str], where: MailFilter = ALL, limit: int = 3
) -> list[Shown]:
    """The whole list, page by page."""
    shown, cursor = [], None
    while True:
        page = store.conversations(incidents, where, limit=limit, cursor=cursor)
        shown += shown_in(page)
        if (cursor := page.cursor) is None:
            return shown
        assert len(page.conversations) == limit


def all_mails(
    store: TableIncidentMailStore, incidents: Sequence[str], where: MailFilter = ALL, limit: int = 4
) -> list[str]:
    """Ids of all mails, page by page."""
    found, cursor = [], None
    while True:
        page = store.flat(incidents, where, limit=limit, cursor=cursor)
        found += [one.mail.id for one in page.mails]
        if (cursor := page.cursor) is None:
            return found


def is_unread(one: LinkedMail) -> bool:
    """What the team has not read: nothing that it wrote itself."""
    return one.mail.direction is Direction.INCOMING and one.state.read_at is None


def _is_suggested(one: LinkedMail) -> bool:
    return one.state.link is not None and one.state.link.state is LinkState.SUGGESTED


def _place(one: LinkedMail) -> str:
    return place_of(one.mail)


def _matches(one: LinkedMail, where: MailFilter) -> bool:
    asked_and_is = (
        (where.unit, one.state.business_unit),
        (where.direction, one.mail.direction.value),
        (where.kind, one.mail.kind.value),
        (where.has_attachments, one.mail.has_attachments),
        (where.unread, is_unread(one)),
        (where.unverified, one.state.sender_verified is SenderVerified.NO),
        (where.suggested, _is_suggested(one)),
    )
    in_text = where.text is None or all(word in one.mail.subject for word in where.text.split())
    return in_text and all(asked is None or asked == is_it for asked, is_it in asked_and_is)
