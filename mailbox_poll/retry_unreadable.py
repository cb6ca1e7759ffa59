"""Tries items again that could not be read: trouble of one item passes more often than not.

Dies anywhere: the row still names the items, they are tried again. A mail that comes this way replaces its
record.
"""

from __future__ import annotations

from dataclasses import replace

from domain.server_items import ItemSummary
from mailbox_poll.folder_sync import FolderRun
from mailbox_poll.retries import after_tries, due_retries


def retry_unreadable(run: FolderRun) -> None:
    """Decides, fetches and stores the items whose time has come. Raises `BoundaryError`s, `ConflictError`."""
    now = run.work.poll.clock.now()
    tried = due_retries(run.sync, now)
    if not tried:
        return
    items = [ItemSummary(item_id=retry.item_id, received_at=now) for retry in tried]
    decision = run.work.decide(items, summaries_are_full=False)
    failed = {failure.item_id for failure in decision.undecidable}
    tracked = 0
    for progress in run.work.store(decision):
        tracked += progress.tracked
        failed.update(progress.retry)
        if progress.interrupted:
            raise progress.interrupted
    mended = sum(retry.item_id not in failed for retry in tried)
    counts = run.sync.counts
    run.sync = replace(
        after_tries(run.sync, tried, failed, now),
        counts=counts.plus(
            unreadable=-min(mended, counts.unreadable),
            tracked=tracked,
            other=decision.other,
            waiting=len(decision.waiting),
        ),
    )
    run.save()
