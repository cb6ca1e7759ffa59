"""Bounds what may take forever (a resolver, a handshake, a vault that is away) in wall-clock time.

A call that takes too long is left to itself in a daemon thread, which ends with its own time limits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from domain.errors import RetryLaterError

T = TypeVar("T")


class TimeLimit:
    """`total_seconds` from its making on, for all calls together."""

    def __init__(self, total_seconds: float) -> None:
        self._until = time.monotonic() + total_seconds

    def left(self, at_most: float) -> float:
        """Seconds that one call may take; never 0, which would mean no limit to sockets."""
        return max(0.05, min(at_most, self._until - time.monotonic()))

    def within(self, at_most: float, code: str, call: Callable[[], T]) -> T:
        """What `call` returns or raises, or `RetryLaterError(code)` when the time is over."""
        seconds = self.left(at_most)
        done: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                done.append(call())
            except BaseException as error:  # handed to the caller's thread, whatever it is
                failed.append(error)

        thread = threading.Thread(target=run, name="time-limited", daemon=True)
        thread.start()
        thread.join(seconds)
        if failed:
            raise failed[0]
        if not done:
            raise RetryLaterError(code, f"no answer within {seconds:.0f} s")
        return done[0]
