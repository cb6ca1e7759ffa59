"""What the rules look at: a mail's evidence with units, authentication and tokens already looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.business_units import UnitDirectory, normalise_address
from domain.links import PersonDecision
from domain.mail import Direction, Mail
from domain.mime.headers import normalise_message_id
from domain.ours import names_of, tokens_of
from domain.sender_authentication import Dmarc, dmarc_result
from domain.subject_token import IncidentToken


@dataclass(frozen=True, slots=True)
class MailFacts:
    """A mail as the rules see it. Addresses are normalised (`domain.business_units.normalise_address`)."""

    id: str
    mailbox_id: str
    received_at: datetime
    direction: Direction
    own_name: str | None
    """Normalised Message-ID; None: nothing can name it."""
    names: tuple[str, ...]
    """Normalised Message-IDs that it answers, strongest first: In-Reply-To, References from last to first,
    and those that a bounce is about."""
    tokens: tuple[IncidentToken, ...]
    """Valid ones of its subject."""
    conversation_id: str | None
    sender: str | None
    recipients: frozenset[str]
    sender_unit: str | None
    units: frozenset[str]
    """Of the sender, the recipients and, in a report, of whom it is about."""
    dmarc: Dmarc
    is_own: bool
    """Sent by this software (its send id stands on the item)."""
    likeness: tuple[str, str, str]
    """Sender, date and subject: what the same mail in another mailbox shares."""
    decision: PersonDecision | None = None

    @property
    def business_unit(self) -> str | None:
        """The unit that the mail counts as: of the sender, for what went out any of its recipients'."""
        return _counts_as(self.sender_unit, self.units)


def facts_of(
    mail: Mail,
    decision: PersonDecision | None,
    *,
    units: UnitDirectory,
    authserv_id: str | None,
    token_keys: Sequence[bytes],
) -> MailFacts:
    """Everything about the mail that does not depend on other mails or on incidents."""
    sender = normalise_address(mail.sender.address) if mail.sender and mail.sender.address else None
    people = [normalise_address(one.address) for one in (*mail.to, *mail.cc) if one.address]
    sender_unit, all_units = _units_of(mail, units)
    subject = " ".join(mail.subject.split())
    return MailFacts(
        id=mail.id,
        mailbox_id=mail.mailbox_id,
        received_at=mail.received_at,
        direction=mail.direction,
        own_name=normalise_message_id(mail.internet_message_id or "") or None,
        names=names_of(mail),
        tokens=tokens_of(mail, token_keys),
        conversation_id=mail.conversation_id or None,
        sender=sender,
        recipients=frozenset(people),
        sender_unit=sender_unit,
        units=all_units,
        dmarc=dmarc_result(mail.evidence, authserv_id),
        is_own=mail.evidence.send_id is not None,
        likeness=(sender or "", mail.sent_at.isoformat() if mail.sent_at else "", subject),
        decision=decision,
    )


def business_unit_of(mail: Mail, units: UnitDirectory) -> str | None:
    """See `MailFacts.business_unit`; for callers who need nothing else of the facts."""
    return _counts_as(*_units_of(mail, units))


def _units_of(mail: Mail, units: UnitDirectory) -> tuple[str | None, frozenset[str]]:
    """The sender's, and all people's, whom a report says something of included."""
    sender_unit = units.unit_of(mail.sender.address) if mail.sender and mail.sender.address else None
    reported = mail.evidence.report.recipients if mail.evidence.report else ()
    people = [one.address for one in (*mail.to, *mail.cc)] + [one.address for one in reported]
    found = {units.unit_of(one) for one in people if one} | {sender_unit}
    return sender_unit, frozenset(one for one in found if one is not None)


def _counts_as(sender_unit: str | None, units: frozenset[str]) -> str | None:
    return sender_unit or min(units, default=None)
