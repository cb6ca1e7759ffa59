"""Exports: their state in table `exports`, a partition an incident, and their archives in the container
`exports`.

An archive appears whole, by the request that names its blocks. A crash before it leaves blocks that belong
to no blob, which Azure drops after a week, and notes that go with the export."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceNotFoundError

from domain.errors import NotFoundError
from domain.exports import ExportState
from domain.stored import Versioned
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.errors import storage_errors
from store.keys import safe
from store.raw_blobs import RawBlobs
from store.record_codec import Codec
from store.rows import Insert, Operation, Replace, Row
from store.table import Table

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

CONTAINER = "exports"
_CODEC = Codec(ExportState)
_MAX_FORGOTTEN = 100


class TableExportStore:
    """`domain.exports.ExportStore` on Table and Blob Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "exports")
        self._blobs = RawBlobs(connection, CONTAINER)

    def read(self, incident_id: str, export_id: str) -> Versioned[ExportState] | None:
        """One point read."""
        row = self._table.get(safe(incident_id), safe(export_id))
        return Versioned(_CODEC.from_text(join_text(row.values, "d")), row.etag) if row else None

    def save(self, state: ExportState, etag: str | None) -> Versioned[ExportState]:
        """One conditional write."""
        values = dict(split_text(_CODEC.to_text(state), "d"))
        row = Row(safe(state.incident_id), safe(state.id), values)
        write: Operation = Insert(row) if etag is None else Replace(row, etag)
        return Versioned(state, self._table.transaction([write])[0])

    def stage(self, state: ExportState, content: bytes) -> str:
        """One request."""
        block_id = uuid.uuid4().hex
        self._blobs.put_block(_archive(state), block_id, content)
        return block_id

    def put_note(self, state: ExportState, name: str, content: bytes) -> None:
        """One request."""
        self._blobs.put(_note(state, name), content, hashlib.sha256(content).hexdigest())

    def read_note(self, state: ExportState, name: str) -> bytes:
        """One request for each 4 MiB or so."""
        with storage_errors(), _missing(name):
            content: bytes = self._client(_note(state, name)).download_blob().readall()
        return content

    def commit(self, state: ExportState, blocks: Sequence[str], digest: str) -> int:
        """Two requests."""
        self._blobs.put_block_list(_archive(state), blocks, digest)
        described = self._blobs.describe(_archive(state))
        if described is None:
            raise NotFoundError(state.id)
        return described.size_bytes

    def read_archive(self, state: ExportState, offset: int, length: int) -> bytes:
        """One request for each 4 MiB or so."""
        with storage_errors(), _missing(state.id):
            client = self._client(_archive(state))
            content: bytes = client.download_blob(offset=offset, length=length).readall()
        return content

    def forget(self, incident_id: str, before: datetime) -> None:
        """Blobs first, so that a crash leaves the row that leads to them; at most 100 exports."""
        rows = self._table.range(safe(incident_id), "", "~", limit=_MAX_FORGOTTEN)
        for row in rows:
            state = _CODEC.from_text(join_text(row.values, "d"))
            if state.requested_at < before:
                for name in (_archive(state), *(_note(state, step) for step in state.steps)):
                    with storage_errors(), contextlib.suppress(ResourceNotFoundError):
                        self._client(name).delete_blob()
                self._table.delete(row.partition, row.key)

    def _client(self, name: str) -> BlobClient:
        return self._connection.container(CONTAINER).get_blob_client(name)


def _folder(state: ExportState) -> str:
    incident = hashlib.sha256(state.incident_id.encode("utf-8", "replace")).hexdigest()[:32]
    return f"{incident}/{state.id}"


def _archive(state: ExportState) -> str:
    return f"{_folder(state)}.zip"


def _note(state: ExportState, name: str) -> str:
    return f"{_folder(state)}/{name}.json"


@contextlib.contextmanager
def _missing(what: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        raise NotFoundError(what) from error
