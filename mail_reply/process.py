"""The **Incident Notification** process by itself: a new incident's units, and follow-ups to who is silent.

Everything it sends has an id of its own by incident, unit and number. Dies anywhere: the pending row of the
incident, or the follow-up's row, is still there, and what was sent is met again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from domain.configuration import NotificationTrigger
from domain.linking_ports import MailFilter
from domain.links import LinkState
from domain.outbox import OutboxState
from mail_reply.notify import (
    BY_THE_PROCESS,
    Notice,
    NotifyPorts,
    NotNotifiedError,
    follow_up_unit,
    is_open,
    notification_id,
    notify_unit,
    process_of,
    saved_template,
    spaced,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.configuration_ports import SettingsStore
    from domain.follow_ups import FollowUp, FollowUpStore
    from domain.incidents import Incident
    from domain.linking_ports import (
        IncidentMailStore,
        IncidentStore,
        LinkStore,
        PendingStore,
        SubjectTokenKeys,
    )
    from domain.ports import BusinessUnitStore, Clock, MailboxStore, MailStore, RawMailStore, WorkQueue
    from domain.sending_ports import OutboxStore, OutgoingContents
    from linking.messages import Changed

MAX_FOLLOW_UPS_A_SWEEP = 100
_MAX_PAGES = 20
_LOOK_AGAIN = timedelta(minutes=15)
_WAITS = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.UNCONFIRMED)
_log = logging.getLogger(__name__)


class ProcessPorts(NotifyPorts, Protocol):
    """What the process works with."""

    @property
    def incident_mails(self) -> IncidentMailStore: ...


@dataclass(frozen=True, slots=True)
class NotifyContext:
    """`ProcessPorts` of timers and queues."""

    outbox: OutboxStore
    contents: OutgoingContents
    follow_ups: FollowUpStore
    incident_mails: IncidentMailStore
    settings: SettingsStore
    raw: RawMailStore
    links: LinkStore
    incidents: IncidentStore
    pending: PendingStore
    token_keys: SubjectTokenKeys
    units: BusinessUnitStore
    mailboxes: MailboxStore
    mails: MailStore
    queue: WorkQueue
    clock: Clock


def notify_new_incident(ports: ProcessPorts, changed: Changed) -> None:
    """To be called before the change's pending row goes. Raises what storage raises."""
    if changed.kind != "incident":
        return
    work = ports.pending.read(changed.kind, changed.subject, changed.change)
    if work is None or not work.before.get("isNew"):
        return
    process = process_of(ports)
    stored = ports.incidents.read(changed.subject)
    if not process.enabled or process.on_new_incident is not NotificationTrigger.AUTOMATIC:
        return
    if stored is None or not is_open(stored.value):
        return
    template = saved_template(ports)
    for place, unit_id in enumerate(stored.value.business_units):
        unit = ports.units.read(unit_id)
        if unit is None or unit.value.archived:
            continue
        notice = Notice(BY_THE_PROCESS, "", template, send_after=spaced(ports, place))
        try:
            notify_unit(ports, stored.value, unit.value, notice)
        except NotNotifiedError as refused:
            _log.warning("a business unit of a new incident is not notified: %s", refused.code)


def sweep_follow_ups(ports: ProcessPorts) -> None:
    """Sends what is due and still wanted. Raises what storage raises."""
    for follow_up in ports.follow_ups.due(ports.clock.now(), MAX_FOLLOW_UPS_A_SWEEP):
        following = _follow_up(ports, follow_up)
        if following is not None:
            ports.follow_ups.put(following)
        ports.follow_ups.done(follow_up)


def answered_at(
    ports: ProcessPorts, incident_ids: Sequence[str], unit_id: str, since: datetime
) -> datetime | None:
    """When a person of the unit first wrote after that. Mails that are in the incident only because of
    their sender prove nothing, and automatic answers are none."""
    where = MailFilter(unit=unit_id, direction="incoming", kind="mail")
    first, cursor = None, None
    for _ in range(_MAX_PAGES):
        page = ports.incident_mails.flat(incident_ids, where, limit=100, cursor=cursor)
        for one in page.mails:
            if one.mail.received_at < since:
                return first
            if one.state.link is not None and one.state.link.state is not LinkState.SUGGESTED:
                first = one.mail.received_at
        cursor = page.cursor
        if cursor is None:
            break
    return first


def _follow_up(ports: ProcessPorts, due: FollowUp) -> FollowUp | None:
    """Sends it where it is wanted; the row of the next one, or of the same one later."""
    process, stored = process_of(ports), ports.incidents.read(due.incident_id)
    hours = process.follow_up_after_hours
    if not process.enabled or stored is None or not is_open(stored.value) or due.number > len(hours):
        return None
    incident = stored.value
    unit = ports.units.read(due.business_unit)
    primary = ports.outbox.read(notification_id(incident.id, due.business_unit))
    if unit is None or unit.value.archived or unit.value.id not in incident.business_units or primary is None:
        return None
    entry = primary.value
    if entry.state in _WAITS:
        return replace(due, due_at=ports.clock.now() + _LOOK_AGAIN)
    if entry.state is not OutboxState.SENT or _has_answered(ports, incident, entry.created_at, due):
        return None
    try:
        follow_up_unit(ports, incident, unit.value, due.number, entry)
    except NotNotifiedError as refused:
        _log.warning("a follow-up does not go out: %s", refused.code)
    if due.number >= len(hours):
        return None
    next_at = entry.created_at + timedelta(hours=hours[due.number])
    return replace(due, number=due.number + 1, due_at=next_at)


def _has_answered(ports: ProcessPorts, incident: Incident, since: datetime, due: FollowUp) -> bool:
    if not process_of(ports).stop_when_answered:
        return False
    ids = (incident.id, *ports.incidents.merged_into(incident.id))
    return answered_at(ports, ids, due.business_unit, since) is not None
