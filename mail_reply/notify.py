"""Incident notifications: one mail for each impacted unit, made of the template, and never twice.

The entry's id is made of incident, unit and which notification it is, so that whoever asks again, a person, a
repeated message or the sweep, meets the same entry. The follow-up's row is written before the primary's
entry: dies in between, the sweep finds a row without a primary and drops it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from domain.compose.build import Sending, Written, outgoing_message
from domain.compose.check import SizeLimits, find_mistakes
from domain.compose.message import Mode
from domain.compose.thread import Thread, new_message_id
from domain.configuration import BusinessUnitSettings, EmailServer, NotificationProcess, SendingLimits
from domain.follow_ups import FollowUp
from domain.incidents import IncidentStatus
from domain.mail import Address
from domain.mailboxes import DEFAULT_MAILBOX_ID
from domain.notification_template import DEFAULT_TEMPLATE, NotificationTemplate, RenderedMail, render
from domain.subject_token import make_token
from mail_reply.enqueue import EnqueuePorts, Request, enqueue, entry_id_of
from mail_reply.standing import standing

if TYPE_CHECKING:
    from domain.business_units import BusinessUnit
    from domain.compose.message import OutgoingMessage
    from domain.follow_ups import FollowUpStore
    from domain.incidents import Incident
    from domain.outbox import OutboxEntry

PRIMARY = "primary"
BY_THE_PROCESS = "Incident Notification"


class NotifyPorts(EnqueuePorts, Protocol):
    """What notifications work with."""

    @property
    def follow_ups(self) -> FollowUpStore: ...


class NotNotifiedError(Exception):
    """`code`: `NoRecipients`, `MailboxNotConfigured`, or a mistake of the mail itself."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Notice:
    """Who notifies and with what. `recipients` None: the unit's. `digest`: of the request."""

    by: str
    digest: str
    template: NotificationTemplate
    acting_for: str | None = None
    recipients: tuple[str, ...] | None = None
    send_after: timedelta = timedelta(0)


def notification_id(incident_id: str, unit_id: str, which: str = PRIMARY) -> str:
    """`which`: `primary`, `followUp-1`, `followUp-2`, …"""
    return entry_id_of("notification", incident_id, unit_id, which)


def follow_up_name(number: int) -> str:
    """`which` of a follow-up."""
    return f"followUp-{number}"


def is_open(incident: Incident) -> bool:
    """Whether anybody is notified about it."""
    return incident.status not in (IncidentStatus.CLOSED, IncidentStatus.MERGED)


def process_of(ports: NotifyPorts) -> NotificationProcess:
    """As an admin has set it."""
    return standing(ports.settings, NotificationProcess)


def saved_template(ports: NotifyPorts) -> NotificationTemplate:
    """As an admin has written it."""
    stored = ports.settings.read(NotificationTemplate)
    return stored.value if stored else DEFAULT_TEMPLATE


