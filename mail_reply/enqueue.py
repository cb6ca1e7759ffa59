"""Puts a finished message into the outbox, once for each key, whoever asks how often and from where.

What it says, then the entry, then the queue message, then the tab. Dies after the message's blob: the same
request finds it. Dies after the entry: the sweep finds what is due. Dies before the tab: the same request, or
the poll, puts the mail there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from domain import outbox_moves as moves
from domain.outbox import OutboxEntry
from domain.stored import Activity, Versioned
from mail_reply.context import MAIL_DELIVERY_QUEUE
from mail_reply.messages import delivery_message
from mail_reply.record_sent import RecordPorts, mail_id_of, record_sent_mail
from mail_reply.standing import mailbox_is_off, sending_is_stopped

if TYPE_CHECKING:
    from domain.compose.message import OutgoingMessage
    from domain.configuration_ports import SettingsStore
    from domain.sending_ports import OutboxStore


class EnqueuePorts(RecordPorts, Protocol):
    """What is written when a mail is queued."""

    @property
    def outbox(self) -> OutboxStore: ...
    @property
    def settings(self) -> SettingsStore: ...


class KeyReusedError(Exception):
    """The same key came with another request before."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what to be sent. `entry_id` and `digest` from `entry_id_of` and `digest_of`."""

    entry_id: str
    digest: str
    incident_id: str
    kind: str
    mode: str
    mailbox_id: str
    created_by: str
    acting_for: str | None = None
    in_reply_to: str | None = None
    business_unit: str | None = None
    via: str = "ews"
    send_after: timedelta = timedelta(0)


def entry_id_of(*parts: str) -> str:
    """32 hexadecimal digits; the parts cannot be shifted among each other."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def digest_of(body: Mapping[str, object]) -> str:
    """Of a request's body, however it was spelled."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def standing_entry(ports: EnqueuePorts, entry_id: str, digest: str) -> OutboxEntry | None:
    """What the same request has made before; in the tab and in the queue by now, if it died before that.
    Raises `KeyReusedError`."""
    stored = ports.outbox.read(entry_id)
    if stored is None:
        return None
    if stored.value.request_digest != digest:
        raise KeyReusedError
    return _finished(ports, stored.value)


def enqueue(
    ports: EnqueuePorts, request: Request, message: OutgoingMessage, *, any_request: bool = False
) -> OutboxEntry:
    """The entry as it is stored. `any_request`: whoever asked first is right. Raises `KeyReusedError` and
    what storage raises."""
    ports.outbox.put_message(request.entry_id, message)
    first = ports.outbox.message(request.entry_id)
    if first.message_id != message.message_id:
        raise KeyReusedError
    entry = _entry(ports, request, first)
    stored, is_new = ports.outbox.create(entry, _activity(entry))
    if not is_new and not any_request and stored.value.request_digest != request.digest:
        raise KeyReusedError
    return _finished(ports, stored.value, first)


def wake(ports: EnqueuePorts, entry: OutboxEntry) -> None:
    """The queue message of an entry that may go."""
    if entry.next_work_at is not None:
        wait = max(entry.due_at - ports.clock.now(), timedelta(0))
        ports.queue.send(MAIL_DELIVERY_QUEUE, delivery_message(entry.id), wait)


def _finished(ports: EnqueuePorts, entry: OutboxEntry, message: OutgoingMessage | None = None) -> OutboxEntry:
    if entry.attempts == 0:
        wake(ports, entry)
    if message is not None or ports.mails.read(mail_id_of(entry)) is None:
        record_sent_mail(ports, entry, message or ports.outbox.message(entry.id))
    return entry


def _entry(ports: EnqueuePorts, request: Request, message: OutgoingMessage) -> OutboxEntry:
    now: datetime = ports.clock.now()
    entry = OutboxEntry(
        id=request.entry_id,
        request_digest=request.digest,
        incident_id=request.incident_id,
        kind=request.kind,
        mode=request.mode,
        mailbox_id=request.mailbox_id,
        subject=message.subject,
        to=tuple(one.address for one in message.to),
        cc=tuple(one.address for one in message.cc),
        bcc=tuple(one.address for one in message.bcc),
        message_id=message.message_id,
        created_at=now,
        created_by=request.created_by,
        acting_for=request.acting_for,
        due_at=now + request.send_after,
        in_reply_to=request.in_reply_to,
        business_unit=request.business_unit,
        via=request.via,
    )
    if sending_is_stopped(ports.settings) or mailbox_is_off(ports.mailboxes, request.mailbox_id):
        return moves.hold(entry, now)
    return entry


def _activity(entry: OutboxEntry) -> Activity:
    people = (*entry.to, *entry.cc, *entry.bcc)
    return Activity(
        at=entry.created_at,
        actor=entry.created_by,
        acting_for=entry.acting_for,
        action=f"{entry.kind}.queued",
        target=f"incident/{entry.incident_id}",
        before=None,
        after={
            "reply": entry.id,
            "mode": entry.mode,
            "subject": entry.subject,
            "recipients": list(people[:20]),
            "recipientCount": len(people),
            "businessUnit": entry.business_unit,
            "messageId": entry.message_id,
        },
    )


def saved(
    ports: EnqueuePorts, stored: Versioned[OutboxEntry], entry: OutboxEntry, action: str
) -> OutboxEntry:
    """What a person decided about an entry, with its entry in the activity log. Raises `ConflictError`."""
    change = entry.history[-1]
    log = Activity(
        at=change.at,
        actor=change.by or entry.created_by,
        acting_for=change.acting_for,
        action=action,
        target=f"incident/{entry.incident_id}",
        before={"reply": entry.id, "state": stored.value.state.value, "held": stored.value.held},
        after={"reply": entry.id, "state": entry.state.value, "held": entry.held},
    )
    return ports.outbox.save(entry, stored.etag, log).value
