"""A mail as the API shows it: the same members in tab and triage."""

from __future__ import annotations

from datetime import timedelta

from api.models import rfc3339
from domain.links import (
    UNDO_DAYS,
    Link,
    LinkChange,
    LinkEvidence,
    LinkState,
    MailState,
    PersonDecision,
    SenderVerified,
)
from domain.mail import Address, Direction, Mail, MailKind, Part, Report
from incident_mails.dangerous_types import is_dangerous

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


def mail_json(mail: Mail, state: MailState) -> dict[str, object]:
    """`marks`: what an analyst has to see before answering, as codes: `unverifiedSender`, `suggested`,
    `contradicted` (a token names another incident), `unreadable`, and the kind where it is not a mail."""
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
        "businessUnit": state.business_unit if state.decided else mail.business_unit,
        "hasAttachments": mail.has_attachments,
        "attachments": attachments,
        "read": mail.direction is Direction.OUTGOING or state.read_at is not None,
        "readAt": rfc3339(state.read_at),
        "readBy": state.read_by,
        "kind": mail.kind.value,
        "report": _report(mail.evidence.report) if mail.evidence.report else None,
        "senderVerified": state.sender_verified.value,
        "senderVerifiedReasons": list(state.verified_reasons),
        "marks": _marks(mail, state),
        "link": link_json(state.link) if state.link else None,
        "sizeBytes": mail.raw_size_bytes,
        "problem": {"code": mail.problem.code, "detail": mail.problem.detail} if mail.problem else None,
    }


def link_json(link: Link) -> dict[str, object]:
    """Why a mail is where it is. `incident`: the one that the evidence names, which may be merged by now."""
    return {
        "incident": link.incident_id,
        "state": link.state.value,
        "rule": link.rule.value,
        "evidence": _evidence(link.evidence),
    }


def history_json(state: MailState) -> list[dict[str, object]]:
    """Every change of the link, oldest first; with `undo` where a person's last one can be taken back."""
    last = next((one for one in reversed(state.history) if one.decision is not None), None)
    return [_change(one, can_be_undone=one is last) for one in state.history]


def attachment_json(part: Part, position: int) -> dict[str, object]:
    """`size` is exact for unencoded parts, else an estimate from the encoded length. `dangerous`: a desktop
    may run it."""
    name = attachment_name(part, position)
    return {
        "name": name,
        "contentType": part.content_type,
        "size": part.size_bytes,
        "inline": part.is_inline,
        "dangerous": is_dangerous(name),
    }


def attachment_name(part: Part, position: int) -> str:
    """The sender's name for it, else one of ours."""
    if part.filename:
        return part.filename
    return f"attachment-{position + 1}.{_EXTENSIONS.get(part.content_type, 'bin')}"


def _marks(mail: Mail, state: MailState) -> list[str]:
    marks = [] if mail.kind is MailKind.MAIL else [mail.kind.value]
    if state.sender_verified is SenderVerified.NO:
        marks.append("unverifiedSender")
    if state.link is not None and state.link.state is LinkState.SUGGESTED:
        marks.append("suggested")
    if state.link is not None and state.link.evidence.contradicted_by:
        marks.append("contradicted")
    if mail.problem is not None:
        marks.append("unreadable")
    return marks


def _report(report: Report) -> dict[str, object]:
    """What a bounce or a receipt is about; `recipients` may be the first ones only, in lists."""
    return {
        "internetMessageId": report.message_ids[0] if report.message_ids else None,
        "subject": report.subject,
        "recipients": [
            {"address": one.address, "action": one.action, "status": one.status, "text": one.text}
            for one in report.recipients
        ],
    }


def _evidence(evidence: LinkEvidence) -> dict[str, object]:
    members = {
        "messageId": evidence.message_id,
        "mail": evidence.mail_id,
        "token": evidence.token,
        "conversationId": evidence.conversation_id,
        "businessUnit": evidence.business_unit,
        "openedAfterHours": evidence.opened_after_hours,
        "contradictedBy": list(evidence.contradicted_by) or None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _change(change: LinkChange, *, can_be_undone: bool) -> dict[str, object]:
    decision = change.decision
    return {
        "at": rfc3339(change.at),
        "link": link_json(change.link) if change.link else None,
        "by": decision.by if decision else None,
        "actingFor": decision.acting_for if decision else None,
        "decision": _decision(decision) if decision else None,
        "undo": decision.id if decision and can_be_undone else None,
        "undoUntil": rfc3339(change.at + timedelta(days=UNDO_DAYS)) if decision and can_be_undone else None,
    }


def _decision(decision: PersonDecision) -> str:
    if decision.placed_in is not None:
        return "placed"
    if decision.nowhere:
        return "unlinked"
    if decision.dismissed:
        return "dismissed"
    return "refused" if decision.refused else "undone"


def _address(address: Address) -> dict[str, str]:
    return {"name": address.name, "address": address.address}
