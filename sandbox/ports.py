"""Finds TCP ports of 127.0.0.1 for a sandbox and holds them until its processes listen there.

Many sandboxes may start at once, as in tests. On Linux a held port is bound but not listened on, which keeps
others from picking it and still lets our processes, which all set SO_REUSEADDR, listen there. Elsewhere a
port is only looked at.
"""

import contextlib
import random
import socket
import sys

# Below what systems hand out for outgoing connections, so that they are free again at the next start.
PORT_RANGE = range(20_000, 32_000)
ATTEMPTS = 1000
HOST = "127.0.0.1"


class NoFreePortsError(RuntimeError):
    """All ports that were tried are in use."""


class PortHolder:
    """The ports that were found so far; `release` lets go of them."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()
        self._numbers: set[int] = set()

    def pick(self, count: int) -> list[int]:
        """As many free ports, none of which was found before. Raises NoFreePortsError."""
        found: list[int] = []
        for number in random.sample(PORT_RANGE, k=ATTEMPTS):
            # Without SO_REUSEADDR even a port that somebody only holds counts as taken.
            if number not in self._numbers and self._bind(number, share=False):
                found.append(number)
            if len(found) == count:
                return found
        raise NoFreePortsError(f"there are no free ports between {min(PORT_RANGE)} and {max(PORT_RANGE)}")

    def claim(self, number: int) -> bool:
        """Whether this port is free; if so it is held. Connections that are still being closed do no harm."""
        if number in self._numbers:
            return False
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, number))
                probe.listen(1)
            except OSError:
                return False
        return self._bind(number, share=True)

    def release(self) -> None:
        """Lets go of all ports."""
        self._held.close()

    def _bind(self, number: int, *, share: bool) -> bool:
        with contextlib.ExitStack() as undo:
            holder = undo.enter_context(socket.socket())
            if share:
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                holder.bind((HOST, number))
            except OSError:
                return False
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sys.platform == "linux":
                self._held.push(undo.pop_all())
        self._numbers.add(number)
        return True
