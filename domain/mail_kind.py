"""Tells auto-replies, bounces, receipts, meetings and protected mail from ordinary mail.

Sources: RFC 3834 (Auto-Submitted), RFC 3464 and RFC 6522 (reports), RFC 8098 (receipts), RFC 5546 (meetings),
RFC 8551 (S/MIME), RFC 3156 and RFC 9580 (OpenPGP), Microsoft's pages "Item types and message classes" and
MS-OXCMAIL ("X-Auto-Response-Suppress"), MS-OXORMMS (rights-managed mail).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.kind_words import says_absence, says_automatic_reply, says_bounce
from domain.mail import MailKind
from domain.mime.headers import Headers, decode_words, parse_addresses

_AUTO_REPLY_HEADERS = (
    "X-Autoreply",
    "X-Autorespond",
    "X-Auto-Response-From",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
)
_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
_RIGHTS_MANAGED = ("application/x-microsoft-rpmsg-message", "application/pgp-encrypted")
_MACHINES = re.compile(r"(?:mailer|mail|maildelivery)-?daemon|mdaemon|microsoftexchange[0-9a-f]{20,}", re.I)
_POSTMASTERS = ("postmaster", "bounce", "bounces", "double-bounce", "mail delivery subsystem")
_POSTMASTER_NAMES = ("mail delivery s", "system administrator", "microsoft outlook", "mail administrator")
_REPORT_TYPE = re.compile(r"report-type\s*=\s*\"?([a-z-]+)", re.I)


@dataclass(frozen=True, slots=True)
class MailStructure:
    """What a message is made of. `content_type`, `report_type`: of the message itself. `parts`: content type
    and file name of each leaf. `item_class`: Exchange's, as it spells it. `text`: its words, or their
    start."""

    content_type: str
    report_type: str | None = None
    parts: tuple[tuple[str, str | None], ...] = ()
    item_class: str = ""
    text: str = ""


def mail_kind(headers: Headers, structure: MailStructure, *, is_outgoing: bool = False) -> MailKind:
    """What a machine made comes first (structure, then class, header, subject), then meetings, then how a
    mail is protected."""
    klass = structure.item_class.upper()
    report = _report_kind(structure, klass)
    if report is not None:
        return report
    types = {content_type for content_type, _ in structure.parts}
    if "text/calendar" in types or klass.startswith("IPM.SCHEDULE.MEETING"):
        return MailKind.MEETING
    if _is_bounce(headers):
        return MailKind.BOUNCE
    if _is_auto_reply(headers, klass, is_outgoing=is_outgoing):
        return MailKind.AUTO_REPLY
    return _protection(headers, structure, klass, types)


def kind_by_header(headers: Headers, item_class: str) -> MailKind:
    """What can be told before the message is fetched."""
    content_type = headers.get("Content-Type")
    report_type = _REPORT_TYPE.search(content_type[:2_000])
    structure = MailStructure(
        content_type=content_type.split(";")[0].strip().lower(),
        report_type=report_type.group(1).lower() if report_type else None,
        item_class=item_class,
    )
    return mail_kind(headers, structure)


def _report_kind(structure: MailStructure, klass: str) -> MailKind | None:
    if structure.content_type != "multipart/report" and not klass.startswith("REPORT."):
        return None
    if structure.report_type == "disposition-notification" or klass.endswith((".IPNRN", ".IPNNRN")):
        return MailKind.READ_RECEIPT
    if klass.endswith(".DR"):
        return MailKind.DELIVERY_RECEIPT
    if structure.report_type == "delivery-status" or klass.endswith((".NDR", ".DELAYED")):
        return MailKind.BOUNCE
    return None


def _is_bounce(headers: Headers) -> bool:
    """Only machines send without a return path; where that is not told, a machine's name has to be the
    sender's. A person who passes a bounce on is neither."""
    senders, _ = parse_addresses([headers.get("From") or headers.get("Sender")])
    sender = senders[0] if senders else None
    local = sender.address.partition("@")[0].strip().lower() if sender else ""
    if _MACHINES.fullmatch(local):
        return True
    name = sender.name.strip().lower() if sender else ""
    is_machine = local in _POSTMASTERS or name.startswith(_POSTMASTER_NAMES)
    if not is_machine and headers.get("Return-Path").strip() != "<>":
        return False
    if headers.get("X-Failed-Recipients") or _has(headers, "X-MS-Exchange-Message-Is-Ndr"):
        return True
    subject = decode_words(headers.get("Subject"))
    return says_bounce(subject) and not says_automatic_reply(subject)


def _is_auto_reply(headers: Headers, klass: str, *, is_outgoing: bool) -> bool:
    if klass.startswith(("IPM.NOTE.RULES.OOFTEMPLATE", "IPM.NOTE.RULES.REPLYTEMPLATE")):
        return True
    auto_submitted = headers.get("Auto-Submitted").split(";")[0].strip().lower()
    if auto_submitted.startswith("auto-replied"):
        return True
    if is_outgoing:
        return False  # notifications that we send say `auto-generated`, and follow-ups answer the first
    if any(headers.get(name) for name in _AUTO_REPLY_HEADERS):
        return True
    if headers.get("Precedence").strip().lower() in ("auto_reply", "auto-reply"):
        return True
    subject = decode_words(headers.get("Subject"))
    if says_automatic_reply(subject):
        return True
    answers = bool(headers.get("In-Reply-To") or headers.get("References"))
    if auto_submitted.startswith("auto-") and answers:
        return True
    return says_absence(subject) and (auto_submitted.startswith("auto-") or _is_from_machine(headers))


def _is_from_machine(headers: Headers) -> bool:
    """Signs that stand in automatic mail, none of which proves an answer."""
    return (
        headers.get("Return-Path").strip() == "<>"
        or bool(headers.get("X-Auto-Response-Suppress"))
        or bool(headers.get("X-MS-Exchange-Inbox-Rules-Loop"))
        or headers.get("Precedence").strip().lower() in ("bulk", "junk")
    )


def _protection(headers: Headers, structure: MailStructure, klass: str, types: set[str]) -> MailKind:
    smime_type = headers.get("Content-Type").lower()
    names = {(name or "").lower() for _, name in structure.parts}
    text = structure.text.lstrip()[:40]
    is_opaque = structure.content_type in _PKCS7 or "smime.p7m" in names
    if is_opaque and "signed-data" not in smime_type and not klass.endswith(".MULTIPARTSIGNED"):
        return MailKind.ENCRYPTED
    if (
        structure.content_type == "multipart/encrypted"
        or types.intersection(_RIGHTS_MANAGED)
        or any(name.endswith(".rpmsg") for name in names)
        or headers.get("Content-Class").strip().lower() == "rpmsg.message"
        or text.startswith("-----BEGIN PGP MESSAGE-----")
    ):
        return MailKind.ENCRYPTED
    if (
        is_opaque
        or structure.content_type == "multipart/signed"
        or types.intersection(_SIGNATURES)
        or text.startswith("-----BEGIN PGP SIGNED MESSAGE-----")
    ):
        return MailKind.SIGNED
    return MailKind.MAIL


def _has(headers: Headers, name: str) -> bool:
    """Whether the field is there, be it empty."""
    return bool(headers.get_all(name))
