"""Concurrent connections of one mailbox, as Exchange limits them (Microsoft: "EWSMaxConcurrency")."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sandbox.exchange.errors import RequestError

MAX_CONNECTIONS = 27


@dataclass(slots=True)
class Throttle:
    """Counts requests that are being answered, by mailbox. Used on one event loop only."""

    max_connections: int = MAX_CONNECTIONS
    _active: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def connection(self, mailbox: str) -> Iterator[None]:
        """Hold one of the mailbox's connections. Raises RequestError(ErrorExceededConnectionCount) over the
        limit.
        """
        if self._active[mailbox] >= self.max_connections:
            raise RequestError("ErrorExceededConnectionCount")
        self._active[mailbox] += 1
        try:
            yield
        finally:
            self._active[mailbox] -= 1
            if not self._active[mailbox]:
                del self._active[mailbox]