def spaced(ports: NotifyPorts, place: int) -> timedelta:
    """When the `place`th mail of many may go, so that an incident sends no more a minute than it may."""
    return timedelta(minutes=place // standing(ports.settings, SendingLimits).max_mails_per_minute)


def notify_unit(ports: NotifyPorts, incident: Incident, unit: BusinessUnit, notice: Notice) -> OutboxEntry:
    """The primary notification; the one that stands where the unit was notified before. Raises
    `NotNotifiedError` and what storage raises."""
    entry_id = notification_id(incident.id, unit.id)
    if (standing := ports.outbox.read(entry_id)) is not None:
        return standing.value
    message = written_notification(ports, incident, unit, notice)
    hours = process_of(ports).follow_up_after_hours
    if hours:
        due = ports.clock.now() + timedelta(hours=hours[0])
        ports.follow_ups.put(FollowUp(incident.id, unit.id, 1, due))
    return _enqueued(ports, incident, unit, notice, message, entry_id, "notification")


def follow_up_unit(
    ports: NotifyPorts, incident: Incident, unit: BusinessUnit, number: int, primary: OutboxEntry
) -> OutboxEntry:
    """The `number`th follow-up, as an answer to the primary. Raises as `notify_unit`."""
    entry_id = notification_id(incident.id, unit.id, follow_up_name(number))
    if (standing := ports.outbox.read(entry_id)) is not None:
        return standing.value
    recipients = unit.follow_up_recipients or unit.recipients
    notice = Notice(BY_THE_PROCESS, "", saved_template(ports), recipients=recipients)
    message = written_notification(ports, incident, unit, notice, number, primary)
    return _enqueued(ports, incident, unit, notice, message, entry_id, "followUp")


def written_notification(
    ports: NotifyPorts,
    incident: Incident,
    unit: BusinessUnit,
    notice: Notice,
    number: int = 0,
    primary: OutboxEntry | None = None,
) -> OutgoingMessage:
    """The mail as it goes out. `number`, `primary`: of a follow-up."""
    mailbox = ports.mailboxes.read_settings(DEFAULT_MAILBOX_ID)
    if mailbox is None:
        raise NotNotifiedError("MailboxNotConfigured", "No mailbox is configured that could send this.")
    recipients = unit.recipients if notice.recipients is None else notice.recipients
    if not recipients:
        raise NotNotifiedError("NoRecipients", "The business unit has no recipients of notifications.")
    server = standing(ports.settings, EmailServer)
    which = follow_up_name(number) if number else PRIMARY
    secret = ports.mails.keyed_hash(f"message-id:{notification_id(incident.id, unit.id, which)}")
    thread = None
    if primary is not None:
        parent = primary.sent_message_id or primary.message_id
        thread = Thread(parent, tuple(dict.fromkeys((primary.message_id, parent))))
    mail = rendered(ports, incident, unit, notice.template)
    composed = outgoing_message(
        Written(
            mode=Mode.REPLY if primary else Mode.NEW,
            to=tuple(Address("", one) for one in recipients),
            subject=primary.subject if primary else mail.subject,
            html=mail.html,
            text=mail.text,
        ),
        Sending(
            sender=Address(server.sender_name, mailbox.value.email),
            token=_token(ports, incident.id),
            signature=server.signature,
            message_id=new_message_id(bytes.fromhex(secret[:32]), mailbox.value.email.rpartition("@")[2]),
            date=ports.clock.now(),
            auto_submitted=True,
        ),
        thread=thread,
    )
    mistakes = find_mistakes(composed.message, SizeLimits())
    if mistakes:
        raise NotNotifiedError(mistakes[0].code, f"{mistakes[0].field}: {mistakes[0].detail}")
    return composed.message


def rendered(
    ports: NotifyPorts, incident: Incident, unit: BusinessUnit, template: NotificationTemplate
) -> RenderedMail:
    """The template for this incident and unit."""
    stored = ports.settings.read(BusinessUnitSettings)
    names = stored.value if stored else BusinessUnitSettings()
    values = {
        "incident.id": incident.id,
        "incident.title": incident.title,
        "incident.type": incident.type,
        "incident.severity": incident.severity,
        "incident.status": incident.status.value,
        "incident.url": incident.url,
        "businessUnit.name": unit.name,
        "businessUnit.description": unit.description,
        "parameterName": names.parameter_name,
        "parameterNamePlural": names.parameter_name_plural,
    }
    return render(template, values)


def _enqueued(
    ports: NotifyPorts,
    incident: Incident,
    unit: BusinessUnit,
    notice: Notice,
    message: OutgoingMessage,
    entry_id: str,
    kind: str,
) -> OutboxEntry:
    request = Request(
        entry_id=entry_id,
        digest=notice.digest,
        incident_id=incident.id,
        kind=kind,
        mode="new",
        mailbox_id=DEFAULT_MAILBOX_ID,
        created_by=notice.by,
        acting_for=notice.acting_for,
        business_unit=unit.id,
        via=standing(ports.settings, EmailServer).kind.value,
        send_after=notice.send_after,
    )
    return enqueue(ports, request, message, any_request=True)


def _token(ports: NotifyPorts, incident_id: str) -> str:
    try:
        return make_token(incident_id, ports.token_keys.keys()[0])
    except ValueError:
        return ""
