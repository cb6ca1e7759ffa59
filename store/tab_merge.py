"""Key ranges of several partitions of table `incidentmails` read as one ordered list, a chunk a request, and
no further than somebody asks."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from store.connection import StorageConnection
from store.rows import Row
from store.tab_keys import AFTER, partition_of_incident
from store.table import Table


@dataclass(frozen=True, slots=True)
class Source:
    """A range of one incident's rows. `tab`: the incident's index among those asked for. Keys are compared
    without `prefix`."""

    tab: int
    incident_id: str
    prefix: str
    start: str
    end: str
    where: str | None = None

    def rows(self, table: Table, start: str, chunk: int) -> list[Row]:
        """At most `chunk` of its rows, from this key on."""
        partition = partition_of_incident(self.incident_id)
        return table.range(partition, start, self.end, limit=chunk, where=self.where)


@dataclass(frozen=True, slots=True)
class Found:
    """A row and its key without the prefix."""

    place: str
    source: Source
    row: Row


def merged(
    connection: StorageConnection, table: Table, sources: Sequence[Source], chunk: int
) -> Iterator[Found]:
    """In key order, then in order of the sources. One request a source to begin with, all at a time."""
    firsts = connection.parallel(lambda source: source.rows(table, source.start, chunk), sources)
    streams = [_stream(table, source, first, chunk) for source, first in zip(sources, firsts, strict=True)]
    return heapq.merge(*streams, key=lambda found: (found.place, found.source.tab))


def _stream(table: Table, source: Source, rows: list[Row], chunk: int) -> Iterator[Found]:
    while rows:
        for row in rows:
            yield Found(row.key[len(source.prefix) :], source, row)
        if len(rows) < chunk:
            return
        rows = source.rows(table, f"{rows[-1].key}{AFTER}", chunk)
