"""What changed in an incident's tab since a cursor: its change log, numbered without gaps in the transactions
that made the changes."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from domain.errors import AdminActionError
from domain.linking_ports import TabChange
from store.connection import StorageConnection
from store.record_codec import parse_time
from store.rows import Row
from store.tab_cursor import read_changes, written_changes
from store.tab_keys import CHANGES, change_key, partition_of_incident
from store.tab_mails import check_limit
from store.table import Table, key_range


class TabChanges:
    """Part of `store.incident_mail_store`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "incidentmails")

    def since(
        self, incident_ids: Sequence[str], cursor: str | None, *, limit: int
    ) -> tuple[list[TabChange], str]:
        """One query an incident. Of several incidents each one's changes keep their order."""
        check_limit(limit)
        read_to = dict.fromkeys(incident_ids, 0) if cursor is None else read_changes(cursor, incident_ids)

        def following(incident_id: str) -> list[tuple[str, TabChange]]:
            start, end = change_key(read_to[incident_id] + 1), key_range(CHANGES)[1]
            rows = self._table.range(partition_of_incident(incident_id), start, end, limit=limit)
            return [(incident_id, _change(row)) for row in rows]

        logs = self._connection.parallel(following, read_to)
        changes: list[TabChange] = []
        for incident_id, change in heapq.merge(*logs, key=lambda one: one[1].at):
            if len(changes) == limit:
                break
            changes.append(change)
            read_to[incident_id] = change.sequence
        return changes, written_changes(read_to)


def _change(row: Row) -> TabChange:
    try:
        at = parse_time(row.text("at"))
    except ValueError as error:
        raise AdminActionError("StorageRowUnreadable", "TabChange") from error
    return TabChange(int(row.key.removeprefix(CHANGES)), at, row.text("kind"), row.text("mail"))
