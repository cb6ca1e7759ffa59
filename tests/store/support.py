"""What store tests share: mails to store, a vault in memory, and a look at all rows there are."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline.transport import HttpTransport

from domain.errors import NotFoundError
from domain.links import LinkedMail, MailState
from domain.mail import Address, Direction, Evidence, Mail, Part
from domain.stored import Activity
from store.batches import transactions
from store.connection import StorageConnection, StoreSettings
from store.rows import Delete, Row
from store.table import Table
from store.transport import BoundedTransport
from store.triage import TriageList

NOW = datetime(2026, 3, 4, 5, 6, 7, 89000, tzinfo=UTC)
ACTIVITY = Activity(NOW, "ann@corp.example", None, "save", "thing", None, {"secretKey": "changed"})


def into_triage(connection: StorageConnection, mails: Sequence[Mail]) -> None:
    """As mails that were stored and not decided yet."""
    TriageList(connection).project([LinkedMail(mail, MailState(), "") for mail in mails])


class FakeVault:
    """`domain.ports.Secrets` in memory."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], str] = {}
        self.reads = 0

    def read(self, name: str, version: str) -> str:
        self.reads += 1
        try:
            return self.versions[name, version]
        except KeyError as error:
            raise NotFoundError(name) from error

    def write(self, name: str, value: str) -> str:
        version = f"v{len(self.versions) + 1}"
        self.versions[name, version] = value
        return version

    def disable(self, name: str, version: str) -> None:
        self.versions.pop((name, version), None)


def mail(number: int, mailbox: str = "default", **changes: Any) -> Mail:
    """The number-th mail of a mailbox, always the same."""
    fields: dict[str, Any] = {
        "id": f"{mailbox}.{sha256(f'{mailbox}{number}'.encode()).hexdigest()[:32]}",
        "mailbox_id": mailbox,
        "received_at": NOW - timedelta(minutes=number),
        "direction": Direction.INCOMING,
        "internet_message_id": f"<{number}@fin.example>",
        "conversation_id": f"conversation {number // 3}",
        "sender": Address("Ann (Fin)", "ann@fin.example"),
        "to": (Address("", "soc@corp.example"),),
        "subject": f"Mail {number}: ünïcode 日本",
        "sent_at": NOW - timedelta(minutes=number, seconds=3),
        "business_unit": "fin" if number % 2 else "hr",
        "evidence": Evidence(references=(f"{number - 1}@fin.example",), auth_as="Internal"),
        "parts": (Part(100, 200, charset="utf-8"), Part(300, 400, "image/png", filename="ä.png")),
        "text_part": 0,
        "raw_size_bytes": 700,
    }
    return Mail(**{**fields, **changes})


def empty(connection: StorageConnection) -> None:
    """No rows in any table, no blobs."""
    for table in connection.tables.list_tables():
        client = connection.tables.get_table_client(table.name)
        rows = client.list_entities(select=["PartitionKey", "RowKey"])
        deletes = [Delete(Row(row["PartitionKey"], row["RowKey"])) for row in rows]
        for batch in transactions(deletes):
            Table(connection, table.name).transaction(batch)
    for name in ("mails", "outbox"):
        with contextlib.suppress(ResourceNotFoundError):
            container = connection.container(name)
            for blob in container.list_blobs():
                container.delete_blob(blob.name)


def all_rows(connection: StorageConnection) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Every row of every table, without the server's own time stamps, and without those stamps that say only
    that something happened."""
    rows = {}
    for table in connection.tables.list_tables():
        for entity in connection.tables.get_table_client(table.name).list_entities():
            values = dict(entity)
            if values["PartitionKey"] == "relink" and "stamp" in values:
                continue
            rows[table.name, values.pop("PartitionKey"), values.pop("RowKey")] = values
    return rows


def all_blobs(connection: StorageConnection) -> dict[str, tuple[bytes, dict[str, str] | None]]:
    """Every raw message: content and metadata."""
    container = connection.container("mails")
    if not container.exists():
        return {}
    return {
        blob.name: (container.download_blob(blob.name).readall(), blob.metadata)
        for blob in container.list_blobs(include=["metadata"])
    }


class DiedError(Exception):
    """The worker process ended: no further request is made."""


class WatchedTransport(HttpTransport[Any, Any]):
    """Counts requests, and lets the process die at one of them: before it is sent, or before its answer is
    used."""

    def __init__(self, *, die_at: int | None = None, after_it_was_made: bool = False) -> None:
        self.requests: list[str] = []
        self._inner = BoundedTransport(8)
        self._die_at = die_at
        self._after = after_it_was_made
        self._lock = threading.Lock()
        self._is_dead = False

    def send(self, request: Any, **kwargs: Any) -> Any:
        with self._lock:
            if self._is_dead:
                raise DiedError
            self.requests.append(f"{request.method} {request.url.partition('devstoreaccount1')[2]}")
            dies = len(self.requests) == self._die_at
            self._is_dead = dies
        if dies and not self._after:
            raise DiedError
        response = self._inner.send(request, **kwargs)
        if dies:
            raise DiedError
        return response

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> WatchedTransport:
        return self

    def __exit__(self, *args: Any) -> None: ...


def watched(settings: StoreSettings, **options: Any) -> tuple[StorageConnection, WatchedTransport]:
    """A connection and the transport that watches it."""
    transport = WatchedTransport(**options)
    return StorageConnection(settings, lambda: transport), transport
