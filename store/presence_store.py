"""Who is answering which mail: table `presence`, a partition for each incident, a row for each person and
mail. Rows are replaced and removed without conditions: a crash leaves one that stops to count by itself.
"""

from __future__ import annotations

from datetime import datetime

from domain.drafts import Presence
from store.connection import StorageConnection
from store.keys import item_hash, safe
from store.record_codec import Codec
from store.rows import Row
from store.table import Table, key_range

_CODEC = Codec(Presence)
_PREFIX = "answering;"
_MAX_LISTED = 200


class TablePresenceStore:
    """`domain.drafts.PresenceStore` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, "presence")

    def note(self, incident_id: str, owner: str, presence: Presence) -> None:
        """One write."""
        key = _key(owner, presence.mail_id)
        self._table.replace(Row(safe(incident_id), key, {"d0": _CODEC.to_text(presence)}))

    def leave(self, incident_id: str, owner: str, mail_id: str) -> None:
        """One request."""
        self._table.delete(safe(incident_id), _key(owner, mail_id))

    def of_incident(self, incident_id: str, now: datetime) -> list[Presence]:
        """One query, and a request for each that nobody has taken back."""
        found = []
        for row in self._table.range(safe(incident_id), *key_range(_PREFIX), limit=_MAX_LISTED):
            presence = _CODEC.from_text(row.text("d0"))
            if presence.until > now:
                found.append(presence)
            else:
                self._table.delete(row.partition, row.key)
        return found


def _key(owner: str, mail_id: str) -> str:
    return f"{_PREFIX}{safe(mail_id)};{item_hash(owner)}"
