"""A scanned raw message, and what the server told about its item, to the mail's row."""

from __future__ import annotations

from dataclasses import dataclass

from domain.business_units import UnitDirectory, normalise_address
from domain.identity import mail_identity, sent_identity, unreadable_identity
from domain.mail import Address, Direction, Evidence, Mail, MailKind, Problem, Report
from domain.mail_kind import MailStructure, mail_kind
from domain.mime.bodies import decode_text, html_to_text, to_preview
from domain.mime.headers import (
    Headers,
    decode_words,
    parse_addresses,
    parse_date,
    parse_message_ids,
)
from domain.mime.scanner import RETURNED_TYPES, STATUS_TYPES, MessageScanner
from domain.reports.report import report_of
from domain.server_items import Envelope, ItemSummary

_MAX_SHOWN_FIELD_CHARS = 4_000
_MAX_MESSAGE_ID_CHARS = 1_000
_MAX_EVIDENCE_CHARS = 8_000
_AUTH_AS = "X-MS-Exchange-Organization-AuthAs"
_REPORTS = (MailKind.BOUNCE, MailKind.DELIVERY_RECEIPT, MailKind.READ_RECEIPT)
_ARRIVED = {"delivered", "relayed", "expanded"}


@dataclass(frozen=True, slots=True)
class MailContext:
    """What a mail's row needs from around it. `mailbox_address`: the mailbox's own address."""

    mailbox_id: str
    mailbox_address: str
    units: UnitDirectory


def identify(scanner: MessageScanner, summary: ItemSummary, context: MailContext) -> str:
    """The mail's id; needs the header block and, for mails without any id, the first text part's start.

    A send id counts in mails from ourselves alone: anybody in the organisation can set the property."""
    if summary.send_id is not None and _is_from_us(scanner.headers, context):
        sent = sent_identity(context.mailbox_id, summary.send_id)
        if sent is not None:
            return sent
    return mail_identity(
        context.mailbox_id,
        scanner.headers,
        search_key=summary.search_key,
        text=_first_text(scanner)[0].encode(),
    )


def mail_from_message(
    scanner: MessageScanner, summary: ItemSummary, context: MailContext, *, mail_id: str, raw_sha256: str
) -> Mail:
    """The row of a message that was read to its end (`scanner` is closed)."""
    headers = scanner.headers
    senders, _ = parse_addresses([headers.get("From") or headers.get("Sender")])
    to, to_cut = parse_addresses(headers.get_all("To"))
    cc, cc_cut = parse_addresses(headers.get_all("Cc"))
    reply_to, _ = parse_addresses(headers.get_all("Reply-To")[:1])
    sender = senders[0] if senders else _summary_sender(summary)
    text, _ = _first_text(scanner)
    direction = _direction(sender, summary, context, auth_as=headers.get(_AUTH_AS))
    structure = MailStructure(
        content_type=scanner.content_type,
        report_type=scanner.report_type,
        parts=tuple((part.content_type, part.filename) for part in scanner.parts),
        item_class=summary.item_class,
        text=text,
    )
    kind = mail_kind(headers, structure, is_outgoing=direction is Direction.OUTGOING)
    report = read_report(scanner) if kind in _REPORTS else None
    if kind is MailKind.BOUNCE and _has_arrived(report):
        kind = MailKind.DELIVERY_RECEIPT
    people = (*to, *cc, *(Address("", one.address) for one in (report.recipients if report else ())))
    return Mail(
        id=mail_id,
        mailbox_id=context.mailbox_id,
        received_at=summary.received_at,
        direction=direction,
        kind=kind,
        internet_message_id=headers.get("Message-ID")[:_MAX_MESSAGE_ID_CHARS] or None,
        conversation_id=summary.conversation_id,
        sender=sender,
        to=to,
        cc=cc,
        reply_to=reply_to,
        subject=decode_words(headers.get("Subject"))[:_MAX_SHOWN_FIELD_CHARS],
        preview=to_preview(text),
        sent_at=parse_date(headers.get("Date")),
        business_unit=_unit_of(sender, people, context.units),
        evidence=_evidence(headers, summary, report),
        parts=tuple(scanner.parts),
        text_part=scanner.text_part,
        html_part=scanner.html_part,
        header_bytes=scanner.header_bytes,
        raw_size_bytes=scanner.size_bytes,
        raw_sha256=raw_sha256,
        recipients_cut=to_cut + cc_cut,
    )


