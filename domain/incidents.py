"""Incidents as Respond tells them, and which of them was open when.

Open intervals count, not the status of the moment, so that what is derived from them does not depend on when
it is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_MERGES = 50
"""No chain of merges is followed further; saving refuses longer ones."""


class IncidentStatus(StrEnum):
    """What Respond says. All but `CLOSED` and `MERGED` count as open."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"
    UNTRIAGED = "untriaged"


@dataclass(frozen=True, slots=True)
class OpenInterval:
    """From `opened_at` (inclusive) to `closed_at` (exclusive; None: still open). UTC."""

    opened_at: datetime
    closed_at: datetime | None = None

    def contains(self, at: datetime) -> bool:
        """Whether the incident was open then."""
        return self.opened_at <= at and (self.closed_at is None or at < self.closed_at)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident. `id` is Respond's, any characters. `business_units`: ids of the impacted units.

    `merged_into`: the incident whose tab shows this one's mails; set where, and only where, `status` is
    `MERGED`. Mails stay placed in the incident that their evidence names; `root` says where they are shown.
    """

    id: str
    title: str
    status: IncidentStatus
    created_at: datetime
    type: str = ""
    severity: str = ""
    url: str = ""
    business_units: tuple[str, ...] = ()
    merged_into: str | None = None
    open_intervals: tuple[OpenInterval, ...] = ()

    def was_open(self, at: datetime) -> bool:
        """Whether any interval contains the time."""
        return any(interval.contains(at) for interval in self.open_intervals)

    def opened_between(self, after: datetime, until: datetime) -> bool:
        """Whether an interval begins after the first and at or before the second."""
        return any(after < interval.opened_at <= until for interval in self.open_intervals)


def root_of(incident_id: str, merged: Mapping[str, str]) -> str:
    """The incident that shows this one's mails. `merged`: child to parent. Ends in a cycle too, which saving
    refuses."""
    seen = {incident_id}
    current = incident_id
    while (parent := merged.get(current)) is not None and parent not in seen:
        seen.add(parent)
        current = parent
    return current
