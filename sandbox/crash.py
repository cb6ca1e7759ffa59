"""Kills a worker after its N-th outgoing call, before it can use the answer: what `crash --after N` does.

The rule lives in memory and fires once.
"""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

GONE_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Crash:
    """One crash that happened: which process died, after which call, when (seconds since the epoch)."""

    pid: int
    part: str
    operation: str
    at: float


@dataclass(slots=True)
class CrashRule:
    """Counts the calls that worker processes make, while armed. `remaining` is None when it is not."""

    workers_file: Path
    remaining: int | None = None
    happened: list[Crash] = field(default_factory=list)

    def arm(self, after: int) -> None:
        """The worker that makes the `after`-th call from now on dies of it."""
        self.remaining = after

    def disarm(self) -> None:
        """Takes the rule back."""
        self.remaining = None

    def count_call(self, transport: asyncio.BaseTransport | None) -> int | None:
        """Counts a call that came over a connection, if a worker made it; the worker's pid when this was the
        one it dies of.
        """
        if self.remaining is None:
            return None
        pid = self._caller(transport)
        if pid is None:
            return None
        self.remaining -= 1
        if self.remaining > 0:
            return None
        self.remaining = None
        return pid

    async def kill(self, pid: int, part: str, operation: str) -> None:
        """Ends the worker with SIGKILL and waits until it is gone."""
        with contextlib.suppress(psutil.NoSuchProcess):  # it went by itself in the meantime
            worker = psutil.Process(pid)
            worker.kill()
            deadline = time.monotonic() + GONE_LIMIT_S
            while time.monotonic() < deadline and worker.status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(0.01)
        self.happened.append(Crash(pid, part, operation, time.time()))

    def _caller(self, transport: asyncio.BaseTransport | None) -> int | None:
        peer = transport.get_extra_info("peername") if transport else None
        if not peer:
            return None
        for pid in self._worker_pids():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # died by now
                for connection in psutil.Process(pid).net_connections(kind="tcp"):
                    if connection.laddr.port == peer[1]:
                        return pid
        return None

    def _worker_pids(self) -> list[int]:
        try:
            return [int(worker["pid"]) for worker in json.loads(self.workers_file.read_bytes())]
        except FileNotFoundError:  # no worker has started yet
            return []
