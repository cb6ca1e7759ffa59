"""A mail as the API shows it."""

from __future__ import annotations

from api.models import rfc3339
from domain.mail import Address, Mail, Part

_EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "application/pdf": "pdf",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/plain": "txt",
    "text/html": "html",
    "message/delivery-status": "txt",
}


def mail_json(mail: Mail) -> dict[str, object]:
    """A mail in triage: not linked to an incident, so `link` is null and there are no candidates yet."""
    attachments = [
        attachment_json(mail.parts[index], position) for position, index in enumerate(mail.attachments)
    ]
    return {
        "id": mail.id,
        "internetMessageId": mail.internet_message_id,
        "conversationId": mail.conversation_id,
        "direction": mail.direction.value,
        "from": _address(mail.sender) if mail.sender else None,
        "to": [_address(one) for one in mail.to],
        "cc": [_address(one) for one in mail.cc],
        "replyTo": [_address(one) for one in mail.reply_to],
        "recipientsLeftOut": mail.recipients_cut,
        "subject": mail.subject,
        "preview": mail.preview,
        "sentAt": rfc3339(mail.sent_at),
        "receivedAt": rfc3339(mail.received_at),
        "businessUnit": mail.business_unit,
        "hasAttachments": mail.has_attachments,
        "attachments": attachments,
        "read": False,
        "kind": mail.kind.value,
        "senderVerified": "unknown",
        "link": None,
        "candidates": [],
        "delivery": None,
        "sizeBytes": mail.raw_size_bytes,
        "problem": {"code": mail.problem.code, "detail": mail.problem.detail} if mail.problem else None,
    }


def attachment_json(part: Part, position: int) -> dict[str, object]:
    """`size` is exact for unencoded parts, else an estimate from the encoded length."""
    return {
        "name": attachment_name(part, position),
        "contentType": part.content_type,
        "size": part.size_bytes,
        "inline": part.is_inline,
    }


def attachment_name(part: Part, position: int) -> str:
    """The sender's name for it, else one of ours."""
    if part.filename:
        return part.filename
    return f"attachment-{position + 1}.{_EXTENSIONS.get(part.content_type, 'bin')}"


def _address(address: Address) -> dict[str, str]:
    return {"name": address.name, "address": address.address}
