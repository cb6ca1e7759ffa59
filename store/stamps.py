"""Stamps that move when something happens which others may have to know: rows of table `settings`, partition
`relink`.

`overwritten` moves whenever a mail's state is saved over an earlier one, between that save and its
projection: who saves a mail's first state and finds the stamp unmoved after projecting it knows that no newer
state was projected before. `begun` moves when a re-decision begins, before it looks for the mails that it
concerns: who decided a mail meanwhile decides again. Either costs two requests for a whole page of mails.
Dies before a stamp moves: what was to follow did not happen either, and is done again from its pending
row."""

from __future__ import annotations

import secrets

from store.connection import StorageConnection
from store.rows import Row
from store.table import Table

_PARTITION = "relink"
OVERWRITTEN, BEGUN = "overwritten", "begun"


class Stamp:
    """Part of `store.link_store`."""

    def __init__(self, connection: StorageConnection, key: str) -> None:
        self._table = Table(connection, "settings")
        self._key = key

    def read(self) -> str:
        """One point read; empty where it has never moved."""
        row = self._table.get(_PARTITION, self._key)
        return row.text("stamp") if row else ""

    def move(self) -> None:
        """One request."""
        self._table.replace(Row(_PARTITION, self._key, {"stamp": secrets.token_hex(16)}))
