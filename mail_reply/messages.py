"""The message of queue `mail-delivery`: written and read in one place, bounded and checked, for a queue is an
outside too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_MAX_CHARS = 4_096
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class BadMessageError(ValueError):
    """A queue message that nobody of us wrote; it goes to the poison queue with its reason in the log."""


def delivery_message(entry_id: str) -> Mapping[str, object]:
    """JSON body of the message."""
    return {"entryId": entry_id}


def read_delivery(text: str) -> str:
    """The entry's id. Raises `BadMessageError`."""
    if len(text) > _MAX_CHARS:
        raise BadMessageError("message is longer than any of ours")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("message is not JSON") from error
    entry_id = body.get("entryId") if isinstance(body, dict) else None
    if not isinstance(entry_id, str) or not _ID.fullmatch(entry_id):
        raise BadMessageError("entryId is missing or no id")
    return entry_id
