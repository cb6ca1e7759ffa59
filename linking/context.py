"""What linking works with: the ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.linking_ports import IncidentStore, LinkStore, PendingStore, SubjectTokenKeys
    from domain.ports import BusinessUnitStore, Clock, MailboxStore, MailStore, WorkQueue

INCIDENT_CHANGED_QUEUE = "incident-changed"


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
