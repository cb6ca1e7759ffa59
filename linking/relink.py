"""Queue `incident-changed` and the sweep: re-decides what one change touches, a page at a time.

Which pages are done stands in the pending row, and when somebody was last at work on it. Dies anywhere: the
message comes again, or the sweep sends another once nothing was heard for `LOST_AFTER`, and the pages since
the row was last written are walked again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from domain.linking_ports import PendingWork
from linking.concerned import pages
from linking.context import INCIDENT_CHANGED_QUEUE, LinkContext
from linking.messages import Changed, changed_message
from linking.settle import UnsettledError, settle

BUDGET = timedelta(seconds=60)
"""How long one message works before it sends the next."""
LOST_AFTER = timedelta(minutes=3)
"""Pending work of which nothing was heard for so long has lost its message or its worker."""
_HEARD_EVERY = timedelta(seconds=20)
_SWEEP_MOST = 100

_log = logging.getLogger(__name__)


def relink(context: LinkContext, changed: Changed) -> None:
    """Does the work, or as much as fits. Raises what storage raises, so that the message is repeated."""
    work = context.pending.read(changed.kind, changed.subject, changed.change)
    if work is None:
        return
    if changed.kind == "incident" and (incident := context.incidents.read(work.subject)):
        context.incidents.reproject(incident.value)
    context.links.begin_relink()
    walked: set[str] = set()
    end = context.clock.now() + BUDGET
    for position, ids in pages(context, work):
        left = [one for one in ids if one not in walked]
        if left and walked and context.clock.now() > end:
            _put(context, work)
            context.queue.send(INCIDENT_CHANGED_QUEUE, changed_message(work))
            return
        if left:
            try:
                settle(context, left, forced=True, walked=walked)
            except UnsettledError:
                # Poison in the queue would lose sight of it; the pending row keeps it in every sweep.
                _log.error("relinking %s did not come to an end", changed.kind)
                return
        work = replace(work, cursor=position)
        if context.clock.now() > work.at + _HEARD_EVERY:
            work = _put(context, work)
    context.pending.done(work)


def sweep_links(context: LinkContext) -> int:
    """Sends the message of what was left pending; answers how many."""
    left = context.pending.older_than(context.clock.now() - LOST_AFTER, _SWEEP_MOST)
    for work in left:
        _put(context, work)  # the next sweep leaves it to this message
        context.queue.send(INCIDENT_CHANGED_QUEUE, changed_message(work))
    return len(left)


def _put(context: LinkContext, work: PendingWork) -> PendingWork:
    heard = replace(work, at=context.clock.now())
    context.pending.put(heard)
    return heard
