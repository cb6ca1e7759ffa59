"""Mails on their way out: table `outbox` (see `store.outbox_rows`) and what they say in the container
`outbox`.

An entry, its index rows and its entry of the activity log change in one transaction under the entry's ETag:
a crash leaves all of a change or nothing. A message is a blob of its own, written before its entry; one that
a crash left without an entry does no harm and is found there by the repeated request.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime

from domain.compose.message import OutgoingMessage
from domain.errors import ConflictError
from domain.outbox import OutboxEntry
from domain.stored import Activity, Versioned
from store import outbox_rows as rows
from store.activity import activity_write
from store.connection import StorageConnection
from store.keys import key_time, safe
from store.outbox_rows import PARTITION, TABLE, IndexKeys
from store.outgoing_blobs import OutgoingBlobs
from store.record_codec import Codec
from store.rows import Delete, Insert, Operation, Replace
from store.table import Table, key_range

_MESSAGE = Codec(OutgoingMessage)
_MAX_PAGE = 100
_MAX_AWAITED = 1_000
_PLACE = re.compile(r"\d{16};[ -~]{1,400}", re.ASCII)


class TableOutboxStore:
    """`domain.sending_ports.OutboxStore` on Table and Blob Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, TABLE)
        self._blobs = OutgoingBlobs(connection)

    def create(self, entry: OutboxEntry, activity: Activity | None) -> tuple[Versioned[OutboxEntry], bool]:
        """One transaction, and a point read where the entry is there already."""
        truth, listed = rows.written_rows(entry)
        writes: list[Operation] = [Insert(truth), Replace(listed), *_index_writes(entry, IndexKeys())]
        try:
            etags = self._table.transaction([*writes, *_log(activity)])
        except ConflictError:
            if (standing := self.read(entry.id)) is None:
                raise
            return standing, False
        return Versioned(entry, _fence(etags[0], rows.index_keys(entry))), True

    def read(self, entry_id: str) -> Versioned[OutboxEntry] | None:
        """One point read."""
        row = self._table.get(PARTITION, rows.entry_key(entry_id))
        return Versioned(rows.entry_of(row), _fence(row.etag, rows.written_keys(row))) if row else None

    def save(self, entry: OutboxEntry, etag: str, activity: Activity | None = None) -> Versioned[OutboxEntry]:
        """One transaction."""
        row_etag, before = _parts(etag)
        truth, listed = rows.written_rows(entry)
        writes: list[Operation] = [Replace(truth, row_etag), Replace(listed), *_index_writes(entry, before)]
        etags = self._table.transaction([*writes, *_log(activity)])
        return Versioned(entry, _fence(etags[0], rows.index_keys(entry)))

    def of_incident(
        self, incident_id: str, *, limit: int, cursor: str | None
    ) -> tuple[list[OutboxEntry], str | None]:
        """One query."""
        if not 1 <= limit <= _MAX_PAGE:
            raise ValueError("limit")
        prefix = rows.incident_prefix(incident_id)
        start, end = key_range(prefix)
        if cursor is not None:
            start = f"{prefix}{_place_of(cursor)}!"
        found = self._table.range(PARTITION, start, end, limit=limit + 1)
        following = _cursor(found[limit - 1].key.removeprefix(prefix)) if len(found) > limit else None
        return [rows.entry_of(row) for row in found[:limit]], following

    def due(self, now: datetime, limit: int) -> list[OutboxEntry]:
        """One query of the due rows up to `now`, and a point read each."""
        return self._named(rows.DUE, f"{rows.DUE}{key_time(now)}<", limit)

    def held(self, mailbox_id: str, limit: int) -> list[OutboxEntry]:
        """One query of the held rows of the mailbox, and a point read each."""
        return self._named(*key_range(rows.held_prefix(mailbox_id)), limit)

    def awaited(self) -> dict[str, str]:
        """One query, of rows that exist only while nobody can say whether the mail left."""
        found = self._table.range(PARTITION, *key_range(rows.AWAITS), limit=_MAX_AWAITED)
        return {one: row.text("id") for row in found for one in row.text("messageIds").split()}

    def known_as(self, message_id: str) -> str | None:
        """One point read."""
        row = self._table.get(PARTITION, rows.message_key(message_id))
        return row.text("id") if row else None

    def put_message(self, entry_id: str, message: OutgoingMessage) -> None:
        """One request up to 1 MiB."""
        self._blobs.put(_message_name(entry_id), [_MESSAGE.to_text(message).encode()])

    def message(self, entry_id: str) -> OutgoingMessage:
        """One request for each 4 MiB."""
        text = b"".join(self._blobs.read(_message_name(entry_id))).decode("utf-8", "replace")
        return _MESSAGE.from_text(text)

    def _named(self, start: str, end: str, limit: int) -> list[OutboxEntry]:
        ids = [row.text("id") for row in self._table.range(PARTITION, start, end, limit=limit)]
        return [found.value for found in self._connection.parallel(self.read, ids) if found is not None]


def _index_writes(entry: OutboxEntry, before: IndexKeys) -> list[Operation]:
    """The index rows that there are now; those that are no longer true go."""
    now = rows.index_keys(entry).each()
    known = [rows.message_key(one) for one in rows.message_ids(entry)]
    return [
        *(Replace(rows.index_row(key, entry)) for key in (*known, *now)),
        *(Delete(rows.index_row(key, entry)) for key in before.each() if key not in now),
    ]


def _log(activity: Activity | None) -> list[Operation]:
    return [activity_write(PARTITION, activity)] if activity else []


def _message_name(entry_id: str) -> str:
    return f"{safe(entry_id)}/message.json"


def _fence(row_etag: str, keys: IndexKeys) -> str:
    return json.dumps([row_etag, keys.due, keys.held, keys.awaits])


def _parts(etag: str) -> tuple[str, IndexKeys]:
    """Raises `ConflictError` for what no read or save of ours has answered: it can hold for no row."""
    try:
        row_etag, due, held, awaits = json.loads(etag)
    except (ValueError, TypeError) as error:
        raise ConflictError("not a fence") from error
    if not row_etag:
        raise ConflictError("not a fence")
    return str(row_etag), IndexKeys(due, held, awaits)


def _cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place_of(cursor: str) -> str:
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
    except ValueError as error:
        raise ValueError("cursor") from error
    if not _PLACE.fullmatch(place):
        raise ValueError("cursor")
    return place
