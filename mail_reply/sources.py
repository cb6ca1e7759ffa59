"""What a reply is made of, read once: incident, the mail it is about, mailbox, email server, units."""

from __future__ import annotations

from dataclasses import dataclass

from api.path_ids import MAX_ID_CHARS
from api.problems import FieldError, Problem
from api.services import Services
from domain.business_units import BusinessUnit, UnitDirectory
from domain.compose.message import Mode
from domain.configuration import EmailServer
from domain.errors import NotFoundError
from domain.incidents import Incident, root_of
from domain.links import LinkedMail
from domain.mail import Address
from domain.mailboxes import DEFAULT_MAILBOX_ID, MailboxSettings
from domain.subject_token import find_tokens, make_token, may_have_token
from mail_reply.reply_form import ReplyForm
from mail_reply.standing import standing

_MAX_MAIL_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Sources:
    """`incident_ids`: the incident and all that are merged into it. `own_addresses`: of every mailbox of
    ours."""

    incident: Incident
    incident_ids: tuple[str, ...]
    original: LinkedMail | None
    mailbox: MailboxSettings
    email_server: EmailServer
    own_addresses: tuple[str, ...]
    units: tuple[BusinessUnit, ...]
    token: str
    stale_tokens: tuple[str, ...]

    @property
    def directory(self) -> UnitDirectory:
        """Whose an address is."""
        return UnitDirectory(self.units)

    @property
    def sender(self) -> Address:
        """Whom the mail is from."""
        return Address(self.email_server.sender_name, self.mailbox.email)


def incident_of(services: Services, incident_id: str) -> Incident:
    """Raises 404."""
    stored = services.incidents.read(incident_id) if 0 < len(incident_id) <= MAX_ID_CHARS else None
    if stored is None:
        raise Problem.not_found("The incident")
    return stored.value


def shown_incidents(services: Services, incident: Incident) -> tuple[str, ...]:
    """The incident and all whose mails it shows."""
    return (incident.id, *services.incidents.merged_into(incident.id))


def sending_incident(services: Services, incident_id: str) -> Incident:
    """Raises 404, and 409 where it is merged: mail belongs to the other one."""
    incident = incident_of(services, incident_id)
    if incident.merged_into is not None:
        root = root_of(incident_id, services.incidents.merged([incident_id]))
        raise Problem(
            409,
            "IncidentMerged",
            "This incident is merged into another one; write from there.",
            members={"mergedInto": root},
        )
    return incident


def read_sources(services: Services, incident_id: str, form: ReplyForm) -> Sources:
    """Raises 404, 409 (merged, no mailbox), 422 and what storage raises."""
    incident = sending_incident(services, incident_id)
    ids = shown_incidents(services, incident)
    original = _original(services, ids, form.in_reply_to) if form.in_reply_to else None
    mailbox, own = sending_mailbox(services, original.mail.mailbox_id if original else DEFAULT_MAILBOX_ID)
    token, stale = _tokens(services, incident, _subjects(form, original))
    return Sources(
        incident=incident,
        incident_ids=ids,
        original=original,
        mailbox=mailbox,
        email_server=standing(services.settings, EmailServer),
        own_addresses=own,
        units=tuple(row.value for row in services.units.read_all(include_archived=False)),
        token=token,
        stale_tokens=stale,
    )


def sending_mailbox(services: Services, mailbox_id: str) -> tuple[MailboxSettings, tuple[str, ...]]:
    """The mailbox that sends, and the addresses of all. Raises 409 where there is none."""
    found = {
        one: stored.value
        for one in services.mailboxes.list_ids()
        if (stored := services.mailboxes.read_settings(one)) is not None
    }
    mailbox = found.get(mailbox_id) or found.get(DEFAULT_MAILBOX_ID)
    if mailbox is None:
        raise Problem(409, "MailboxNotConfigured", "No mailbox is configured that could send this.")
    return mailbox, tuple(one.email for one in found.values())


def incident_token(services: Services, incident_id: str) -> str:
    """Empty where the id fits into no subject."""
    try:
        return make_token(incident_id, services.token_keys.keys()[0])
    except ValueError:
        return ""


def _tokens(services: Services, incident: Incident, subjects: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    keys = services.token_keys.keys()
    found = (one for subject in subjects if may_have_token(subject) for one in find_tokens(subject, keys))
    stale = tuple(
        dict.fromkeys(one.text for one in found if one.incident_id.casefold() != incident.id.casefold())
    )
    return incident_token(services, incident.id), stale


def _subjects(form: ReplyForm, original: LinkedMail | None) -> tuple[str, ...]:
    return tuple(one for one in (form.subject, original.mail.subject if original else None) if one)


def _original(services: Services, incident_ids: tuple[str, ...], mail_id: str) -> LinkedMail:
    try:
        found = services.links.read([mail_id]) if len(mail_id) <= _MAX_MAIL_ID_CHARS else {}
    except (NotFoundError, ValueError):
        found = {}
    linked = found.get(mail_id)
    if linked is None or linked.state.link is None or linked.state.link.incident_id not in incident_ids:
        raise Problem.of_fields(
            [FieldError("inReplyTo", "UnknownMail", "There is no such mail in this incident.")]
        )
    return linked


def mode_of(form: ReplyForm) -> Mode:
    """As composing names it."""
    return Mode(form.mode)
