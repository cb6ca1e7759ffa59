"""When an item that could not be read is tried again: pure bookkeeping in the folder's row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.folder_sync import FolderSync, ItemRetry

_FIRST_WAIT = timedelta(seconds=15)
_LONGEST_WAIT = timedelta(hours=6)
_MOST_TRIES = 16
"""Some two days with the waits above; then the record of the unreadable mail is all there will be."""
_MOST_KEPT = 200
_AT_ONCE = 20


def with_retries(sync: FolderSync, item_ids: Sequence[str], now: datetime) -> FolderSync:
    """The row with these items to be tried again. Beyond 200 the oldest are given up; they stay recorded."""
    if not item_ids:
        return sync
    known = {retry.item_id for retry in sync.retries}
    new = tuple(ItemRetry(one, 0, now + _FIRST_WAIT) for one in item_ids if one not in known)
    return replace(sync, retries=(*sync.retries, *new)[-_MOST_KEPT:])


def due_retries(sync: FolderSync, now: datetime) -> list[ItemRetry]:
    """At most 20 items whose time has come."""
    return [retry for retry in sync.retries if retry.next_at <= now][:_AT_ONCE]


def after_tries(
    sync: FolderSync, tried: Sequence[ItemRetry], failed: Collection[str], now: datetime
) -> FolderSync:
    """The row after a try of these items: what failed waits twice as long, up to 6 hours."""
    keep: dict[str, ItemRetry] = {retry.item_id: retry for retry in sync.retries}
    for retry in tried:
        del keep[retry.item_id]
        tries = retry.tries + 1
        if retry.item_id in failed and tries < _MOST_TRIES:
            wait = min(_FIRST_WAIT * 2**tries, _LONGEST_WAIT)
            keep[retry.item_id] = ItemRetry(retry.item_id, tries, now + wait)
    return replace(sync, retries=tuple(keep.values()))
