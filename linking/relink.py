"""Queue `incident-changed` and the sweep: re-decides what one change touches, a page at a time.

Which pages are done stands in the pending row. Dies anywhere: the message comes again, or the sweep sends
another, and the page that was under way is walked again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from domain.linking_ports import PendingWork
from linking.context import INCIDENT_CHANGED_QUEUE, LinkContext
from linking.messages import Changed, changed_message
from linking.settle import UnsettledError, settle

BUDGET = timedelta(seconds=60)
"""How long one message works before it sends the next."""
LOST_AFTER = timedelta(minutes=3)
"""Pending work older than this has lost its message or its worker."""
_SWEEP_MOST = 100

_log = logging.getLogger(__name__)


def relink(context: LinkContext, changed: Changed) -> None:
    """Does the work, or as much as fits. Raises what storage raises, so that the message is repeated."""
    work = context.pending.read(changed.kind, changed.subject, changed.change)
    if work is None:
        return
    if changed.kind in ("incident", "merge") and (incident := context.incidents.read(work.subject)):
        context.incidents.reproject(incident.value)
    end = context.clock.now() + BUDGET
    for position, ids in _pages(context, work):
        try:
            settle(context, ids, forced=True)
        except UnsettledError:
            # Poison in the queue would lose sight of it; the pending row keeps it in every sweep.
            _log.error("relinking %s did not come to an end", changed.kind)
            return
        work = replace(work, cursor=position)
        if context.clock.now() > end:
            context.pending.put(work)
            context.queue.send(INCIDENT_CHANGED_QUEUE, changed_message(work))
            return
    context.pending.done(work)


def sweep_links(context: LinkContext) -> int:
    """Sends the message of what was left pending; answers how many."""
    left = context.pending.older_than(context.clock.now() - LOST_AFTER, _SWEEP_MOST)
    for work in left:
        context.queue.send(INCIDENT_CHANGED_QUEUE, changed_message(work))
    return len(left)


def _pages(context: LinkContext, work: PendingWork) -> Iterator[tuple[str, Sequence[str]]]:
    """Ids to re-decide, with the position after them."""
    if work.kind == "mail":
        mails = work.before.get("mails")
        yield "end", [str(one) for one in mails] if isinstance(mails, list) else []
        return
    named = work.before.get("units")
    units = frozenset(str(one) for one in named) if isinstance(named, list) else frozenset()
    weak_units = None if work.before.get("isNew") else units
    if work.kind == "unit":
        incidents = sorted({one.id for found in context.incidents.of_units(units).values() for one in found})
    else:
        merged = context.incidents.merged([work.subject])
        top = {work.subject, *merged, *merged.values()}
        incidents = sorted(top.union(*(context.incidents.merged_into(one) for one in top)))
    sources = ["weak", *(f"in:{one}" for one in incidents)]
    start, _, cursor = (work.cursor or "weak\n").partition("\n")
    if start not in sources:
        start, cursor = "weak", ""
    for source in sources[sources.index(start) :]:
        at: str | None = cursor if source == start and cursor else None
        while True:
            if source == "weak":
                ids, after = context.links.undecided_or_weak(None, None, weak_units, at)
            else:
                ids, after = context.links.mails_in(source[3:], at)
            if ids:
                yield f"{source}\n{after or ''}" if after else _next_of(sources, source), ids
            if after is None:
                break
            at = after


def _next_of(sources: Sequence[str], source: str) -> str:
    place = sources.index(source) + 1
    return f"{sources[place]}\n" if place < len(sources) else f"{source}\n~"
