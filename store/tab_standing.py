"""How a conversation stands now, in each of the incidents that make a tab, and as the API's lists show it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.linking_ports import Conversation
from store.connection import StorageConnection
from store.rows import Row
from store.tab_keys import (
    MEMBERS,
    STATE,
    TOTALS,
    conversation_in,
    partition_of_incident,
    position_in,
    position_of,
)
from store.tab_rows import ADDED, Head, TabState, Totals, head_of, state_of, tab_mail, totals_of
from store.table import Table, key_range

_COUNTS = ("mails", "unread", "suggested", "unverified")


@dataclass(frozen=True, slots=True)
class Standing:
    """A conversation in one incident. `tab`: the incident's index among those that make the tab."""

    tab: int
    incident_id: str
    conversation: str
    head: Head


class TabStandings:
    """Reads of single conversations."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "incidentmails")

    def sequences(self, incident_ids: Sequence[str]) -> tuple[int, ...]:
        """The tabs' sequences: one point read an incident."""
        return tuple(state.sequence for state in self._states(incident_ids))

    def counts(self, incident_ids: Sequence[str]) -> dict[str, int]:
        """Of all their mails: one point read an incident."""
        states = self._states(incident_ids)
        return {name: sum(getattr(state, name) for state in states) for name in _COUNTS}

    def of(self, incident_ids: Sequence[str], conversations: Iterable[str]) -> dict[str, list[Standing]]:
        """Where each of these conversations is; one point read for each and incident."""
        asked = dict.fromkeys(conversations)
        pairs = [(one, tab) for one in asked for tab in range(len(incident_ids))]

        def row(pair: tuple[str, int]) -> Row | None:
            return self._table.get(partition_of_incident(incident_ids[pair[1]]), TOTALS + pair[0])

        standings: dict[str, list[Standing]] = {one: [] for one in asked}
        for (one, tab), found in zip(pairs, self._connection.parallel(row, pairs), strict=True):
            if found is not None:
                standings[one].append(Standing(tab, incident_ids[tab], one, head_of(found)))
        return standings

    def position_as_of(self, standing: Standing, sequence: int) -> str | None:
        """Where it stood then, by the mails that are still there; None: it was not there. A query only where
        it has moved since."""
        if standing.head.since <= sequence:
            return position_of(standing.head.latest, standing.conversation)
        rows = self._members(standing.incident_id, standing.conversation, f"{ADDED} le {sequence}")
        if not rows:
            return None
        place = rows[0].key.removeprefix(f"{MEMBERS}{standing.conversation};")
        return position_of(place, standing.conversation)

    def conversation(self, here: Sequence[Standing]) -> Conversation | None:
        """All mails of it that the tab shows; one query. None: it has gone meanwhile."""
        if not here:
            return None
        totals = Totals()
        for one in here:
            totals = totals.and_those_of(one.head.totals)
        newest = min(here, key=lambda one: (one.head.latest, one.tab))
        rows = self._members(newest.incident_id, newest.conversation)
        return made_conversation(newest.conversation, rows[0], newest.incident_id, totals) if rows else None

    def _states(self, incident_ids: Sequence[str]) -> list[TabState]:
        rows = self._connection.parallel(
            lambda one: self._table.get(partition_of_incident(one), STATE), incident_ids
        )
        return [state_of(row) for row in rows]

    def _members(self, incident_id: str, conversation: str, where: str | None = None) -> list[Row]:
        """The newest mail of it, if any."""
        start, end = key_range(f"{MEMBERS}{conversation};")
        return self._table.range(partition_of_incident(incident_id), start, end, limit=1, where=where)


def conversation_of_head(row: Row, incident_id: str) -> Conversation:
    """Of a row `c;`."""
    return made_conversation(conversation_in(position_in(row.key)), row, incident_id, totals_of(row))


def made_conversation(conversation_id: str, latest: Row, incident_id: str, totals: Totals) -> Conversation:
    """`latest`: a row that holds its newest mail, which lies in that incident."""
    return Conversation(
        id=conversation_id,
        incident_id=incident_id,
        latest=tab_mail(latest, incident_id),
        count=totals.count,
        unread=totals.unread,
        units=tuple(unit for unit, _ in totals.units),
        has_attachments=totals.attachments > 0,
    )
