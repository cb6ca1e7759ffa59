"""Where an item of the server ended up here: table `places`, a partition a folder, keyed by a digest of the
item id.

Rows are merged, so that writing a place again does not forget that the item was removed. A crash leaves some
of the rows, and a repeated write ends in all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.stored import ItemPlace
from store.batches import write_all
from store.connection import StorageConnection
from store.keys import item_hash, safe
from store.record_codec import time_text
from store.rows import Merge, Row
from store.table import Table

_ONE_QUERY = 1000
_FEW = 4


class ItemPlaces:
    """Part of `domain.ports.MailStore`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "places")

    def put(self, mailbox_id: str, places: Sequence[ItemPlace]) -> None:
        """One transaction for each hundred items of a folder."""
        writes = [Merge(_row(mailbox_id, place)) for place in places]
        write_all(self._connection, self._table, writes)

    def read(self, mailbox_id: str, folder_id: str, item_id: str) -> ItemPlace | None:
        """One point read."""
        row = self._table.get(_partition(mailbox_id, folder_id), item_hash(item_id))
        return ItemPlace(row.text("folderId"), row.text("itemId"), row.text("mailId")) if row else None

    def note_removed(self, mailbox_id: str, folder_id: str, item_ids: Sequence[str], at: datetime) -> int:
        """A query where the folder holds at most 1,000 of our items, else a point read an item; then one
        transaction for each hundred that are ours. The first removal's time stays, so that a repetition
        changes nothing."""
        partition = _partition(mailbox_id, folder_id)
        wanted = list(dict.fromkeys(item_hash(item_id) for item_id in item_ids))
        ours = [row for row in self._rows(partition, wanted) if row is not None]
        removed = {"removedAt": time_text(at)}
        writes = [Merge(Row(partition, row.key, removed)) for row in ours if not row.text("removedAt")]
        write_all(self._connection, self._table, writes)
        return len(ours)

    def _rows(self, partition: str, keys: list[str]) -> list[Row | None]:
        if len(keys) > _FEW:
            rows = self._table.range(partition, "", "~", select=("removedAt",), limit=_ONE_QUERY + 1)
            if len(rows) <= _ONE_QUERY:
                by_key = {row.key: row for row in rows}
                return [by_key.get(key) for key in keys]
        return self._connection.parallel(lambda key: self._table.get(partition, key), keys)


def _partition(mailbox_id: str, folder_id: str) -> str:
    return f"{safe(mailbox_id)};{item_hash(folder_id)}"


def _row(mailbox_id: str, place: ItemPlace) -> Row:
    values = {"folderId": place.folder_id, "itemId": place.item_id, "mailId": place.mail_id}
    return Row(_partition(mailbox_id, place.folder_id), item_hash(place.item_id), values)
