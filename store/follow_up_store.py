"""Follow-ups that are due later: table `followups`, one partition, a row `{time};{hash}` each.

Rows are written before what they follow and removed after what they ask for, without conditions: a crash
leaves one that is looked at again.
"""

from __future__ import annotations

import json
from datetime import datetime

from domain.follow_ups import FollowUp
from store.connection import StorageConnection
from store.keys import item_hash, key_time
from store.record_codec import Codec
from store.rows import Row
from store.table import Table

_PARTITION = "followups"
_CODEC = Codec(FollowUp)


class TableFollowUpStore:
    """`domain.follow_ups.FollowUpStore` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, "followups")

    def put(self, follow_up: FollowUp) -> None:
        """One write."""
        self._table.replace(Row(_PARTITION, _key(follow_up), {"d0": _CODEC.to_text(follow_up)}))

    def done(self, follow_up: FollowUp) -> None:
        """One request."""
        self._table.delete(_PARTITION, _key(follow_up))

    def due(self, now: datetime, limit: int) -> list[FollowUp]:
        """One query up to `now`."""
        rows = self._table.range(_PARTITION, "", f"{key_time(now)}<", limit=limit)
        return [_CODEC.from_text(row.text("d0")) for row in rows]


def _key(follow_up: FollowUp) -> str:
    what = json.dumps([follow_up.incident_id, follow_up.business_unit, follow_up.number])
    return f"{key_time(follow_up.due_at)};{item_hash(what)}"
