"""Mails' rows that this worker has inserted and not looked at since: a page that was stored is linked without
reading its rows again.

In memory alone; a worker that dies loses nothing but the saving."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from domain.links import LinkedMail
from store.connection import StorageConnection

_MOST, _SECONDS = 1_000, 60


class InsertedRows:
    """Shared by the stores of a connection; safe for several threads."""

    def __init__(self, connection: StorageConnection) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[float, LinkedMail]] = {}

    def add(self, rows: Iterable[LinkedMail]) -> None:
        """Beyond a thousand the oldest are forgotten."""
        until = time.monotonic() + _SECONDS
        with self._lock:
            for row in rows:
                self._rows[row.mail.id] = until, row
            while len(self._rows) > _MOST:
                del self._rows[next(iter(self._rows))]

    def take(self, mail_ids: Iterable[str]) -> dict[str, LinkedMail]:
        """Each once, within a minute."""
        now = time.monotonic()
        with self._lock:
            taken = {mail_id: self._rows.pop(mail_id) for mail_id in mail_ids if mail_id in self._rows}
        return {mail_id: row for mail_id, (until, row) in taken.items() if now < until}
