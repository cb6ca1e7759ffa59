"""The minute's sweep of the outbox: sends the message of every entry that is due once more.

Finds what a lost message or a dead deliverer left, and what is looked for at long intervals. Reads what is
due, not what exists. Writes nothing but messages, which may come twice: dies anywhere, and
the next sweep does it.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from mail_reply.context import MAIL_DELIVERY_QUEUE, SendContext
from mail_reply.messages import delivery_message

_log = logging.getLogger(__name__)
_ON_ITS_WAY = timedelta(seconds=5)
"""What has been due for less has its own message in the queue."""
MAX_ENTRIES = 200
"""A sweep. What is more is due still at the next one, the longest due first."""


def sweep_outbox(context: SendContext) -> None:
    """Raises what storage raises."""
    due = context.outbox.due(context.clock.now() - _ON_ITS_WAY, MAX_ENTRIES)
    for entry in due:
        context.queue.send(MAIL_DELIVERY_QUEUE, delivery_message(entry.id))
    if due:
        _log.info("sweep: %d outbox entries are due", len(due))
