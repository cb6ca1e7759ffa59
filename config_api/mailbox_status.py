"""How a mailbox is doing, in words that say what to do: made from poll state, checkpoints and settings,
pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.models import rfc3339
from config_api.folder_list import INBOX, counts_json
from config_api.mailbox_json import mailbox_warnings, warning
from domain.folder_sync import FolderCounts, FolderSync
from domain.mailboxes import MailboxConfiguration, PollState, SelectedFolder
from domain.remedies import remedy_for

_LATE_AFTER = timedelta(minutes=5)
_IN_TROUBLE = ("failing", "gone")


def mailbox_status(
    config: MailboxConfiguration, poll: PollState | None, syncs: Sequence[FolderSync], now: datetime
) -> dict[str, object]:
    """The body of `GET .../status`. `state` is one of off, neverPolled, throttled, failing, noFolders,
    partlyFailing, backfilling, receiving."""
    settings = config.settings
    by_id = {sync.folder_id: sync for sync in syncs}
    folders = [_folder(one, by_id.get(one.folder_id)) for one in _selected(config, syncs)]
    polling = bool(poll and poll.claimed_until and poll.claimed_until > now)
    next_poll_at = poll.due_at if poll and settings.enabled and not polling else None
    succeeded_at = poll.last_succeeded_at if poll else None
    secret = settings.secret
    counts = _sum([sync for sync in syncs if _is_listed(sync, folders)])
    warnings = _warnings(config, poll, folders, counts.unreadable, now)
    return {
        "id": settings.mailbox_id,
        "state": _state(config, poll, folders, now),
        "enabled": settings.enabled,
        "polling": polling,
        "lastPollAt": rfc3339(poll.last_started_at) if poll else None,
        "lastSuccessAt": rfc3339(succeeded_at),
        "nextPollAt": rfc3339(next_poll_at),
        "lagSeconds": max(0, int((now - succeeded_at).total_seconds())) if succeeded_at else None,
        "counts": counts_json(counts),
        "folders": folders,
        "error": _poll_error(poll) or _error_of_all(folders),
        "warnings": [*mailbox_warnings(settings, now.date()), *warnings],
        "lookBackDays": settings.look_back_days,
        "secretExpiresOn": secret.expires_on.isoformat() if secret and secret.expires_on else None,
    }


def _selected(config: MailboxConfiguration, syncs: Sequence[FolderSync]) -> Sequence[SelectedFolder]:
    if config.selection is not None:
        return config.selection.folders
    # While nothing was chosen Inbox is polled; its row carries the id that the server gave.
    found = [SelectedFolder(sync.folder_id, sync.path) for sync in syncs if sync.is_default]
    return found or [SelectedFolder(INBOX, "Inbox")]


def _is_listed(sync: FolderSync, folders: Sequence[dict[str, object]]) -> bool:
    return any(folder["id"] == sync.folder_id for folder in folders)


def _state(
    config: MailboxConfiguration, poll: PollState | None, folders: Sequence[dict[str, object]], now: datetime
) -> str:
    if not config.settings.enabled:
        return "off"
    if poll is None or (poll.last_started_at is None and poll.error is None):
        return "neverPolled"
    if poll.back_off_until and poll.back_off_until > now:
        return "throttled"
    if poll.error is not None:
        return "failing"
    if not folders:
        return "noFolders"
    if _error_of_all(folders):
        return "failing"
    if any(folder["state"] in _IN_TROUBLE for folder in folders):
        return "partlyFailing"
    if any(folder["state"] in ("notStarted", "backfilling") for folder in folders):
        return "backfilling"
    return "receiving"


def _folder(selected: SelectedFolder, sync: FolderSync | None) -> dict[str, object]:
    return {
        "id": selected.folder_id,
        "path": sync.path if sync else selected.path,
        "state": _folder_state(sync),
        "lastSyncedAt": rfc3339(sync.synced_at) if sync else None,
        "counts": counts_json(sync.counts if sync else FolderCounts()),
        "progress": _progress(sync) if sync else None,
        "goneBeforeRewalk": sync.rewalk_missed if sync else None,
        "error": _folder_error(sync) if sync else None,
    }


def _folder_state(sync: FolderSync | None) -> str:
    if sync is None:
        return "notStarted"
    if sync.gone_since is not None:
        return "gone"
    if sync.error is not None:
        return "failing"
    if sync.walking:
        return "backfilling"
    return "lookingBack" if sync.rewalk is not None else "receiving"


def _progress(sync: FolderSync) -> dict[str, object] | None:
    """Of the first walk by items; of a later walk through the window by received time."""
    if sync.walking:
        seen = sync.walk_seen + len(sync.handled_items)
        total = max(sync.walk_total, seen)
        return {"seen": seen, "total": total, "percent": 100 * seen // total if total else 0, "found": None}
    rewalk = sync.rewalk
    if rewalk is None:
        return None
    window = (rewalk.requested_at - rewalk.window_from).total_seconds()
    done = (rewalk.requested_at - (rewalk.before or rewalk.requested_at)).total_seconds()
    percent = min(100, max(0, int(100 * done / window))) if window > 0 else 0
    return {"seen": None, "total": None, "percent": percent, "found": rewalk.found}


def _folder_error(sync: FolderSync) -> dict[str, object] | None:
    if sync.gone_since is not None:
        return error_json("ErrorFolderNotFound", "", sync.gone_since)
    if sync.error is None:
        return None
    return error_json(sync.error.code, sync.error.server_message, sync.error.since)


def _error_of_all(folders: Sequence[dict[str, object]]) -> object:
    """The first folder's trouble where every folder has one: then nothing is received."""
    troubled = [folder for folder in folders if folder["state"] in _IN_TROUBLE]
    return troubled[0]["error"] if troubled and len(troubled) == len(folders) else None


