"""Cuts many row writes into transactions that Table Storage takes, and sends several at a time.

Rows of different partitions or transactions appear one after another: a crash leaves some of them, so writes
that go this way must be safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable

from store.chunks import utf16_bytes
from store.connection import StorageConnection
from store.rows import Operation, Row
from store.table import Table

MAX_OPERATIONS = 100
MAX_TRANSACTION_BYTES = 3_500_000
"""Of the 4 MiB that a transaction may have, its framing included."""
_FRAMING_BYTES = 700
"""What a row costs in a transaction beside its values, generously."""


def write_all(connection: StorageConnection, table: Table, operations: Iterable[Operation]) -> None:
    """Every write, in as few transactions as may be. For writes that cannot conflict."""
    connection.parallel(lambda batch: table.transaction(batch, repeatable=True), transactions(operations))


def transactions(operations: Iterable[Operation]) -> list[list[Operation]]:
    """The writes by partition, at most 100 rows and 3.5 MB together. Of two writes of one row the later
    counts."""
    latest = {(one.row.partition, one.row.key): one for one in operations}
    cut: list[list[Operation]] = []
    open_batches: dict[str, tuple[list[Operation], int]] = {}
    for one in latest.values():
        cost = wire_bytes(one.row)
        batch, size = open_batches.get(one.row.partition, ([], 0))
        if not batch or len(batch) >= MAX_OPERATIONS or size + cost > MAX_TRANSACTION_BYTES:
            batch, size = [], 0
            cut.append(batch)
        batch.append(one)
        open_batches[one.row.partition] = (batch, size + cost)
    return cut


def wire_bytes(row: Row) -> int:
    """An upper bound of what the row takes on the wire: JSON in UTF-8, quotes escaped, bytes in base64."""
    size = _FRAMING_BYTES
    for name, value in row.values.items():
        size += len(name) + 40
        if isinstance(value, str):
            size += utf16_bytes(value) * 2
        elif isinstance(value, bytes):
            size += len(value) * 3 // 2
    return size
