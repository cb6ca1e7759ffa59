"""Tells auto-replies, bounces, receipts, meetings and protected mail from ordinary mail.

Sources: RFC 3834 (Auto-Submitted), RFC 3464 and RFC 6522 (reports), RFC 8098 (receipts), RFC 5546 (meetings),
RFC 8551 (S/MIME), RFC 3156 (OpenPGP), Microsoft's page "Item types and message classes".
"""

from __future__ import annotations

from domain.mail import MailKind
from domain.mime.headers import Headers

_AUTO_REPLY_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From")
_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")


def mail_kind(
    headers: Headers,
    *,
    content_type: str,
    report_type: str | None,
    part_types: tuple[str, ...],
    item_class: str,
) -> MailKind:
    """The kind by structure first, then by header, then by Exchange's item class."""
    klass = item_class.upper()
    if content_type == "multipart/report" or klass.startswith("REPORT."):
        if report_type == "disposition-notification" or klass.endswith((".IPNRN", ".IPNNRN")):
            return MailKind.READ_RECEIPT
        if report_type == "delivery-status" or klass.endswith((".NDR", ".DR")):
            return MailKind.BOUNCE
    if content_type == "multipart/encrypted" or content_type in _PKCS7:
        smime_type = headers.get("Content-Type").lower()
        return MailKind.SIGNED if "signed-data" in smime_type else MailKind.ENCRYPTED
    if content_type == "multipart/signed":
        return MailKind.SIGNED
    if "text/calendar" in part_types or klass.startswith("IPM.SCHEDULE.MEETING"):
        return MailKind.MEETING
    if _is_auto_reply(headers) or klass.startswith("IPM.NOTE.RULES.OOFTEMPLATE"):
        return MailKind.AUTO_REPLY
    return MailKind.MAIL


def _is_auto_reply(headers: Headers) -> bool:
    auto_submitted = headers.get("Auto-Submitted").split(";")[0].strip().lower()
    if auto_submitted.startswith("auto-replied"):
        return True
    if any(headers.get(name) for name in _AUTO_REPLY_HEADERS):
        return True
    return headers.get("Precedence").strip().lower() in ("auto_reply", "auto-reply")
