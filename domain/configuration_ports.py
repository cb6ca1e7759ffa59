"""What configuration needs from storage beside the mailboxes and units of `domain.ports`: settings of the
whole installation, and the activity log of everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from domain.stored import Activity, Versioned

T = TypeVar("T")


class SettingsStore(Protocol):
    """One value of each settings type (`domain.configuration`, `NotificationTemplate`)."""

    def read(self, kind: type[T]) -> Versioned[T] | None:
        """One point read; None where nothing was saved and the default stands."""
        ...

    def save(self, value: object, etag: str | None, activity: Activity) -> str:
        """Value and activity log entry in one transaction (`etag` None: nothing may be there); the new ETag.
        Raises `ConflictError`."""
        ...

    def reset(self, kind: type[object], etag: str, activity: Activity) -> None:
        """Removes the value, so that the default stands again, and writes the entry, in one transaction.
        Raises `ConflictError`."""
        ...


@dataclass(frozen=True, slots=True)
class ActivityQuery:
    """Which entries of the activity log, newest first; None: any.

    `actor` is who did it or on whose behalf, in any case. `since` (inclusive) and `before` (exclusive) count
    whole milliseconds.
    """

    limit: int
    cursor: str | None = None
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoggedActivity:
    """An entry and its id."""

    id: str
    entry: Activity


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A page of entries. `cursor` is opaque; None: nothing follows."""

    entries: tuple[LoggedActivity, ...]
    cursor: str | None


class ActivityLog(Protocol):
    """The activity log of everything, in one order of time."""

    def page(self, query: ActivityQuery) -> ActivityPage:
        """May hold fewer entries than asked for though more follow. Raises `ValueError` for a bad cursor."""
        ...
