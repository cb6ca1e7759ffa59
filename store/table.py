"""One table: point reads, key ranges and transactions, with rows as plain values.

A table that is missing is created when a write finds it missing, so that a poll that changes nothing pays
nothing; a read of a missing table finds nothing. A crash leaves a transaction whole or not there at all. A
conditional write whose answer is lost is not sent again by itself: its second try would look like somebody
else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from store.errors import error_code, storage_errors

if TYPE_CHECKING:
    from azure.data.tables import TableClient

Value = str | int | bool | bytes
Answer = TypeVar("Answer")

_CONFLICT_STATUS = frozenset({404, 409, 412})
MAX_OPERATIONS = 100
MAX_TRANSACTION_BYTES = 3_500_000
"""Of the 4 MiB that a transaction may have, its framing included."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entity. `values` holds strings, integers of 32 bits, truth values and bytes only."""

    partition: str
    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    etag: str = ""

    def text(self, name: str) -> str:
        """A text property, empty where it is missing."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Insert:
    """Conflicts where the row is there."""

    row: Row


@dataclass(frozen=True, slots=True)
class Replace:
    """Writes the whole row; `etag` None: whether or not it is there, else conflicts unless it is still that
    one."""

    row: Row
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """Writes these values whether or not the row is there; its other values stay."""

    row: Row


@dataclass(frozen=True, slots=True)
class Delete:
    """Conflicts where the row is absent, or `etag` (unless None) no longer its own."""

    row: Row
    etag: str | None = None


Operation = Insert | Replace | Merge | Delete


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
        names = ["PartitionKey", "RowKey", "Timestamp", *select] if select is not None else None
        with storage_errors():
            try:
                found = self._client.query_entities(
                    condition, select=names, results_per_page=min(limit, 1000) if limit else None
                )
                rows = []
                for entity in found:
                    rows.append(_row(entity))
                    if limit is not None and len(rows) >= limit:
                        break
                return rows
            except ResourceNotFoundError:
                return []

    def insert(self, row: Row) -> str:
        """Writes a row that must be absent; its ETag. Raises `ConflictError`."""
        with _conflicts():
            return self._etag(self._creating(lambda: self._client.create_entity(_entity(row))))

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
                    retry_read=0,
                )
            )

    def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Deletes a row; absent is fine. Raises `ConflictError` where `etag` is given and no longer holds."""
        condition = MatchConditions.IfNotModified if etag else MatchConditions.Unconditionally
        with _conflicts():
            self._client.delete_entity(partition, key, etag=etag, match_condition=condition)

    def transaction(self, operations: Sequence[Operation]) -> list[str]:
        """All or nothing, in one partition and one request (at most 100 rows); the ETags, empty for deletes.

        Raises `TransactionConflictError`.
        """
        wire = [_operation(operation) for operation in operations]
        with storage_errors():
            try:
                answers = self._creating(lambda: self._client.submit_transaction(wire))
            except HttpResponseError as error:
                if _conflicting(error):
                    raise TransactionConflictError(getattr(error, "index", 0)) from error
                raise
        return [str(answer.get("etag") or "") for answer in answers]

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
            if error_code(error) != "TableNotFound":
                raise
        self._connection.tables.create_table_if_not_exists(self._name)
        return write()

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
    return error.status_code in _CONFLICT_STATUS and error_code(error) != "TableNotFound"


def _row(entity: Any) -> Row:
    values = {
        name: value
        for name, value in entity.items()
        if name not in ("PartitionKey", "RowKey", "Timestamp") and isinstance(value, str | int | bool | bytes)
    }
    return Row(entity["PartitionKey"], entity["RowKey"], values, str(entity.metadata.get("etag") or ""))


def _entity(row: Row) -> dict[str, Value]:
    return {"PartitionKey": row.partition, "RowKey": row.key, **row.values}


def _operation(operation: Operation) -> tuple[str, dict[str, Value], dict[str, Any]]:
    from azure.data.tables import UpdateMode

    entity = _entity(operation.row)
    match operation:
        case Insert():
            return "create", entity, {}
        case Replace(etag=None):
            return "upsert", entity, {"mode": UpdateMode.REPLACE}
        case Replace(etag=etag):
            condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
            return "update", entity, {"mode": UpdateMode.REPLACE, **condition}
        case Merge():
            return "upsert", entity, {"mode": UpdateMode.MERGE}
        case Delete(etag=None):
            return "delete", entity, {}
        case Delete(etag=etag):
            return "delete", entity, {"etag": etag, "match_condition": MatchConditions.IfNotModified}
