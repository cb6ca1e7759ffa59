"""Walks a folder's look-back window again after units changed, newest first, so that the order of setting up
loses
nothing: mail that was not ours when it came is looked at once more.

The first thing written is the folder's row (see `folder_sync`). Dies anywhere: the row says how far the walk
came,
and looking at a mail twice changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.folder_sync import FolderSync, Rewalk
from domain.server_items import ItemPage
from mailbox_poll.context import CLAIM
from mailbox_poll.folder_sync import FolderRun
from mailbox_poll.retries import with_retries

_PAGE_ITEMS = 200
_MAX_PAGE_ITEMS = 1_000
"""Exchange gives no longer page of FindItem."""


def rewalk_is_due(sync: FolderSync, requested_at: datetime | None) -> bool:
    """A request that this folder has not answered yet."""
    done = sync.rewalked_at
    return requested_at is not None and (done is None or done < requested_at)


def begin_rewalk(run: FolderRun, requested_at: datetime, look_back: timedelta) -> None:
    """Writes the row before units are read. A request newer than the walk under way begins it again."""
    if run.sync.rewalk is not None and run.sync.rewalk.requested_at >= requested_at:
        return
    now = run.work.poll.clock.now()
    window_from = min(run.sync.window_from, now - look_back)
    run.sync = replace(
        run.sync,
        rewalk=Rewalk(requested_at=requested_at, window_from=window_from),
        claimed_until=now + CLAIM,
    )
    run.save()


def rewalk_page(run: FolderRun) -> bool:
    """One page of the window; True where more is left. Raises like `FolderRun.sync_page`."""
    rewalk = run.sync.rewalk
    if rewalk is None:
        return False
    page = _page(run, rewalk)
    if _stuck(page, rewalk):
        # More mails in one second than FindItem lists: the walk lists by sync state and reaches all.
        run.sync = replace(run.sync, rewalk=None, rewalked_at=rewalk.requested_at)
        run.restart_walk()
        return False
    found = _look_at(run, page)
    now = run.work.poll.clock.now()
    if page.complete or not page.items:
        run.sync = replace(
            run.sync,
            rewalk=None,
            rewalked_at=rewalk.requested_at,
            rewalk_missed=run.sync.counts.removed_other,
            claimed_until=now + CLAIM,
        )
    else:
        oldest = page.items[-1].received_at
        run.sync = replace(
            run.sync,
            rewalk=replace(rewalk, before=oldest, found=rewalk.found + found),
            claimed_until=now + CLAIM,
        )
    counts = run.sync.counts
    run.sync = replace(run.sync, counts=counts.plus(tracked=found, other=-min(found, counts.other)))
    run.save()
    return run.sync.rewalk is not None


def _page(run: FolderRun, rewalk: Rewalk) -> ItemPage:
    """A page that reaches further back than the last one, however many mails one second holds."""
    server, folder_id = run.work.server, run.sync.folder_id
    page = server.received_between(folder_id, rewalk.window_from, rewalk.before, limit=_PAGE_ITEMS)
    if not _stuck(page, rewalk):
        return page
    return server.received_between(folder_id, rewalk.window_from, rewalk.before, limit=_MAX_PAGE_ITEMS)


def _stuck(page: ItemPage, rewalk: Rewalk) -> bool:
    return not page.complete and bool(page.items) and page.items[-1].received_at == rewalk.before


def _look_at(run: FolderRun, page: ItemPage) -> int:
    work, sync = run.work, run.sync
    decision = work.decide(page.items, summaries_are_full=True)
    decision.ours = [
        envelope
        for envelope in decision.ours
        if work.poll.mails.place(sync.mailbox_id, sync.folder_id, envelope.summary.item_id) is None
    ]
    found = 0
    undecidable = [failure.item_id for failure in decision.undecidable]
    now = work.poll.clock.now()
    run.sync = with_retries(run.sync, undecidable, now)
    for progress in work.store(decision):
        found += progress.tracked + progress.unreadable
        run.sync = with_retries(run.sync, progress.retry, now)
        if progress.interrupted:
            raise progress.interrupted
    return found
