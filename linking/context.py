"""What linking works with: the ports."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from domain.linking_ports import IncidentStore, LinkStore, PendingStore, SubjectTokenKeys
    from domain.ports import BusinessUnitStore, Clock, MailboxStore, MailStore, WorkQueue

INCIDENT_CHANGED_QUEUE = "incident-changed"


class LinkPorts(Protocol):
    """Whoever has these ports can make a `LinkContext`."""

    @property
    def links(self) -> LinkStore: ...
    @property
    def incidents(self) -> IncidentStore: ...
    @property
    def pending(self) -> PendingStore: ...
    @property
    def token_keys(self) -> SubjectTokenKeys: ...
    @property
    def units(self) -> BusinessUnitStore: ...
    @property
    def mailboxes(self) -> MailboxStore: ...
    @property
    def mails(self) -> MailStore: ...
    @property
    def queue(self) -> WorkQueue: ...
    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True, slots=True)
class LinkContext:
    """`new_id`: a random id, for changes. All ports are safe for several threads."""

    links: LinkStore
    incidents: IncidentStore
    pending: PendingStore
    token_keys: SubjectTokenKeys
    units: BusinessUnitStore
    mailboxes: MailboxStore
    mails: MailStore
    queue: WorkQueue
    clock: Clock
    new_id: Callable[[], str]


def link_context(ports: LinkPorts) -> LinkContext:
    """Made for each use: it keeps nothing."""
    return LinkContext(
        links=ports.links,
        incidents=ports.incidents,
        pending=ports.pending,
        token_keys=ports.token_keys,
        units=ports.units,
        mailboxes=ports.mailboxes,
        mails=ports.mails,
        queue=ports.queue,
        clock=ports.clock,
        new_id=new_id,
    )


def new_id() -> str:
    """Of a change: 122 random bits."""
    return uuid.uuid4().hex
