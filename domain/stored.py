"""What the stores' ports take and give: versioned values, places, waiting answers, pages, log entries.

Apart from the Protocols (`domain.ports`), which only type checkers need: timers and queues load these alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """A row's value and its ETag."""

    value: T
    etag: str


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of the activity log: who (and on whose behalf), when, what, before and after (secrets as
    "changed")."""

    at: datetime
    actor: str
    acting_for: str | None
    action: str
    target: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class StoredRaw:
    """Where a raw message stands after `put`. `already_there`: an earlier fetch was kept and this one
    discarded."""

    size_bytes: int
    sha256: str
    already_there: bool


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """Where an item of the server ended up here. `item_hash`: digest of the item id."""

    folder_id: str
    item_id: str
    mail_id: str


@dataclass(frozen=True, slots=True)
class WaitingAnswer:
    """An item that is not ours yet: it answers a message that we do not know. Holds keyed hashes only."""

    mailbox_id: str
    folder_id: str
    item_id: str
    named: tuple[str, ...]
    """Keyed hashes of the Message-IDs and the conversation it names."""
    expires_at: datetime


class AddressTakenError(Exception):
    """An address or domain already belongs to another unit."""

    def __init__(self, entry: str, unit_id: str, unit_name: str) -> None:
        self.entry, self.unit_id, self.unit_name = entry, unit_id, unit_name
        super().__init__(f"{entry} belongs to the business unit {unit_name}")
