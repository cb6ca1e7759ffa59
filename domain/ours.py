"""Is an item ours? A pure rule over what a sync page or an envelope tells, before anything is fetched whole.

Ours: sender or a recipient belongs to a business unit; or it answers a message or belongs to a conversation
that
is stored; or it carries our send id; or it may be a report about a mail that we sent. What a sync page
leaves out
proves nothing, so from a summary alone the answer is "yes" or "not decided".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.business_units import UnitDirectory
from domain.mail import Mail, MailKind
from domain.mail_kind import kind_by_header
from domain.mime.headers import Headers, normalise_message_id, parse_addresses, parse_message_ids
from domain.server_items import Envelope, ItemSummary
from domain.subject_token import IncidentToken, find_tokens

_ANSWER_PREFIX = re.compile(r"\s*[^\s:\uff1a]{1,12}(?:\[\d+\]|\(\d+\))?\s*[:\uff1a]")
"""`Re:`, `AW:`, `RE[2]:` and what else clients write in front of a subject (U+FF1A: fullwidth colon)."""
MAX_NAMES = 110
_RECIPIENT_HEADERS = ("To", "Cc", "Resent-To", "Resent-Cc")
_SENDER_HEADERS = ("From", "Sender", "Reply-To", "Resent-From", "Return-Path")


@dataclass(frozen=True, slots=True)
class Named:
    """What an item names: normalised Message-IDs it answers, and its conversation."""

    message_ids: tuple[str, ...]
    conversation_id: str | None

    @property
    def keys(self) -> tuple[str, ...]:
        """What is looked up in the reference index (before hashing)."""
        return self.message_ids + ((conversation_key(self.conversation_id),) if self.conversation_id else ())


def conversation_key(conversation_id: str) -> str:
    """A conversation's key in the reference index, apart from any Message-ID."""
    return f"conversation:{conversation_id}"


def names_of(mail: Mail) -> tuple[str, ...]:
    """Which messages a stored mail answers, strongest first: In-Reply-To, those that a report is about,
    References from last to first. Under these it stands in the reference index, so that it is found when one
    of them arrives."""
    own = normalise_message_id(mail.internet_message_id or "")
    evidence = mail.evidence
    reported = (*evidence.report.message_ids, *evidence.report.answered) if evidence.report else ()
    ordered = (*evidence.in_reply_to, *reported, *reversed(evidence.references))
    return tuple(dict.fromkeys(name for name in ordered if name and name != own))[:MAX_NAMES]


def tokens_of(mail: Mail, keys: Sequence[bytes]) -> tuple[IncidentToken, ...]:
    """The valid tokens of a stored mail's subject; of a report without any, those of the subject of the mail
    that it is about."""
    report = mail.evidence.report
    return find_tokens(mail.subject, keys) or find_tokens(report.subject if report else "", keys)


def incident_key(incident_id: str) -> str:
    """The key in the reference index under which the mails that carry an incident's token are found, in
    whatever case: before the incident is known, and when it merges."""
    return f"incident:{incident_id.casefold()}"


def is_ours_by_summary(summary: ItemSummary, units: UnitDirectory) -> bool:
    """True: certainly ours. False: not decided, for summaries carry no recipients and cut strings."""
    if summary.send_id:
        return True
    return any(
        units.unit_of(address) is not None
        for address in (summary.sender, summary.represented_sender)
        if address
    )


def is_ours_by_envelope(envelope: Envelope, units: UnitDirectory) -> bool:
    """Decides by people alone; what the item names is looked up by the caller (`named_by`)."""
    if is_ours_by_summary(envelope.summary, units):
        return True
    headers = Headers(envelope.headers)
    written, _ = parse_addresses(
        value for name in (*_SENDER_HEADERS, *_RECIPIENT_HEADERS) for value in headers.get_all(name)
    )
    people = (*envelope.to, *envelope.cc, *envelope.bcc, *(address.address for address in written))
    return any(units.unit_of(address) is not None for address in people if address)


def named_by(envelope: Envelope) -> Named:
    """Message-IDs in In-Reply-To and References (property or header), and the conversation of an answer.

    Exchange makes conversation ids of subjects, so a mail that begins a conversation shares one with every
    stranger who chose the same words: only where a mail looks like an answer does its conversation count.
    """
    headers = Headers(envelope.headers)
    summary = envelope.summary
    fields = (
        summary.in_reply_to or headers.get("In-Reply-To"),
        summary.references or headers.get("References"),
    )
    ids = dict.fromkeys(one for field in fields for one in parse_message_ids(field))
    is_answer = bool(ids) or _ANSWER_PREFIX.match(summary.subject or headers.get("Subject")) is not None
    return Named(tuple(ids), summary.conversation_id if is_answer else None)


def may_be_report(envelope: Envelope) -> bool:
    """Whether it may be a bounce or a receipt: what it is about can stand inside it alone."""
    kind = kind_by_header(Headers(envelope.headers), envelope.summary.item_class)
    return kind in (MailKind.BOUNCE, MailKind.DELIVERY_RECEIPT, MailKind.READ_RECEIPT)


def own_keys(internet_message_id: str | None, conversation_id: str | None) -> tuple[str, ...]:
    """Under which keys a stored mail is found by its answers."""
    keys = []
    if internet_message_id and (normal := normalise_message_id(internet_message_id)):
        keys.append(normal)
    if conversation_id:
        keys.append(conversation_key(conversation_id))
    return tuple(keys)
