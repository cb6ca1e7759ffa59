"""What every use case of this area works with: the ports, and the times that bound it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.mail import Mail
    from domain.ports import (
        BusinessUnitStore,
        Clock,
        FolderSyncStore,
        MailboxStore,
        MailServers,
        MailStore,
        MemoryBudget,
        PollSchedule,
        RawMailStore,
        WorkQueue,
    )
    from linking.context import LinkContext


FOLDER_SYNC_QUEUE = "folder-sync"

CLAIM = timedelta(minutes=2)
"""How long a taken folder stays taken when its worker dies."""
INLINE_BUDGET = timedelta(seconds=20)
"""How long one mailbox's poll may sync small changes itself before it hands on."""
FOLDER_BUDGET = timedelta(seconds=60)
"""How long one `folder-sync` message works before it queues itself again."""
RESYNC_AFTER = timedelta(minutes=15)
"""An unchanged commit time is believed for this long only."""


@dataclass(frozen=True, slots=True)
class PollContext:
    """Ports and settings of the area. `pool` runs uploads and fetches side by side; `interval` is the
    poll's. `on_stored` is told of each batch of mails once their rows are written, and again where a poll
    dies before its checkpoint."""

    schedule: PollSchedule
    mailboxes: MailboxStore
    folder_syncs: FolderSyncStore
    mails: MailStore
    raw: RawMailStore
    units: BusinessUnitStore
    servers: MailServers
    queue: WorkQueue
    budget: MemoryBudget
    clock: Clock
    linking: LinkContext
    pool: Executor
    interval: timedelta
    on_stored: Callable[[Sequence[Mail]], None]
