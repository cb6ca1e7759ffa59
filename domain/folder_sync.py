"""How far a folder has been read: the checkpoint that fences a sync, and its counts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FolderCounts:
    """Items by what became of them, each item counted once when its page's checkpoint is written."""

    seen: int = 0
    tracked: int = 0
    """Ours, stored (or already stored as a copy)."""
    other: int = 0
    """Not ours: nothing readable is kept."""
    waiting: int = 0
    """Of `other`: answers to a message that we do not know, kept as keyed hashes for 90 days."""
    unreadable: int = 0
    """Ours by their envelope but not to be had whole; recorded with what is known."""
    outside_window: int = 0
    """Older than the look-back window at the first walk."""
    removed: int = 0
    """Deleted or moved away on the server; what was stored stays."""
    removed_other: int = 0
    """Of `removed`: never stored, so a change of units cannot bring them in any more."""

    def plus(self, **more: int) -> FolderCounts:
        """These counts with `more` added, by field name."""
        return replace(self, **{name: getattr(self, name) + n for name, n in more.items()})


@dataclass(frozen=True, slots=True)
class FolderError:
    """Why the last sync of this folder failed; `since`: first failure of the present run of failures."""

    code: str
    server_message: str
    at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Rewalk:
    """The look-back window being walked again, newest first, because units changed."""

    requested_at: datetime
    """The mailbox's request that this walk answers."""
    window_from: datetime
    before: datetime | None = None
    """Everything received later than this has been looked at; None: just begun."""
    found: int = 0
    """Mails that became ours."""


@dataclass(frozen=True, slots=True)
class ItemRetry:
    """An item that was recorded as unreadable (or could not be decided) and is tried again at `next_at`."""

    item_id: str
    tries: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class FolderSync:
    """A folder's checkpoint. The row's ETag is the fence: who cannot write it has lost, and its work was
    repeated."""

    mailbox_id: str
    folder_id: str
    """As selected: the server's id, or `inbox` while nothing was selected."""
    path: str
    window_from: datetime
    """The first walk looks at what was received from here on."""
    sync_state: str | None = None
    walking: bool = True
    """First walk, or a restart after a refused sync state."""
    walk_started_at: datetime | None = None
    walk_total: int = 0
    """Items in the folder when the walk began, for its progress."""
    walk_seen: int = 0
    commit_time: str | None = None
    """PidTagLocalCommitTimeMax read before the last complete sync; unchanged means nothing changed."""
    synced_at: datetime | None = None
    """Last sync that reached the folder's end."""
    claimed_until: datetime | None = None
    """A `folder-sync` message or worker has this folder until then."""
    handled_items: tuple[str, ...] = ()
    """Hashes of the present page's items that are already stored and counted (the page took several
    writes)."""
    retries: tuple[ItemRetry, ...] = ()
    """Items that could not be read and are tried again."""
    counts: FolderCounts = field(default_factory=FolderCounts)
    error: FolderError | None = None
    gone_since: datetime | None = None
    rewalk: Rewalk | None = None
    rewalked_at: datetime | None = None
    """`requested_at` of the last rewalk that was finished (or made needless by the first walk)."""
    rewalk_missed: int | None = None
    """Items that were gone from the server before the last rewalk could look at them; None: no rewalk yet."""
    is_default: bool = False
    """The Inbox that is polled while nothing was selected: a mailbox that was removed and configured again
    still has the rows of folders that were selected before."""


def current_path(path: str, name: str) -> str:
    """The folder's path with the name that the server tells now; `/` in a name is written `\\/`."""
    parts = re.split(r"(?<!\\)/", path)
    return "/".join((*parts[:-1], name.replace("/", "\\/"))) if name else path
