"""Mails that incidents of their business unit may still claim: those that wait in triage or were placed by
their unit alone. Walked in pages when an incident or a unit changes. Reads only."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from store import key_cursor
from store.connection import StorageConnection
from store.keys import inverted
from store.table import Table, quoted
from store.triage import Partition

PAGE = 500
_PARTITIONS = (Partition.WAITING, Partition.SUGGESTED, Partition.COPIES)
_MOST_UNITS_ASKED = 10
"""With more, the rows are read and looked at here: a filter may have 15 comparisons (Microsoft: "Querying
tables and entities")."""
_PLACE = re.compile(r"(?:triage|suggested|copies) (?:\d{16};[A-Za-z0-9_-]{1,100}\.[0-9a-f]{32})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WeakMails:
    """Part of `store.link_store`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, "triage")

    def page(
        self,
        since: datetime | None,
        before: datetime | None,
        units: frozenset[str] | None,
        cursor: str | None,
    ) -> tuple[list[str], str | None]:
        """One query. `since` and `before` count to the millisecond, one more at either end. A page may hold
        few mails, or none, though a cursor follows. Raises `ValueError` for a bad cursor."""
        if units is not None and not units:
            return [], None
        place = key_cursor.read(cursor, _PLACE) if cursor is not None else f"{_PARTITIONS[0]} "
        name, _, after = place.partition(" ")
        partition = Partition(name)
        margin = timedelta(milliseconds=1)
        start = _inverted(before + margin) if before is not None else ""
        end = f"{_inverted(since - margin)}<" if since is not None else "~"
        asked = units if units is not None and len(units) <= _MOST_UNITS_ASKED else None
        where = " or ".join(f"businessUnit eq {quoted(unit)}" for unit in sorted(asked)) if asked else None
        rows = self._table.range(
            partition,
            max(start, f"{after}!" if after else ""),
            end,
            select=("businessUnit",),
            limit=PAGE,
            where=where,
        )
        ids = [
            row.key.partition(";")[2] for row in rows if units is None or row.text("businessUnit") in units
        ]
        if len(rows) == PAGE:
            return ids, key_cursor.written(f"{partition} {rows[-1].key}")
        following = _PARTITIONS.index(partition) + 1
        if following == len(_PARTITIONS):
            return ids, None
        return ids, key_cursor.written(f"{_PARTITIONS[following]} ")


def _inverted(moment: datetime) -> str:
    return inverted(max(moment, _EPOCH))
