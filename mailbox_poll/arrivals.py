"""While a folder's first walk is under way, new mail comes by FindItem, so that a long back-fill delays
nothing.

Writes mails only, no checkpoint: the walk lists these items too and finds them stored. Dies anywhere:
nothing is owed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mailbox_poll.page import FolderWork

_MARGIN = timedelta(minutes=2)
"""Looked at again, for clocks that differ and mails delivered while the last poll ran."""
_MOST = 200


def take_arrivals(work: FolderWork, walk_started_at: datetime, last_poll_at: datetime | None) -> int:
    """Stores what arrived since the last poll (or since the walk began); answers how many mails were new."""
    since = max(walk_started_at, (last_poll_at or walk_started_at) - _MARGIN)
    page = work.server.received_between(work.folder_id, since, None, limit=_MOST)
    decision = work.decide(page.items, summaries_are_full=True)
    decision.ours = [
        envelope
        for envelope in decision.ours
        if work.poll.mails.place(work.mailbox_id, work.folder_id, envelope.summary.item_id) is None
    ]
    return sum(progress.tracked for progress in work.store(decision))
