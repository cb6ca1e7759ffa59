"""Delivers one outbox entry: who may, by which way, and what is left for later.

Everything is written into the entry before it is done, under its ETag. Dies before the claim: the entry
stands as it was, and its message or the sweep comes again. Dies with the claim: the message that was sent
before the claim comes after it has run out, and the next deliverer goes by what the entry says.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from domain import outbox_moves as moves
from domain.configuration import EmailServer
from domain.errors import AdminActionError, ConflictError, RetryLaterError
from domain.outbox import CLAIM, OutboxEntry, OutboxState
from domain.stored import Versioned
from mail_reply.context import MAIL_DELIVERY_QUEUE, SendContext
from mail_reply.delivery import Delivery
from mail_reply.ews_delivery import deliver_over_ews, look_for_lost
from mail_reply.messages import delivery_message
from mail_reply.smtp_delivery import deliver_over_smtp
from mail_reply.standing import mailbox_is_off, sending_is_stopped, standing

_log = logging.getLogger(__name__)
_AFTER_CLAIM = CLAIM + timedelta(seconds=1)


def deliver_entry(context: SendContext, entry_id: str) -> None:
    """What can be done for the entry now. Repeated or early messages do nothing. Raises what storage
    raises."""
    stored = context.outbox.read(entry_id)
    if stored is None:
        _log.warning("outbox entry %s is not there", entry_id)
        return
    now = context.clock.now()
    entry = stored.value
    try:
        if entry.state is OutboxState.UNCONFIRMED and _is_due(entry.next_work_at, now):
            look_for_lost(Delivery(context, stored))
        elif entry.state is OutboxState.QUEUED and not entry.held:
            _deliver_queued(context, stored)
        elif entry.state is OutboxState.SENDING and entry.due_at <= now:
            _deliver(context, stored)
    except ConflictError:
        _log.info("outbox entry %s is somebody else's now", entry_id)


def _deliver_queued(context: SendContext, stored: Versioned[OutboxEntry]) -> None:
    entry, now = stored.value, context.clock.now()
    if sending_is_stopped(context.settings) or mailbox_is_off(context.mailboxes, entry.mailbox_id):
        context.outbox.save(moves.hold(entry, now), stored.etag)
    elif now < entry.due_at:
        context.queue.send(MAIL_DELIVERY_QUEUE, delivery_message(entry.id), entry.due_at - now)
    else:
        _deliver(context, stored)


def _deliver(context: SendContext, stored: Versioned[OutboxEntry]) -> None:
    now = context.clock.now()
    claimed = moves.claim(stored.value, context.new_claim_id(), now)
    # First, so that a worker that dies with the claim is followed by another one as soon as it runs out.
    context.queue.send(MAIL_DELIVERY_QUEUE, delivery_message(claimed.id), _AFTER_CLAIM)
    delivery = Delivery(context, Versioned(claimed, context.outbox.save(claimed, stored.etag).etag))
    try:
        if claimed.via == "smtp":
            deliver_over_smtp(delivery, standing(context.settings, EmailServer))
        else:
            deliver_over_ews(delivery)
    except RetryLaterError as trouble:
        delivery.later(trouble)
    except AdminActionError as trouble:
        delivery.refused(trouble)


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
