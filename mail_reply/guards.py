"""What is asked before a mail goes out, and what is refused: strangers, unverified senders, mails that no
person wrote, mails that a colleague has answered, too many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from api.caller import Caller
from api.problems import Problem
from api.services import Services
from domain.compose.message import OutgoingMessage
from domain.configuration import SendingLimits
from domain.links import SenderVerified
from domain.mail import Direction, MailKind
from domain.mime.headers import normalise_message_id
from domain.outbox import OutboxEntry, OutboxState
from mail_reply.record_sent import mail_id_of
from mail_reply.reply_form import ReplyForm
from mail_reply.sources import Sources
from mail_reply.standing import standing

_WINDOW = timedelta(minutes=1)
_MAX_LISTED = 100
_MAX_NAMED = 20
_NO_PERSON = (MailKind.AUTO_REPLY, MailKind.BOUNCE, MailKind.READ_RECEIPT)
_NOT_LEAVING = (OutboxState.FAILED, OutboxState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Question:
    """Something to be confirmed: by the request's field `confirm`. `about`: addresses or people."""

    code: str
    confirm: str
    detail: str
    about: tuple[str, ...] = ()

    def json(self) -> dict[str, object]:
        """As the API shows it."""
        return {
            "code": self.code,
            "confirm": self.confirm,
            "detail": self.detail,
            "about": list(self.about),
        }


def questions(
    services: Services, caller: Caller, sources: Sources, form: ReplyForm, message: OutgoingMessage
) -> list[Question]:
    """Everything to be confirmed, whatever the form says already."""
    found = []
    if strangers := _strangers(sources, form, message):
        what = "are of no impacted business unit" if form.mode == "new" else "belong to no business unit"
        detail = f"{len(strangers)} recipients {what}."
        found.append(Question("UnknownRecipients", "confirmRecipients", detail, strangers[:_MAX_NAMED]))
    original = sources.original
    if original is None:
        return found
    if original.state.sender_verified is SenderVerified.NO:
        detail = "Nothing proves that this mail comes from whom it says."
        found.append(Question("UnverifiedSender", "confirmSender", detail))
    if original.mail.kind in _NO_PERSON and form.mode != "forward":
        detail = f"No person wrote this mail ({original.mail.kind.value}): an answer may come back for ever."
        found.append(Question("AnswersAutoReply", "confirmAutoReply", detail))
    if form.mode != "forward" and (people := _answered_by(services, caller, sources)):
        detail = "A colleague has answered this mail."
        found.append(Question("AlreadyAnswered", "confirmAnswered", detail, people[:_MAX_NAMED]))
    return found


def check_questions(form: ReplyForm, caller: Caller, asked: list[Question]) -> None:
    """Raises 409 with what is not confirmed. A program that acts for nobody answers no auto-reply at all."""
    confirmed = {
        "confirmRecipients": form.confirm_recipients,
        "confirmSender": form.confirm_sender,
        "confirmAnswered": form.confirm_answered,
        "confirmAutoReply": form.confirm_auto_reply
        and not (caller.is_application and caller.acting_for is None),
    }
    left = [one for one in asked if not confirmed[one.confirm]]
    if left:
        raise Problem(
            409,
            left[0].code,
            " ".join(one.detail for one in left),
            title="Confirm this first",
            members={"confirmations": [one.json() for one in left]},
        )


def check_rate(services: Services, incident_id: str, wanted: int = 1) -> None:
    """Raises 429 where the incident has sent its mails of this minute."""
    limit = sending_limits(services).max_mails_per_minute
    now = services.clock.now()
    recent = [
        one.created_at
        for one in services.outbox.of_incident(incident_id, limit=_MAX_LISTED, cursor=None)[0]
        if now - one.created_at < _WINDOW
    ]
    if len(recent) + wanted <= limit:
        return
    free_at = recent[min(limit, len(recent)) - 1] + _WINDOW if recent else now + _WINDOW
    seconds = max(1, math.ceil((free_at - now).total_seconds()))
    raise Problem(
        429,
        "TooManyMails",
        f"An incident sends at most {limit} mails a minute.",
        headers={"Retry-After": str(seconds)},
    )


def sending_limits(services: Services) -> SendingLimits:
    """What an admin has set."""
    return standing(services.settings, SendingLimits)


def _strangers(sources: Sources, form: ReplyForm, message: OutgoingMessage) -> tuple[str, ...]:
    directory = sources.directory
    people = (one.address for one in (*message.to, *message.cc, *message.bcc))
    if form.mode == "new":
        impacted = set(sources.incident.business_units)
        return tuple(one for one in people if directory.unit_of(one) not in impacted)
    return tuple(one for one in people if directory.unit_of(one) is None)


def _answered_by(services: Services, caller: Caller, sources: Sources) -> tuple[str, ...]:
    """Others who have answered the mail, here or in Outlook."""
    assert sources.original is not None
    mail, me = sources.original.mail, (caller.name, caller.acting_for)
    entries: dict[str, OutboxEntry] = {}
    for incident_id in sources.incident_ids[:10]:
        listed, _ = services.outbox.of_incident(incident_id, limit=_MAX_LISTED, cursor=None)
        entries |= {mail_id_of(one): one for one in listed if one.in_reply_to == mail.id}
    answered = {
        one.acting_for or one.created_by: None
        for one in entries.values()
        if one.state not in _NOT_LEAVING and one.mode != "forward" and (one.created_by, one.acting_for) != me
    }
    name = normalise_message_id(mail.internet_message_id or "")
    if name:
        digest = services.mails.keyed_hash(name)
        ids = [one for one in services.links.naming([digest]).get(digest, ()) if one not in entries]
        for linked in services.links.read(ids[:_MAX_LISTED]).values():
            is_sent = services.outbox.read(linked.mail.id.rpartition(".")[2]) is not None
            if linked.mail.direction is Direction.OUTGOING and not is_sent:
                answered.setdefault(linked.mail.sender.address if linked.mail.sender else "", None)
    return tuple(answered)
