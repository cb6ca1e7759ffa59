"""Ids of mailboxes: they stand in addresses, in keys of storage and in the ids of mails."""

from __future__ import annotations

import re
import uuid

from config_api.mistakes import FieldMistakeError

_MAX_CHARS = 40
_ID = re.compile(rf"(?!-)[a-z0-9-]{{1,{_MAX_CHARS}}}(?<!-)", re.ASCII)
_TAKEN_BY_ROUTES = frozenset({"test"})


def is_mailbox_id(text: str) -> bool:
    """Whether a mailbox can have this id at all."""
    return _ID.fullmatch(text) is not None and text not in _TAKEN_BY_ROUTES


def mailbox_id(text: str) -> str:
    """The id as chosen. Raises `FieldMistakeError`."""
    if text in _TAKEN_BY_ROUTES:
        raise FieldMistakeError("BadId", f"{text} has a meaning of its own in addresses; choose another id.")
    if not is_mailbox_id(text):
        raise FieldMistakeError(
            "BadId",
            f"An id has 1 to {_MAX_CHARS} characters: a to z, 0 to 9, and hyphens that are neither first nor"
            " last.",
        )
    return text


def made_mailbox_id() -> str:
    """An id that no other mailbox has."""
    return f"mailbox-{uuid.uuid4().hex[:12]}"
