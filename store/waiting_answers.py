"""Answers to messages that are not known yet: table `waiting`, a row for each name that an answer names.

Keys and values hold keyed hashes and the item's id, nothing readable. Rows never change; a crash leaves some
of an answer's rows, and a repeated write or delete ends in all or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.errors import ConflictError
from domain.stored import WaitingAnswer
from store.batches import transactions, write_all
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.keys import item_hash
from store.record_codec import Codec, parse_time, time_text
from store.rows import Delete, Operation, Replace, Row
from store.table import Table, key_range, quoted

_PARTITION = "waiting"
_CODEC = Codec(WaitingAnswer)
_ONE_QUERY = 1000


class WaitingAnswers:
    """Part of `domain.ports.MailStore`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "waiting")

    def put(self, answers: Sequence[WaitingAnswer]) -> None:
        """One transaction for each hundred names."""
        write_all(
            self._connection, self._table, [Replace(row) for answer in answers for row in _rows(answer)]
        )

    def waiting_for(self, hashes: Sequence[str], now: datetime) -> list[WaitingAnswer]:
        """One query where at most 1,000 rows wait in all, else one for each hash; and a point read each
        found."""
        asked = dict.fromkeys(hashes)
        if not asked:
            return []
        rows = self._table.range(_PARTITION, "", "~", select=("expiresAt",), limit=_ONE_QUERY + 1)
        if len(rows) > _ONE_QUERY:
            found = self._connection.parallel(self._named, asked)
            rows = [row for part in found for row in part]
        keys = [
            row.key
            for row in rows
            if row.key.partition(";")[0] in asked and parse_time(row.text("expiresAt")) > now
        ]
        whole = self._connection.parallel(lambda key: self._table.get(_PARTITION, key), _one_each(keys))
        return [_CODEC.from_text(join_text(row.values, "d")) for row in whole if row is not None]

    def delete(self, answer: WaitingAnswer) -> None:
        """One transaction; where a row is absent already, one request a row."""
        rows = _rows(answer)
        deletes: list[Operation] = [Delete(row) for row in rows]
        try:
            for batch in transactions(deletes):
                self._table.transaction(batch)
        except ConflictError:
            self._connection.parallel(lambda row: self._table.delete(row.partition, row.key), rows)

    def purge(self, now: datetime) -> int:
        """Reads the partition with a filter on the time, a thousand rows a page, deletes what it finds."""
        where = f"expiresAt lt {quoted(time_text(now))}"
        rows = self._table.range(_PARTITION, "", "~", select=("expiresAt",), where=where)
        self._connection.parallel(lambda row: self._table.delete(row.partition, row.key), rows)
        return len(rows)

    def _named(self, digest: str) -> list[Row]:
        return self._table.range(_PARTITION, *key_range(f"{digest};"), select=("expiresAt",))


def _rows(answer: WaitingAnswer) -> list[Row]:
    item = item_hash(f"{answer.mailbox_id};{answer.item_id}")
    values = {"expiresAt": time_text(answer.expires_at), **split_text(_CODEC.to_text(answer), "d")}
    return [Row(_PARTITION, f"{digest};{item}", values) for digest in dict.fromkeys(answer.named)]


def _one_each(keys: list[str]) -> list[str]:
    """One key for each waiting item, though it names several of the hashes."""
    return list({key.partition(";")[2]: key for key in keys}.values())
