"""Changes whose re-decision is not finished: table `pending`, partition `relink`, a row each.

One write each, so a crash leaves it or not. A row is replaced as the work goes on and removed when it is
done; what is done twice ends the same."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from domain.errors import AdminActionError
from domain.linking_ports import PendingWork
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.keys import key_time
from store.record_codec import parse_time, time_text
from store.rows import Row
from store.table import Table, quoted

_PARTITION = "relink"
_KEY_CHARS = 32


class TablePendingStore:
    """`domain.linking_ports.PendingStore` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, "pending")

    def put(self, work: PendingWork) -> None:
        """One request."""
        self._table.replace(_row(work))

    def done(self, work: PendingWork) -> None:
        """One request."""
        self._table.delete(_PARTITION, _key(work.kind, work.subject, work.change))

    def read(self, kind: str, subject: str, change: str) -> PendingWork | None:
        """One point read."""
        row = self._table.get(_PARTITION, _key(kind, subject, change))
        return _work(row) if row else None

    def older_than(self, at: datetime, limit: int) -> list[PendingWork]:
        """One query for each thousand rows that are pending, and a point read for each of the oldest."""
        where = f"at lt {quoted(key_time(at))}"
        rows = self._table.range(_PARTITION, "", "~", select=("at",), where=where)
        oldest = sorted(rows, key=lambda row: (row.text("at"), row.key))[:limit]
        whole = [self._table.get(_PARTITION, row.key) for row in oldest]
        return [_work(row) for row in whole if row is not None]


def _key(kind: str, subject: str, change: str) -> str:
    parts = json.dumps([kind, subject, change])
    return hashlib.sha256(parts.encode()).hexdigest()[:_KEY_CHARS]


def _row(work: PendingWork) -> Row:
    fields = {
        "v": 1,
        "kind": work.kind,
        "subject": work.subject,
        "change": work.change,
        "at": time_text(work.at),
        "before": dict(work.before),
        "cursor": work.cursor,
    }
    text = json.dumps(fields, separators=(",", ":"))
    values = {"at": key_time(work.at), **split_text(text, "d")}
    return Row(_PARTITION, _key(work.kind, work.subject, work.change), dict(values))


def _work(row: Row) -> PendingWork:
    try:
        fields: dict[str, Any] = json.loads(join_text(row.values, "d") or "")
        if fields.pop("v") != 1:
            raise ValueError("another version")
        return PendingWork(
            kind=fields["kind"],
            subject=fields["subject"],
            change=fields["change"],
            at=parse_time(fields["at"]),
            before=dict(fields["before"]),
            cursor=fields["cursor"],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AdminActionError("StorageRowUnreadable", "PendingWork") from error
