"""An outbox entry as the API shows it: what is true of the mail, for whom, and what a person can do now."""

from __future__ import annotations

from api.delivery import delivery_json
from api.models import rfc3339
from domain.outbox import TRANSITIONS, OutboxEntry, OutboxEvent
from mail_reply.record_sent import mail_id_of

_ACTIONS = {
    "cancel": OutboxEvent.CANCEL,
    "retry": OutboxEvent.RETRY,
    "settle": OutboxEvent.SETTLE_SENT,
}


def reply_json(entry: OutboxEntry) -> dict[str, object]:
    """`mail`: its id in the tab. `actions`: paths below this one that would be taken now."""
    return {
        "id": entry.id,
        "incident": entry.incident_id,
        "mail": mail_id_of(entry),
        "kind": entry.kind,
        "mode": entry.mode,
        "mailbox": entry.mailbox_id,
        "via": entry.via,
        "businessUnit": entry.business_unit,
        "inReplyTo": entry.in_reply_to,
        "messageId": entry.sent_message_id or entry.message_id,
        "subject": entry.subject,
        "to": _people(entry.to),
        "cc": _people(entry.cc),
        "bcc": _people(entry.bcc),
        "createdAt": rfc3339(entry.created_at),
        "createdBy": entry.created_by,
        "actingFor": entry.acting_for,
        **delivery_json(entry),
        "attempts": entry.attempts,
        "submittedAt": rfc3339(entry.submitted_at),
        "history": [
            {
                "at": rfc3339(one.at),
                "event": one.event.value,
                "state": one.state.value,
                "by": one.by,
                "actingFor": one.acting_for,
                "code": one.code or None,
                "detail": one.detail or None,
            }
            for one in entry.history
        ],
        "actions": _actions(entry),
    }


def _people(addresses: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": "", "address": address} for address in addresses]


def _actions(entry: OutboxEntry) -> list[str]:
    found = [name for name, event in _ACTIONS.items() if (entry.state, event) in TRANSITIONS]
    return [*found, "release"] if entry.held else found
