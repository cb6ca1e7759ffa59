"""Incidents as Respond tells them: table `incidents` (`store.incident_rows` says which rows there are).

A save first writes a row for each unit that is new to the incident, then everything else with the entry of
the activity log in one transaction under the incident's ETag. A crash in between leaves rows by unit which
the incident does not name: they say nothing, for whoever reads by unit asks the incidents themselves. They
also stay when an incident loses a unit, for a save that takes it back may be under way."""

from __future__ import annotations

import re
from collections.abc import Iterable

from domain.errors import ConflictError
from domain.incidents import Incident
from domain.stored import Activity, Versioned
from store import key_cursor
from store.activity import activity_write
from store.batches import write_all
from store.connection import StorageConnection
from store.incident_rows import (
    LISTED,
    PARTITION,
    TABLE,
    UNITS_PARTITION,
    child_prefix,
    folded_prefix,
    id_in,
    incident_key,
    incident_of,
    unit_prefix,
    unit_rows,
    writes,
)
from store.rows import Replace, Row
from store.table import Table, key_range, quoted

MAX_PAGE = 500
SCANNED = 1_000
"""How many incidents one request looks into for a text; then the page is short and its cursor goes on."""
_SCAN_CHUNK = 200
_ROWS_A_PAGE = 1_000
_READS_A_PAGE = 15
"""A page of a thousand incidents takes about as long as so many point reads."""
_KEY = re.compile(r"list;\d{16};[0-9a-f]{32}", re.ASCII)


class TableIncidentStore:
    """`domain.linking_ports.IncidentStore` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, TABLE)

    def read(self, incident_id: str) -> Versioned[Incident] | None:
        """One point read."""
        row = self._table.get(PARTITION, incident_key(incident_id))
        return Versioned(incident_of(row), row.etag) if row else None

    def read_many(self, incident_ids: Iterable[str]) -> dict[str, Incident]:
        """A point read each; where that would cost more than reading all incidents in order, a page of a
        thousand for each 15 asked for."""
        by_key = {incident_key(one): one for one in incident_ids}
        rows, left = self._scanned(sorted(by_key))
        rows += self._connection.parallel(lambda key: self._table.get(PARTITION, key), left)
        return {by_key[row.key]: incident_of(row) for row in rows if row is not None}

    def spelled(self, incident_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """One query each."""
        found = self._named_below({one: folded_prefix(one) for one in incident_ids}, PARTITION)
        return {one: tuple(sorted(ids)) for one, ids in found.items() if ids}

    def of_units(self, unit_ids: Iterable[str]) -> dict[str, tuple[Incident, ...]]:
        """One query a unit, and what `read_many` costs for the incidents found."""
        found = self._named_below({one: unit_prefix(one) for one in unit_ids}, UNITS_PARTITION)
        incidents = self.read_many(sorted({one for ids in found.values() for one in ids}))
        return {
            unit: tuple(
                incidents[one]
                for one in sorted(ids)
                if one in incidents and unit in incidents[one].business_units
            )
            for unit, ids in found.items()
        }

    def merged(self, incident_ids: Iterable[str]) -> dict[str, str]:
        """What `read_many` costs, for each step of the longest chain."""
        found: dict[str, str] = {}
        seen: set[str] = set()
        left = set(incident_ids)
        while left:
            seen |= left
            rows = self.read_many(sorted(left))
            parents = {one.id: one.merged_into for one in rows.values() if one.merged_into is not None}
            found |= parents
            left = set(parents.values()) - seen
        return found

    def merged_into(self, incident_id: str) -> tuple[str, ...]:
        """One query, and one for each incident found."""
        found: set[str] = set()
        left = {incident_id}
        while left:
            children = self._named_below({one: child_prefix(one) for one in sorted(left)}, PARTITION)
            left = {one for ids in children.values() for one in ids} - found - {incident_id}
            found |= left
        return tuple(sorted(found))

    def save(self, incident: Incident, etag: str | None, activity: Activity) -> Versioned[Incident]:
        """A point read and a transaction, and a transaction for each hundred units that are new to it."""
        there = self.read(incident.id)
        if (there.etag if there else None) != etag:
            raise ConflictError(f"incident {incident.id}")
        old = there.value if there else None
        known = {row.key for row in unit_rows(old)} if old is not None else set()
        self._write_units(row for row in unit_rows(incident) if row.key not in known)
        operations = [*writes(incident, old, etag), activity_write(PARTITION, activity)]
        return Versioned(incident, self._table.transaction(operations)[0])

    def reproject(self, incident: Incident) -> None:
        """A transaction for each hundred units."""
        self._write_units(unit_rows(incident))

    def page(
        self, *, limit: int, cursor: str | None, status: str | None, text: str | None
    ) -> tuple[list[Incident], str | None]:
        """One query; with a text, one for each 200 incidents looked into."""
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError("limit")
        start, end = key_range(LISTED)
        if cursor is not None:
            start = f"{key_cursor.read(cursor, _KEY)}!"
        where = f"status eq {quoted(status)}" if status is not None else None
        wanted = text.casefold() if text else None
        chunk = _SCAN_CHUNK if wanted else limit + 1
        found: list[Incident] = []
        scanned, last = 0, ""
        while True:
            rows = self._table.range(PARTITION, start, end, limit=chunk, where=where)
            for row in rows:
                if len(found) == limit or scanned == SCANNED:
                    return found, key_cursor.written(last)
                incident = incident_of(row)
                scanned, last = scanned + 1, row.key
                if wanted is None or wanted in f"{incident.id}\n{incident.title}".casefold():
                    found.append(incident)
            if len(rows) < chunk:
                return found, None
            start = f"{last}!"

    def _named_below(self, prefixes: dict[str, str], partition: str) -> dict[str, list[str]]:
        """Ids in the rows below each prefix."""
        rows = self._connection.parallel(
            lambda prefix: self._table.range(partition, *key_range(prefix)), prefixes.values()
        )
        return {one: [id_in(row) for row in found] for one, found in zip(prefixes, rows, strict=True)}

    def _scanned(self, keys: list[str]) -> tuple[list[Row | None], list[str]]:
        """Rows found by reading in order, and the keys that lie behind the last one read."""
        pages = len(keys) // _READS_A_PAGE
        if not pages:
            return [], keys
        limit = pages * _ROWS_A_PAGE
        rows = self._table.range(PARTITION, keys[0], f"{keys[-1]}!", limit=limit)
        asked = set(keys)
        left = [key for key in keys if key > rows[-1].key] if len(rows) == limit else []
        return [row for row in rows if row.key in asked], left

    def _write_units(self, rows: Iterable[Row]) -> None:
        write_all(self._connection, self._table, [Replace(row) for row in rows])
