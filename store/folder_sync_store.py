"""Checkpoints of folders: table `foldersync`, a partition a mailbox, a row a folder.

A row is replaced whole under its ETag, so a crash leaves the old checkpoint or the new one. The sync state,
which can exceed 64 KiB, lies in properties of its own (`s0`, `s1`, ...) which the query for all folders
leaves out."""

from __future__ import annotations

import zlib
from dataclasses import replace

from domain.errors import AdminActionError
from domain.folder_sync import FolderSync
from domain.stored import Versioned
from store.chunks import BINARY_BYTES, TooLargeError, join_bytes, join_text, split_bytes, split_text
from store.connection import StorageConnection
from store.keys import item_hash, safe
from store.record_codec import Codec
from store.rows import Row, Value
from store.table import Table

_CODEC = Codec(FolderSync)
_MAX_PACKED_BYTES = 700_000
"""About 900 KB of base64; in base64 on the wire it stays below the 1 MiB that an entity may have."""
_HEAD_COLUMNS = ("d0", "d1", "d2", "d3")
_MAX_HEAD_BYTES = 100_000


class TableFolderSyncStore:
    """`domain.ports.FolderSyncStore` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, "foldersync")

    def read_all(self, mailbox_id: str) -> list[Versioned[FolderSync]]:
        """One query of one partition, sync states left out."""
        rows = self._table.range(safe(mailbox_id), "", "~", select=_HEAD_COLUMNS)
        return [Versioned(_head(row), row.etag) for row in rows]

    def read(self, mailbox_id: str, folder_id: str) -> Versioned[FolderSync] | None:
        """One point read."""
        row = self._table.get(safe(mailbox_id), item_hash(folder_id))
        if row is None:
            return None
        state = join_bytes(row.values, "s")
        if (packed := join_bytes(row.values, "z")) is not None:
            state = zlib.decompress(packed)
        sync = _head(row)
        return Versioned(replace(sync, sync_state=state.decode()) if state is not None else sync, row.etag)

    def save(self, sync: FolderSync, etag: str | None) -> Versioned[FolderSync]:
        """One write. Raises `AdminActionError` for a sync state beyond some 900 KB."""
        try:
            values = _values(sync)
        except TooLargeError as error:
            raise AdminActionError("StorageRefused", f"checkpoint: {error}") from error
        row = Row(safe(sync.mailbox_id), item_hash(sync.folder_id), values)
        return Versioned(sync, self._table.insert(row) if etag is None else self._table.replace(row, etag))

    def delete(self, mailbox_id: str, folder_id: str) -> None:
        """One delete."""
        self._table.delete(safe(mailbox_id), item_hash(folder_id))


def _values(sync: FolderSync) -> dict[str, Value]:
    head = _CODEC.to_text(replace(sync, sync_state=None))
    values: dict[str, Value] = {**split_text(head, "d", limit_bytes=_MAX_HEAD_BYTES)}
    if sync.sync_state is not None:
        state = sync.sync_state.encode()
        if len(state) <= BINARY_BYTES:
            values.update(split_bytes(state, "s"))
        else:
            values.update(split_bytes(zlib.compress(state, 1), "z", limit_bytes=_MAX_PACKED_BYTES))
    return values


def _head(row: Row) -> FolderSync:
    return _CODEC.from_text(join_text(row.values, "d"))
