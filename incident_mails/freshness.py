"""When the mailboxes were last looked at, and whether that is too long ago: silence must mean silence.
Pure but for what it reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.services import Services
from domain.folder_sync import FolderSync
from domain.mailboxes import MailboxConfiguration, PollState

_LATE_AFTER = timedelta(minutes=5)
_LATE_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class Freshness:
    """`last_checked`: of the mailbox that was looked at least lately. `reason` why it is stale: `off`,
    `neverPolled`, `failing`, `late`; None: it is not."""

    last_checked: datetime | None
    reason: str | None


def freshness(services: Services, interval: timedelta) -> Freshness:
    """Of all mailboxes that are on. Four requests for the usual one."""
    now = services.clock.now()
    found = []
    for mailbox_id in services.mailboxes.list_ids():
        config = services.mailboxes.read(mailbox_id)
        if config is None or not config.settings.enabled:
            continue
        poll = services.schedule.read(mailbox_id)
        syncs = [row.value for row in services.folder_syncs.read_all(mailbox_id)]
        found.append(freshness_of(config, poll.value if poll else None, syncs, now, interval))
    if not found:
        return Freshness(None, "off")
    checked = [one.last_checked for one in found]
    reasons = [one.reason for one in found if one.reason]
    oldest = None if None in checked else min(one for one in checked if one is not None)
    return Freshness(oldest, reasons[0] if reasons else None)


def freshness_of(
    config: MailboxConfiguration,
    poll: PollState | None,
    syncs: Iterable[FolderSync],
    now: datetime,
    interval: timedelta,
) -> Freshness:
    """Of one mailbox."""
    checked = poll.last_succeeded_at if poll else None
    if poll is None or checked is None:
        return Freshness(None, "failing" if poll and poll.error else "neverPolled")
    selected = {one.folder_id for one in config.selection.folders} if config.selection else None
    failing = [
        one for one in syncs if one.error is not None and (selected is None or one.folder_id in selected)
    ]
    if poll.error is not None or failing:
        # What has failed has not been looked at since it last went well.
        times = [one.synced_at for one in failing if one.synced_at is not None]
        return Freshness(min([checked, *times]), "failing")
    is_late = now - checked > max(_LATE_AFTER, _LATE_INTERVALS * interval)
    return Freshness(checked, "late" if is_late else None)
