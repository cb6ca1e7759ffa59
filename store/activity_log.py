"""The activity log of everything, read as one list: an ordered merge of the partitions that entries lie in.

An entry lies in the partition of what it tells of, written in that change's transaction (`store.activity`):
a crash leaves change and entry or neither, and nothing has to be copied together afterwards. An entry's place
in the list is its time (by the millisecond), then its digest, then its partition. These never change, so a
cursor is such a place and means the same for ever. A walk shows everything that was there when it began
exactly once; what is written meanwhile is newer and comes first in the next walk. (The time is taken before
the write, so an entry may appear behind places already read by as long as a write takes.)"""

from __future__ import annotations

import base64
import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.configuration_ports import ActivityPage, ActivityQuery, LoggedActivity
from store.activity import PREFIX, activity_of, filtered
from store.chunks import join_text
from store.connection import StorageConnection
from store.incident_rows import LINKS_PARTITION
from store.incident_rows import PARTITION as INCIDENTS_PARTITION
from store.incident_rows import TABLE as INCIDENTS_TABLE
from store.keys import AFTER_SEPARATOR, inverted
from store.mailbox_store import log_partitions
from store.outbox_rows import PARTITION as OUTBOX_PARTITION
from store.outbox_rows import TABLE as OUTBOX_TABLE
from store.rows import Row
from store.settings_store import PARTITION as SETTINGS_PARTITION
from store.settings_store import TABLE as SETTINGS_TABLE
from store.table import Table, key_range, quoted

_MAX_PAGE = 100
_CHUNK = 25
"""Rows that one request asks a partition for: an entry can be as large as a row may be."""
_MAX_PAGE_CHARS = 2_000_000
_PLACE = re.compile(r"(\d{16};[0-9a-f]{16}) ([ -~]{1,500})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Source:
    """A partition with entries. `name` orders entries of the same time and digest."""

    table: Table
    partition: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """Where an entry stands: less is newer. `key`: `{inverted ms};{digest}`."""

    key: str
    source: str


class TableActivityLog:
    """`domain.configuration_ports.ActivityLog` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._mailboxes = Table(connection, "mailboxes")
        self._units = Table(connection, "businessunits")
        self._settings = Table(connection, SETTINGS_TABLE)
        self._incidents = Table(connection, INCIDENTS_TABLE)
        self._outbox = Table(connection, OUTBOX_TABLE)

    def page(self, query: ActivityQuery) -> ActivityPage:
        """One query for the list of mailboxes and one or more a partition: three, and one for each
        mailbox."""
        if not 1 <= query.limit <= _MAX_PAGE:
            raise ValueError("limit")
        after = _place_of(query.cursor) if query.cursor is not None else None
        where = _condition(query)
        sources = self._sources()
        spans = [_span(source, after, query) for source in sources]
        firsts = self._connection.parallel(
            lambda index: self._rows(sources[index], *spans[index], where), range(len(sources))
        )
        merged = heapq.merge(
            *(
                self._walk(source, first, span[1], where)
                for source, first, span in zip(sources, firsts, spans, strict=True)
            ),
            key=lambda found: found[0],
        )
        return _page(merged, query.limit)

    def _sources(self) -> list[_Source]:
        mailboxes = [
            _Source(self._mailboxes, partition, f"mailboxes/{partition}")
            for partition in log_partitions(self._mailboxes)
        ]
        return [
            _Source(self._units, "units", "businessunits/units"),
            _Source(self._settings, SETTINGS_PARTITION, f"settings/{SETTINGS_PARTITION}"),
            _Source(self._incidents, INCIDENTS_PARTITION, f"incidents/{INCIDENTS_PARTITION}"),
            _Source(self._incidents, LINKS_PARTITION, f"incidents/{LINKS_PARTITION}"),
            _Source(self._outbox, OUTBOX_PARTITION, f"{OUTBOX_TABLE}/{OUTBOX_PARTITION}"),
            *mailboxes,
        ]

    def _rows(self, source: _Source, start: str, end: str, where: str | None) -> list[Row]:
        if start >= end:
            return []
        return source.table.range(source.partition, start, end, limit=_CHUNK, where=where)

    def _walk(
        self, source: _Source, rows: Sequence[Row], end: str, where: str | None
    ) -> Iterator[tuple[_Place, Row]]:
        """The partition's rows in order; asks for more only when the merge has come that far."""
        while rows:
            for row in rows:
                yield _Place(row.key.removeprefix(PREFIX), source.name), row
            if len(rows) < _CHUNK:
                return
            rows = self._rows(source, f"{rows[-1].key}!", end, where)


def _span(source: _Source, after: _Place | None, query: ActivityQuery) -> tuple[str, str]:
    """First key and the key after the last, for this partition."""
    start, end = key_range(PREFIX)
    if query.before is not None:
        start = f"{PREFIX}{_inverted(query.before)}{AFTER_SEPARATOR}"
    if query.since is not None:
        end = f"{PREFIX}{_inverted(query.since)}{AFTER_SEPARATOR}"
    if after is not None:
        following = f"{PREFIX}{after.key}" + ("!" if source.name <= after.source else "")
        start = max(start, following)
    return start, end


def _inverted(moment: datetime) -> str:
    """Keys begin with the epoch: nothing is logged before it."""
    return inverted(max(moment, _EPOCH))


def _condition(query: ActivityQuery) -> str | None:
    conditions = []
    if query.actor is not None:
        actor = quoted(filtered(query.actor))
        conditions.append(f"(actor eq {actor} or actingFor eq {actor})")
    if query.action is not None:
        conditions.append(f"action eq {quoted(query.action)}")
    if query.target is not None:
        conditions.append(f"target eq {quoted(query.target)}")
    return " and ".join(conditions) or None


def _page(merged: Iterator[tuple[_Place, Row]], limit: int) -> ActivityPage:
    entries: list[LoggedActivity] = []
    last: _Place | None = None
    chars = 0
    for place, row in merged:
        size = len(join_text(row.values, "d") or "")
        if last is not None and (len(entries) >= limit or chars + size > _MAX_PAGE_CHARS):
            return ActivityPage(tuple(entries), _cursor(last))
        entries.append(LoggedActivity(place.key.replace(";", "-"), activity_of(row)))
        last, chars = place, chars + size
    return ActivityPage(tuple(entries), None)


def _cursor(place: _Place) -> str:
    return base64.urlsafe_b64encode(f"{place.key} {place.source}".encode()).decode().rstrip("=")


def _place_of(cursor: str) -> _Place:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError as error:
        raise ValueError("cursor") from error
    if not (match := _PLACE.fullmatch(text)):
        raise ValueError("cursor")
    return _Place(match[1], match[2])