def _poll_error(poll: PollState | None) -> dict[str, object] | None:
    if poll is None or poll.error is None:
        return None
    shown = error_json(poll.error.code, poll.error.server_message, poll.error.since)
    return shown | {"lastAt": rfc3339(poll.error.at), "failures": poll.failures}


def error_json(code: str, server_message: str, since: datetime) -> dict[str, object]:
    """A failure in words that an admin can act on."""
    remedy = remedy_for(code, server_message)
    return {
        "code": code,
        "title": remedy.title,
        "detail": remedy.detail,
        "remedy": remedy.remedy,
        "whoCanAct": remedy.who.value,
        "since": rfc3339(since),
        "serverMessage": server_message or None,
    }


def _warnings(
    config: MailboxConfiguration,
    poll: PollState | None,
    folders: Sequence[dict[str, object]],
    unreadable: int,
    now: datetime,
) -> list[dict[str, object]]:
    found = []
    for state, code, title in (
        ("failing", "FolderFailing", "A folder cannot be read"),
        ("gone", "FolderGone", "A folder has gone from the server"),
    ):
        paths = [str(folder["path"]) for folder in folders if folder["state"] == state]
        if paths:
            found.append(
                warning(code, title, f"{', '.join(paths[:10])}: the folder's error says what to do.")
            )
    if unreadable:
        found.append(
            warning(
                "MailsUnreadable",
                "Mails of business units could not be read",
                f"{unreadable} so far. Each is listed with its reason and tried again for two days where "
                "that may help; look at those that stay in Outlook.",
            )
        )
    if config.settings.enabled and not folders:
        found.append(
            warning("NoFolders", "No folder is selected", "Nothing is received until one is selected.")
        )
    due_at = (poll.claimed_until or poll.due_at) if poll else None
    if config.settings.enabled and due_at is not None and now - due_at > _LATE_AFTER:
        found.append(
            warning(
                "PollLate",
                "Polls do not happen in time",
                "An Azure administrator looks at the function app: the functions mailbox_poll and "
                "mailbox_sync do not run.",
            )
        )
    return found


def _sum(syncs: Sequence[FolderSync]) -> FolderCounts:
    total = FolderCounts()
    for sync in syncs:
        total = total.plus(**{name: getattr(sync.counts, name) for name in FolderCounts.__dataclass_fields__})
    return total
