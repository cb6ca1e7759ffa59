"""Drafts of replies: table `drafts`, a partition for each incident, a row `draft;{owner};{draft}` each.

Rows change under their ETag; a crash leaves the old draft or the new one. Files lie in blobs and are written
before the row that names them: what a crash leaves there is named by nothing and does no harm.
"""

from __future__ import annotations

from domain.drafts import DraftTooLargeError, ReplyDraft
from domain.stored import Versioned
from store.chunks import TooLargeError, join_text, split_text
from store.connection import StorageConnection
from store.keys import item_hash, safe
from store.record_codec import Codec
from store.rows import Row
from store.table import Table, key_range

_CODEC = Codec(ReplyDraft)
_MAX_LISTED = 100


class TableDraftStore:
    """`domain.drafts.DraftStore` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, "drafts")

    def read(self, incident_id: str, owner: str, draft_id: str) -> Versioned[ReplyDraft] | None:
        """One point read."""
        row = self._table.get(safe(incident_id), _key(owner, draft_id))
        return Versioned(_CODEC.from_text(join_text(row.values, "d")), row.etag) if row else None

    def save(self, draft: ReplyDraft, etag: str | None) -> Versioned[ReplyDraft]:
        """One write."""
        try:
            values = split_text(_CODEC.to_text(draft), "d")
        except TooLargeError as error:
            raise DraftTooLargeError(str(error)) from error
        row = Row(safe(draft.incident_id), _key(draft.owner, draft.id), dict(values))
        written = self._table.insert(row) if etag is None else self._table.replace(row, etag)
        return Versioned(draft, written)

    def delete(self, draft: ReplyDraft) -> None:
        """One request."""
        self._table.delete(safe(draft.incident_id), _key(draft.owner, draft.id))

    def of_owner(self, incident_id: str, owner: str) -> list[ReplyDraft]:
        """One query."""
        start, end = key_range(f"draft;{item_hash(owner)};")
        rows = self._table.range(safe(incident_id), start, end, limit=_MAX_LISTED)
        return [_CODEC.from_text(join_text(row.values, "d")) for row in rows]


def _key(owner: str, draft_id: str) -> str:
    return f"draft;{item_hash(owner)};{safe(draft_id)}"
