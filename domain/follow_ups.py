"""Follow-ups of incident notifications: which is due when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The `number`th (from 1) to this unit about this incident. Whether it goes out is decided when it is
    due."""

    incident_id: str
    business_unit: str
    number: int
    due_at: datetime


class FollowUpStore(Protocol):
    """What is due later, in order of time."""

    def put(self, follow_up: FollowUp) -> None:
        """The same again is the same row."""
        ...

    def done(self, follow_up: FollowUp) -> None:
        """Absent is fine."""
        ...

    def due(self, now: datetime, limit: int) -> list[FollowUp]:
        """Longest due first; reads what is due only."""
        ...
