"""Deletes rows that may be there or not.

A crash leaves some of them; the same again deletes the rest."""

from __future__ import annotations

from collections.abc import Iterable

from domain.errors import ConflictError
from store.batches import transactions
from store.connection import StorageConnection
from store.rows import Delete, Operation, Row
from store.table import Table

_FEW = 3
_ONE_QUERY = 1_000


def remove_rows(connection: StorageConnection, table: Table, rows: Iterable[Row]) -> None:
    """A request each for a few of a partition. For more, a query of the keys between the first and the last,
    where at most 1,000 lie there, and a transaction for each hundred that are there."""
    by_partition: dict[str, set[str]] = {}
    for row in rows:
        by_partition.setdefault(row.partition, set()).add(row.key)
    connection.parallel(lambda one: _remove(connection, table, one[0], sorted(one[1])), by_partition.items())


def _remove(connection: StorageConnection, table: Table, partition: str, keys: list[str]) -> None:
    if len(keys) > _FEW:
        there = table.range(partition, keys[0], f"{keys[-1]}!", select=(), limit=_ONE_QUERY + 1)
        if len(there) <= _ONE_QUERY:
            keys = sorted({row.key for row in there}.intersection(keys))
    if len(keys) > _FEW:
        deletes: list[Operation] = [Delete(Row(partition, key)) for key in keys]
        try:
            for batch in transactions(deletes):
                table.transaction(batch)
        except ConflictError:
            pass  # some went meanwhile, or never were there: one by one, absent is fine
        else:
            return
    connection.parallel(lambda key: table.delete(partition, key), keys)
