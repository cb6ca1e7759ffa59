"""What store tests share: mails to store, a vault in memory, and a look at all rows there are."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from domain.errors import NotFoundError
from domain.mail import Address, Direction, Evidence, Mail, Part
from domain.ports import Activity
from store.connection import StorageConnection

NOW = datetime(2026, 3, 4, 5, 6, 7, 89000, tzinfo=UTC)
ACTIVITY = Activity(NOW, "ann@corp.example", None, "save", "thing", None, {"secretKey": "changed"})


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
        "subject": f"Mail {number} – ünïcode 日本",
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
        for entity in client.list_entities(select=["PartitionKey", "RowKey"]):
            client.delete_entity(entity["PartitionKey"], entity["RowKey"])
    with contextlib.suppress(ResourceNotFoundError):
        container = connection.container("mails")
        for blob in container.list_blobs():
            container.delete_blob(blob.name)


def all_rows(connection: StorageConnection) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Every row of every table, without the server's own time stamps."""
    rows = {}
    for table in connection.tables.list_tables():
        for entity in connection.tables.get_table_client(table.name).list_entities():
            values = dict(entity)
            rows[table.name, values.pop("PartitionKey"), values.pop("RowKey")] = values
    return rows
