"""One table: point reads, key ranges and transactions, with rows as plain values.

A table that is missing is created when a write finds it missing, so that a poll that changes nothing pays
nothing; a read of a missing table finds nothing. A crash leaves a transaction whole or not there at all. A
conditional write whose answer is lost or says 5xx is not sent again by itself: its second try would look like
somebody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from domain.errors import ConflictError
from store.connection import StorageConnection
from store.errors import by_status, error_code, storage_errors
from store.row_query import RowQueries
from store.rows import Operation, Row, Value
from store.transaction_pipeline import TransactionPipeline
from store.transaction_wire import Done, Failed

if TYPE_CHECKING:
    from azure.data.tables import TableClient

Answer = TypeVar("Answer")

_CONFLICT_STATUS = frozenset({404, 409, 412})
_TABLE_MISSING = "TableNotFound"
_SENT_ONCE: dict[str, Any] = {"retry_read": 0, "retry_status": 0}
"""For conditional writes. What never reached the server is still sent again."""


class TransactionConflictError(ConflictError):
    """Nothing of the transaction was written. `index`: the operation that did not hold."""

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__(f"operation {index} of a transaction conflicts")


class Table:
    """A table by name. Safe for use by several threads."""

    def __init__(self, connection: StorageConnection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._lock = threading.Lock()
        self._made: TableClient | None = None

    def get(self, partition: str, key: str) -> Row | None:
        """One point read."""
        with storage_errors():
            try:
                return _row(self._client.get_entity(partition, key))
            except ResourceNotFoundError:
                return None

    def range(
        self,
        partition: str,
        start: str,
        end: str,
        *,
        select: Sequence[str] | None = None,
        limit: int | None = None,
        where: str | None = None,
    ) -> list[Row]:
        """Rows of a partition with `start` <= key < `end`, in key order, one request a thousand.

        `limit`: the first so many. `where`: a further OData condition, which the server checks row by row.
        """
        condition = (
            f"PartitionKey eq {quoted(partition)} and RowKey ge {quoted(start)} and RowKey lt {quoted(end)}"
        )
        if where:
            condition += f" and ({where})"
        queries = self._connection.shared(RowQueries)
        return list(islice(queries.rows(self._name, condition, select=select, limit=limit), limit))

    def scan(self, after: tuple[str, str] | None, limit: int) -> list[Row]:
        """At most `limit` (1,000) rows of all partitions, in the order of partition and key, behind a row's
        partition and key. Two requests, more where the service stops at a partition's end: one that asked
        for both with an `or` would read the table from its beginning each time (Microsoft: "Design Azure
        Table storage for queries")."""
        queries = self._connection.shared(RowQueries)
        partition, key = map(quoted, after or ("", ""))
        rows: list[Row] = []
        for condition in (f"PartitionKey eq {partition} and RowKey gt {key}", f"PartitionKey gt {partition}"):
            if len(rows) < limit and (after or condition.startswith("PartitionKey gt")):
                rows += islice(
                    queries.rows(self._name, condition, limit=limit - len(rows)), limit - len(rows)
                )
        return rows

    def insert(self, row: Row) -> str:
        """Writes a row that must be absent; its ETag. Raises `ConflictError`."""
        with _conflicts():
            return self._etag(self._creating(lambda: self._client.create_entity(_entity(row), **_SENT_ONCE)))

    def replace(self, row: Row, etag: str | None = None) -> str:
        """Writes the whole row; its ETag. Raises `ConflictError` where `etag` is given and no longer
        holds."""
        from azure.data.tables import UpdateMode

        entity = _entity(row)
        with _conflicts():
            if etag is None:
                return self._etag(
                    self._creating(lambda: self._client.upsert_entity(entity, mode=UpdateMode.REPLACE))
                )
            return self._etag(
                self._client.update_entity(
                    entity,
                    mode=UpdateMode.REPLACE,
                    etag=etag,
                    match_condition=MatchConditions.IfNotModified,
                    **_SENT_ONCE,
                )
            )

    def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Deletes a row; absent is fine. Raises `ConflictError` where `etag` is given and no longer holds."""
        condition = MatchConditions.IfNotModified if etag else MatchConditions.Unconditionally
        again = _SENT_ONCE if etag else {}
        with _conflicts():
            self._client.delete_entity(partition, key, etag=etag, match_condition=condition, **again)

    def transaction(self, operations: Sequence[Operation], *, repeatable: bool = False) -> tuple[str, ...]:
        """All or nothing, in one partition and one request (at most 100 rows); the ETags, empty for deletes.

        `repeatable`: the caller copes with a transaction that was made although its answer was lost.
        Raises `TransactionConflictError`.
        """
        with storage_errors():
            answer = self._pipeline.send(self._name, list(operations), repeatable=repeatable)
            if isinstance(answer, Failed) and answer.code == _TABLE_MISSING:
                self._create()
                answer = self._pipeline.send(self._name, list(operations), repeatable=repeatable)
        if isinstance(answer, Done):
            return answer.etags
        if answer.status in _CONFLICT_STATUS and answer.code != _TABLE_MISSING:
            raise TransactionConflictError(answer.index)
        raise by_status("Storage", answer.status, answer.code)

    @property
    def _pipeline(self) -> TransactionPipeline:
        return self._connection.shared(TransactionPipeline)

    @property
    def _client(self) -> TableClient:
        with self._lock:
            if self._made is None:
                self._made = self._connection.tables.get_table_client(self._name)
            return self._made

    def _creating(self, write: Callable[[], Answer]) -> Answer:
        try:
            return write()
        except HttpResponseError as error:
            if error_code(error) != _TABLE_MISSING:
                raise
        self._create()
        return write()

    def _create(self) -> None:
        self._connection.tables.create_table_if_not_exists(self._name)

    @staticmethod
    def _etag(answer: Mapping[str, Any]) -> str:
        return str(answer["etag"])


def quoted(text: str) -> str:
    """A string literal of an OData filter."""
    return "'" + text.replace("'", "''") + "'"


def key_range(prefix: str) -> tuple[str, str]:
    """Start and end of all keys that begin with `prefix`, which ends in `;`."""
    return prefix, prefix[:-1] + "<"


@contextmanager
def _conflicts() -> Iterator[None]:
    with storage_errors():
        try:
            yield
        except (ResourceExistsError, ResourceModifiedError) as error:
            raise ConflictError(error_code(error)) from error
        except HttpResponseError as error:
            if _conflicting(error):
                raise ConflictError(error_code(error)) from error
            raise


def _conflicting(error: HttpResponseError) -> bool:
    return error.status_code in _CONFLICT_STATUS and error_code(error) != _TABLE_MISSING


def _row(entity: Any) -> Row:
    values = {
        name: value
        for name, value in entity.items()
        if name not in ("PartitionKey", "RowKey", "Timestamp") and isinstance(value, str | int | bool | bytes)
    }
    return Row(entity["PartitionKey"], entity["RowKey"], values, str(entity.metadata.get("etag") or ""))


def _entity(row: Row) -> dict[str, Value]:
    return {"PartitionKey": row.partition, "RowKey": row.key, **row.values}
