"""Bounds what all invocations of a worker hold of messages at a time, so that a small instance holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class WorkerMemoryBudget:
    """`limit_bytes` for the whole worker. A request larger than that waits for everything else and goes
    alone."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, size_bytes: int) -> Iterator[None]:
        """Waits until `size_bytes` are free, holds them while the block runs."""
        wanted = min(size_bytes, self._limit)
        with self._changed:
            self._changed.wait_for(lambda: self._held + wanted <= self._limit)
            self._held += wanted
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()
