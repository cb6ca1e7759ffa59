"""The tick: takes each mailbox that is due and sends it to `mailbox-sync`.

Dies after the claim, before the message: the claim runs out after `POLL_CLAIM` and the mailbox is due again.
Dies after the message: nothing is left to do. Two ticks at once: the claim's conditional write lets one
have each mailbox.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.errors import ConflictError
from domain.mailboxes import MAILBOX_SYNC_QUEUE, POLL_CLAIM, PollState
from domain.stored import Versioned
from mailbox_poll.context import PollContext
from mailbox_poll.messages import mailbox_sync_message

_PAGE = 200
_TICK_BUDGET = timedelta(seconds=45)


def poll_due_mailboxes(context: PollContext) -> int:
    """Claims what is due, oldest first, for at most 45 s; answers how many. What is left is due at the next
    tick."""
    deadline = context.clock.now() + _TICK_BUDGET
    taken = 0
    while context.clock.now() < deadline:
        due = context.schedule.due(context.clock.now(), _PAGE)
        if not due:
            break
        taken += sum(context.pool.map(lambda state: _take(context, state), due))
        if len(due) < _PAGE:
            break
    return taken


def _take(context: PollContext, due: Versioned[PollState]) -> bool:
    claim_until = context.clock.now() + POLL_CLAIM
    try:
        context.schedule.save(replace(due.value, claimed_until=claim_until), due.etag)
    except ConflictError:
        return False
    context.queue.send(MAILBOX_SYNC_QUEUE, mailbox_sync_message(due.value.mailbox_id, claim_until))
    return True
