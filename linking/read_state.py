"""Whether the team has read a mail: beside its link in the row, and in what is projected from it.

The pending row comes first, so that the tab follows though the process dies after the row's write.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from domain.errors import NotFoundError, RetryLaterError
from domain.linking_ports import PendingWork
from domain.links import LinkedMail
from linking.context import LinkContext

_TRIES = 10


def mark_read(context: LinkContext, mail_id: str, read_at: datetime | None, by: str | None) -> LinkedMail:
    """`read_at` None: unread again. The same again changes nothing. Raises `NotFoundError` and what storage
    raises."""
    work: PendingWork | None = None
    for _ in range(_TRIES):
        row = context.links.read([mail_id]).get(mail_id)
        if row is None:
            raise NotFoundError(mail_id)
        if (row.state.read_at is None) == (read_at is None):
            break
        if work is None:
            now = context.clock.now()
            work = PendingWork("mail", mail_id, context.new_id(), now, {"mails": [mail_id]})
            context.pending.put(work)
        saved = context.links.save([(row, replace(row.state, read_at=read_at, read_by=by))])
        if mail_id not in saved:
            continue
        row = saved[mail_id]
        break
    else:
        raise RetryLaterError("StorageUnavailable", "the mail's state keeps changing")
    if work is not None:
        context.pending.done(work)
    return row