def mail_from_envelope(envelope: Envelope, context: MailContext, problem: Problem) -> Mail:
    """The row of an item whose message could not be had: what the server told, and why there is no more."""
    summary = envelope.summary
    sender = _summary_sender(summary)
    to = tuple(Address("", address) for address in envelope.to)
    cc = tuple(Address("", address) for address in envelope.cc)
    return Mail(
        id=unreadable_identity(context.mailbox_id, search_key=summary.search_key, item_id=summary.item_id),
        mailbox_id=context.mailbox_id,
        received_at=summary.received_at,
        direction=_direction(sender, summary, context),
        kind=MailKind.MAIL,
        internet_message_id=summary.internet_message_id,
        conversation_id=summary.conversation_id,
        sender=sender,
        to=to,
        cc=cc,
        subject=decode_words(summary.subject)[:_MAX_SHOWN_FIELD_CHARS],
        sent_at=envelope.sent_at,
        business_unit=_unit_of(sender, (*to, *cc), context.units),
        evidence=Evidence(
            in_reply_to=parse_message_ids(summary.in_reply_to or ""),
            references=parse_message_ids(summary.references or ""),
            send_id=summary.send_id,
        ),
        problem=problem,
    )


def _is_from_us(headers: Headers, context: MailContext) -> bool:
    senders, _ = parse_addresses([headers.get("From") or headers.get("Sender")])
    own = normalise_address(context.mailbox_address)
    return bool(senders) and normalise_address(senders[0].address) == own


def _first_text(scanner: MessageScanner) -> tuple[str, int | None]:
    for index in (scanner.text_part, scanner.html_part):
        if index is None or index not in scanner.texts:
            continue
        text = decode_text(scanner.texts[index], scanner.parts[index])
        if index == scanner.html_part:
            text = html_to_text(text)
        if text.strip():
            return text, index
    return "", None


def read_report(scanner: MessageScanner) -> Report | None:
    """What a scanned bounce or receipt is about; None where it does not say."""
    parts = [
        (part.content_type, decode_text(scanner.texts[index], part))
        for index, part in enumerate(scanner.parts)
        if part.content_type in (*STATUS_TYPES, *RETURNED_TYPES) and index in scanner.texts
    ]
    return report_of(scanner.headers, parts, _first_text(scanner)[0])


def _has_arrived(report: Report | None) -> bool:
    """Whether a delivery report says of everybody that the mail reached him."""
    actions = {one.action for one in report.recipients} if report else set()
    return bool(actions) and actions <= _ARRIVED


def _summary_sender(summary: ItemSummary) -> Address | None:
    address = summary.represented_sender or summary.sender or ""
    return Address(summary.sender_name, address) if address or summary.sender_name else None


def _direction(
    sender: Address | None, summary: ItemSummary, context: MailContext, *, auth_as: str = ""
) -> Direction:
    """What came from outside the organisation, as Exchange notes, did not go out, whoever it says it is
    from."""
    own = normalise_address(context.mailbox_address)
    is_foreign = auth_as.strip().lower() == "anonymous"
    from_us = sender is not None and normalise_address(sender.address) == own and not is_foreign
    return Direction.OUTGOING if from_us or summary.send_id else Direction.INCOMING


def _unit_of(sender: Address | None, recipients: tuple[Address, ...], units: UnitDirectory) -> str | None:
    for address in ((sender,) if sender else ()) + recipients:
        if unit := units.unit_of(address.address):
            return unit
    return None


def _evidence(headers: Headers, summary: ItemSummary, report: Report | None) -> Evidence:
    return Evidence(
        in_reply_to=parse_message_ids(headers.get("In-Reply-To")),
        references=parse_message_ids(headers.get("References")),
        authentication_results=tuple(
            value[:_MAX_EVIDENCE_CHARS] for value in headers.get_all("Authentication-Results")[:1]
        ),
        auth_as=headers.get(_AUTH_AS)[:100] or None,
        auto_submitted=headers.get("Auto-Submitted")[:200] or None,
        send_id=summary.send_id,
        report=report,
    )
