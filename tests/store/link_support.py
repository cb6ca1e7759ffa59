"""What the tests of linking's stores share: the stores on one connection, and states to save."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.linking_ports import MailFilter
from domain.links import Link, LinkChange, LinkedMail, LinkRule, LinkState, MailState, PersonDecision, Stratum
from domain.mail import Mail
from domain.ours import conversation_key
from store.connection import StorageConnection
from store.incident_mail_store import TableIncidentMailStore
from store.incident_store import TableIncidentStore
from store.link_store import TableLinkStore
from store.mail_store import TableMailStore
from tests.store.support import ACTIVITY, NOW, FakeVault

EVERYTHING = MailFilter()


@dataclass(frozen=True, slots=True)
class Stores:
    """All that linking writes to."""

    mails: TableMailStore
    links: TableLinkStore
    tabs: TableIncidentMailStore
    incidents: TableIncidentStore

    def stored(self, *mails: Mail) -> list[LinkedMail]:
        """Put with their references, as `mailbox_poll` does, and read again."""
        self.mails.put(mails)
        self.mails.put_references(mails)
        rows = self.links.read(one.id for one in mails)
        return [rows[one.id] for one in mails]

    def placed(self, linked: LinkedMail, link: Link | None, **changes: Any) -> LinkedMail:
        """Saved with this link and projected, as `linking` does."""
        saved = self.save(linked, next_state(linked.state, link, **changes))
        self.links.project([saved])
        return saved

    def save(self, linked: LinkedMail, state: MailState) -> LinkedMail:
        """Raises `KeyError` where somebody else changed the row."""
        return self.links.save([(linked, state)])[linked.mail.id]

    def incidents_of(self, conversation_of: Mail, apart_from: str | None = None) -> tuple[str, ...]:
        """Of the certain mails of this one's conversation."""
        asked = self.conversation_hash(conversation_of)
        return self.links.conversation_incidents([asked], apart_from=apart_from)[asked]

    def tab(self, incident_id: str) -> set[str]:
        """Ids of the mails that its tab shows."""
        page = self.tabs.flat([incident_id], EVERYTHING, limit=500, cursor=None)
        return {one.mail.id for one in page.mails}

    def conversation_hash(self, mail: Mail) -> str:
        """Under which its conversation is found."""
        assert mail.conversation_id is not None
        return self.mails.keyed_hash(conversation_key(mail.conversation_id))

    def weak(self, **asked: Any) -> list[str]:
        """All pages of the mails that a unit's incidents may still claim, in order of id."""
        asked = {"since": None, "before": None, "units": None, **asked}
        found: list[str] = []
        cursor: str | None = None
        while True:
            ids, cursor = self.links.undecided_or_weak(**asked, cursor=cursor)
            found += ids
            if cursor is None:
                return sorted(found)


def stores(connection: StorageConnection, vault: FakeVault) -> Stores:
    """On one connection, with a clock that stands still."""
    mails = TableMailStore(connection, vault)
    tabs = TableIncidentMailStore(connection)
    links = TableLinkStore(connection, mails.keyed_hash, tabs, lambda: NOW)
    return Stores(mails, links, tabs, TableIncidentStore(connection))


def certain(incident_id: str) -> Link:
    """By a reference."""
    return Link(incident_id, LinkRule.REFERENCE, LinkState.LINKED, Stratum.CERTAIN)


def by_conversation(incident_id: str) -> Link:
    """By the conversation."""
    return Link(incident_id, LinkRule.CONVERSATION, LinkState.LINKED, Stratum.CONVERSATION)


def suggested(incident_id: str) -> Link:
    """By the business unit alone."""
    return Link(incident_id, LinkRule.BUSINESS_UNIT, LinkState.SUGGESTED, Stratum.BUSINESS_UNIT)


def next_state(state: MailState, link: Link | None, **changes: Any) -> MailState:
    """After a decision, with what `linking` keeps of earlier ones."""
    places = [one.incident_id for one in (state.link, link) if one is not None]
    return replace(
        state,
        decided=True,
        link=link,
        placed_before=tuple(dict.fromkeys((*state.placed_before, *places))),
        history=(*state.history, LinkChange(NOW, link)),
        **{"business_unit": "fin", **changes},
    )


def dismissal() -> PersonDecision:
    """A person said that it belongs nowhere."""
    return PersonDecision("change", NOW, "ann@corp.example", dismissed=True)


def incident(number: int, **changes: Any) -> Incident:
    """The number-th, created a minute after the one before."""
    created = NOW + timedelta(minutes=number)
    fields: dict[str, Any] = {
        "id": f"INC/{number}#ä",
        "title": f"Strange log-in {number}",
        "status": IncidentStatus.OPEN,
        "created_at": created,
        "business_units": ("fin",),
        "open_intervals": (OpenInterval(created),),
        **changes,
    }
    return Incident(**fields)


def save(kept: TableIncidentStore, new: Incident) -> Incident:
    """Whatever is there."""
    there = kept.read(new.id)
    return kept.save(new, there.etag if there else None, ACTIVITY).value
