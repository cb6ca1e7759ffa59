"""The area's queue messages: written and read in one place, bounded and checked, for a queue is an outside
too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_MAX_CHARS = 65_536
MAX_WOKEN = 500


class BadMessageError(ValueError):
    """A queue message that nobody of us wrote; it goes to the poison queue with its reason in the log."""


@dataclass(frozen=True, slots=True)
class MailboxSyncMessage:
    """Poll this mailbox. `claimed_until` names the claim it was sent under; None: asked for by a person."""

    mailbox_id: str
    claimed_until: datetime | None
    woken: tuple[str, ...] = ()
    """Keyed hashes of mails that were stored for another mailbox: answers to them may wait in this one."""


@dataclass(frozen=True, slots=True)
class FolderSyncMessage:
    """Go on with this folder."""

    mailbox_id: str
    folder_id: str


def mailbox_sync_message(mailbox_id: str, claimed_until: datetime | None) -> dict[str, object]:
    """JSON body of a `mailbox-sync` message."""
    return {"mailboxId": mailbox_id, "claimedUntil": claimed_until.isoformat() if claimed_until else None}


def woken_message(mailbox_id: str, hashes: Sequence[str]) -> dict[str, object]:
    """JSON body of a `mailbox-sync` message that only wakes answers; at most `MAX_WOKEN` hashes."""
    return {"mailboxId": mailbox_id, "claimedUntil": None, "woken": list(hashes[:MAX_WOKEN])}


def folder_sync_message(mailbox_id: str, folder_id: str) -> dict[str, object]:
    """JSON body of a `folder-sync` message."""
    return {"mailboxId": mailbox_id, "folderId": folder_id}


def read_mailbox_sync(text: str) -> MailboxSyncMessage:
    """Raises `BadMessageError`."""
    body = _object(text)
    woken = body.get("woken", [])
    if not isinstance(woken, list) or not all(isinstance(one, str) for one in woken):
        raise BadMessageError("woken is not a list of texts")
    return MailboxSyncMessage(_text(body, "mailboxId"), _time(body), tuple(woken[:MAX_WOKEN]))


def read_folder_sync(text: str) -> FolderSyncMessage:
    """Raises `BadMessageError`."""
    body = _object(text)
    return FolderSyncMessage(_text(body, "mailboxId"), _text(body, "folderId"))


def _object(text: str) -> dict[str, object]:
    if len(text) > _MAX_CHARS:
        raise BadMessageError("message is longer than a queue message can be")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("message is not JSON") from error
    if not isinstance(body, dict):
        raise BadMessageError("message is not a JSON object")
    return body


def _text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadMessageError(f"{name} is missing or not text")
    return value


def _time(body: dict[str, object]) -> datetime | None:
    value = body.get("claimedUntil")
    if value is None:
        return None
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as error:
        raise BadMessageError("claimedUntil is neither a time nor null") from error
