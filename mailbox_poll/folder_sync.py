"""Syncs one folder page by page under its checkpoint's fence.

Order of a page: decide, blobs, rows, index, projections, places, and last the checkpoint under its ETag.
Dies on any
line: the checkpoint has not moved, the page is read again, all writes are idempotent. Two workers on one
folder: both
write the same rows, one wins the checkpoint, the other stops. A page that takes long is cut by interim
checkpoints
that name the items already counted. Units are read after the row: who changes units makes the rewalk write
this row,
so that a page decided with the old units loses its checkpoint and is decided again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.errors import SyncStateInvalidError
from domain.folder_sync import FolderCounts, FolderSync
from domain.identity import item_hash
from domain.server_items import Change, ChangeKind, ItemSummary
from domain.stored import Versioned
from mailbox_poll.context import CLAIM
from mailbox_poll.decide import Decision
from mailbox_poll.page import FolderWork, Progress
from mailbox_poll.retries import with_retries

PAGE_ITEMS = 512
_CHECKPOINT_EVERY = timedelta(seconds=10)


class FolderRun:
    """One invocation's work on one folder: `sync` is the checkpoint as it will be written next."""

    def __init__(self, work: FolderWork, row: Versioned[FolderSync], commit_time: str | None) -> None:
        """`commit_time`: PidTagLocalCommitTimeMax as read before this run; None: not known, the old one
        stays."""
        self.work = work
        self.sync = row.value
        self._etag = row.etag
        self._commit_time = commit_time
        self._waiting: set[str] = set()
        """Items of the present page that were counted as waiting."""

    def sync_page(self) -> bool:
        """One page; True where more is left. Raises `BoundaryError`s (what was done is kept) and
        `ConflictError`."""
        sync = self.sync
        try:
            page = self.work.server.changes(
                sync.folder_id, sync.sync_state, limit=PAGE_ITEMS, ids_only=sync.walking
            )
        except SyncStateInvalidError:
            self.restart_walk()
            return True
        self._handle(page.changes)
        self._finish_page(page.sync_state, complete=page.complete)
        return not page.complete

    def save(self) -> None:
        """Writes the checkpoint. Raises `ConflictError` where somebody else has written it since."""
        self._etag = self.work.poll.folder_syncs.save(self.sync, self._etag).etag

    def restart_walk(self) -> None:
        """Begins the walk of the whole folder anew and writes the checkpoint. Raises `ConflictError`."""
        # The walk counts everything anew; what is stored is found again by its identity.
        self.sync = replace(
            self.sync,
            sync_state=None,
            walking=True,
            walk_started_at=self._now(),
            walk_seen=0,
            handled_items=(),
            counts=FolderCounts(),
            claimed_until=self._now() + CLAIM,
        )
        self.save()

    def _handle(self, changes: Sequence[Change]) -> None:
        done = set(self.sync.handled_items)
        left = [change for change in changes if item_hash(change.item_id) not in done]
        self._note_removed([change.item_id for change in left if change.kind is ChangeKind.DELETE])
        new = self._new_items(left)
        too_old = [one for one in new if self._is_too_old(one)]
        self._count(_handled(too_old), seen=len(too_old), outside_window=len(too_old))
        examined = [one for one in new if not self._is_too_old(one)]
        decision = self.work.decide(examined, summaries_are_full=not self.sync.walking)
        ours = {envelope.summary.item_id for envelope in decision.ours}
        rest = [one for one in examined if one.item_id not in ours]
        self._count(
            _handled(rest),
            seen=len(rest),
            other=decision.other,
            waiting=len(decision.waiting),
            unreadable=len(decision.undecidable),
            removed=decision.vanished,
            removed_other=decision.vanished,
        )
        self._waiting = {answer.item_id for answer in decision.waiting}
        undecidable = [failure.item_id for failure in decision.undecidable]
        self.sync = with_retries(self.sync, undecidable, self._now())
        self._store(decision)

    def _store(self, decision: Decision) -> None:
        written_at = self._now()
        for progress in self.work.store(decision):
            self._count_stored(progress)
            if progress.interrupted:
                self.save()
                raise progress.interrupted
            if self._now() - written_at > _CHECKPOINT_EVERY:
                self.sync = replace(self.sync, claimed_until=self._now() + CLAIM)
                self.save()
                written_at = self._now()

    def _new_items(self, changes: Sequence[Change]) -> list[ItemSummary]:
        """Items to look at: created ones, and changed ones that did not become a mail when they were
        created."""
        new = []
        for change in changes:
            known_update = change.kind is ChangeKind.UPDATE and self._has_place(change.item_id)
            if change.summary is not None and not known_update:
                new.append(change.summary)
        return new

    def _has_place(self, item_id: str) -> bool:
        return self.work.poll.mails.place(self.sync.mailbox_id, self.sync.folder_id, item_id) is not None

    def _is_too_old(self, summary: ItemSummary) -> bool:
        return self.sync.walking and summary.received_at < self.sync.window_from

    def _note_removed(self, item_ids: Sequence[str]) -> None:
        if not item_ids:
            return
        sync = self.sync
        ours = self.work.poll.mails.note_removed(sync.mailbox_id, sync.folder_id, item_ids, self._now())
        self._count(
            [item_hash(item_id) for item_id in item_ids],
            removed=len(item_ids),
            removed_other=len(item_ids) - ours,
        )

    def _count(self, handled: list[str], **counts: int) -> None:
        self.sync = replace(
            self.sync,
            handled_items=(*self.sync.handled_items, *handled),
            counts=self.sync.counts.plus(**counts),
        )

    def _count_stored(self, progress: Progress) -> None:
        self._count(
            progress.handled,
            seen=len(progress.handled),
            tracked=progress.tracked,
            unreadable=progress.unreadable,
        )
        self._count_woken(progress)
        self.sync = with_retries(self.sync, progress.retry, self._now())

    def _count_woken(self, progress: Progress) -> None:
        """An answer of this page that waited for a mail of this page is no stranger's any more: a page that
        is read again after a crash finds that mail known and counts the same."""
        woken = [mail for item_id, mail in progress.woken.items() if item_id in self._waiting]
        self._waiting -= progress.woken.keys()
        unreadable = sum(mail.problem is not None for mail in woken)
        self._count(
            [],
            tracked=len(woken) - unreadable,
            unreadable=unreadable,
            other=-len(woken),
            waiting=-len(woken),
        )

    def _finish_page(self, sync_state: str, *, complete: bool) -> None:
        sync = self.sync
        self.sync = replace(
            sync,
            sync_state=sync_state,
            walking=sync.walking and not complete,
            walk_seen=sync.walk_seen + len(sync.handled_items) if sync.walking else sync.walk_seen,
            handled_items=(),
            claimed_until=None if complete else self._now() + CLAIM,
            commit_time=(self._commit_time or sync.commit_time) if complete else sync.commit_time,
            synced_at=self._now() if complete else sync.synced_at,
            error=None,
            gone_since=None,
        )
        self.save()

    def _now(self) -> datetime:
        return self.work.poll.clock.now()


def _handled(items: Sequence[ItemSummary]) -> list[str]:
    return [item_hash(one.item_id) for one in items]
