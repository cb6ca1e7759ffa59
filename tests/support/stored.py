"""What the app has stored, read and put back behind its back: tables, blobs and queues of a running sandbox.

Speaks to Azurite itself and not to the proxy before it, so nothing of this counts as a call of the app's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient

from tests.support.azurite import Ports, connection_string

QUEUES = ("mailbox-sync", "folder-sync")
_CONTAINER = "mails"
_BATCH_ROWS = 100
_CONFIGURATION = ("mailboxes", "due", "businessunits", "buaddresses", "settings", "pending")

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, str], Row]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows by table and key; each blob's bytes and metadata by name."""

    tables: Rows
    blobs: dict[str, tuple[bytes, Mapping[str, str]]]

    def without_mails(self) -> Snapshot:
        """The configuration alone, as if nothing had been synced yet."""
        return Snapshot({name: rows for name, rows in self.tables.items() if name in _CONFIGURATION}, {})


class Storage:
    """The storage account of one sandbox, as its owner sees it."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        """`state`: the sandbox's own description of itself."""
        ports = state["ports"]
        self.connection_string = connection_string(
            Ports(ports["azurite_blob"], ports["azurite_queue"], ports["azurite_table"])
        )
        self.tables = TableServiceClient.from_connection_string(self.connection_string)
        self.queues = QueueServiceClient.from_connection_string(self.connection_string)
        self._blobs = BlobServiceClient.from_connection_string(self.connection_string)

    def snapshot(self) -> Snapshot:
        """All rows and blobs."""
        tables = {table.name: self.rows(table.name) for table in self.tables.list_tables()}
        return Snapshot(tables, self._read_blobs())

    def rows(self, table: str) -> dict[tuple[str, str], Row]:
        """All rows of a table by partition and row key."""
        entities = self.tables.get_table_client(table).list_entities()
        return {(one["PartitionKey"], one["RowKey"]): dict(one) for one in entities}

    def restore(self, snapshot: Snapshot) -> None:
        """Makes storage hold just this, and no message."""
        self.clear_queues()
        for table in {one.name for one in self.tables.list_tables()} | snapshot.tables.keys():
            wanted = snapshot.tables.get(table, {})
            there = self.rows(table)
            self._write(table, [("delete", row) for key, row in there.items() if key not in wanted])
            self._write(table, [("upsert", row, {"mode": "replace"}) for row in wanted.values()])
        for name in set(self._blob_names()) - snapshot.blobs.keys():
            self._container().delete_blob(name)
        for name, (content, metadata) in snapshot.blobs.items():
            self._container().upload_blob(name, content, overwrite=True, metadata=dict(metadata))

    def create_table(self, table: str) -> None:
        """The app makes tables at their first write."""
        self.tables.create_table_if_not_exists(table)

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Writes rows, whatever was there."""
        self._write(table, [("upsert", row, {"mode": "replace"}) for row in rows])

    def send(self, queue: str, message: Mapping[str, object] | bytes) -> None:
        """Puts a message into a queue as the host expects it, base64."""
        content = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.queues.get_queue_client(queue).send_message(base64.b64encode(content).decode())

    def messages(self, queue: str) -> int:
        """How many messages a queue holds, those being worked on included; 0 where it does not exist."""
        try:
            count = self.queues.get_queue_client(queue).get_queue_properties().approximate_message_count
        except ResourceNotFoundError:
            return 0
        return int(count or 0)

    def clear_queues(self) -> None:
        """Every message of every queue is lost."""
        for queue in self.queues.list_queues():
            self.queues.get_queue_client(queue.name).clear_messages()

    def is_idle(self) -> bool:
        """No message waits or is being worked on."""
        return not any(self.messages(queue) for queue in QUEUES)

    def _write(self, table: str, operations: Sequence[tuple[Any, ...]]) -> None:
        client = self.tables.get_table_client(table)
        by_partition: dict[str, list[tuple[Any, ...]]] = {}
        for operation in operations:
            by_partition.setdefault(operation[1]["PartitionKey"], []).append(operation)
        for batch in by_partition.values():
            for begin in range(0, len(batch), _BATCH_ROWS):
                client.submit_transaction(batch[begin : begin + _BATCH_ROWS])

    def _container(self) -> ContainerClient:
        return self._blobs.get_container_client(_CONTAINER)

    def _blob_names(self) -> list[str]:
        try:
            return list(self._container().list_blob_names())
        except ResourceNotFoundError:
            return []

    def _read_blobs(self) -> dict[str, tuple[bytes, Mapping[str, str]]]:
        try:
            return {
                blob.name: (
                    self._container().download_blob(blob.name).readall(),
                    dict(blob.metadata or {}),
                )
                for blob in self._container().list_blobs(include=["metadata"])
            }
        except ResourceNotFoundError:
            return {}
