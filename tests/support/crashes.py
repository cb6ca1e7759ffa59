"""Kills the worker after every single outgoing call of a sync and compares what is stored in the end with an
undisturbed run.

Each run begins with the same rows and blobs, the same mailbox and a fresh worker. What is compared is all
that a sync writes, but for the times at which it wrote.
"""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from sandbox.control.client import ControlClient
from sandbox.state import load
from tests.support.polling import Polling
from tests.support.stored import Row, Snapshot

COMPARED = ("mails", "references", "places", "triage", "waiting", "foldersync")
_TIMES = {
    "foldersync": ("window_from", "walk_started_at", "synced_at"),
    "places": ("removedAt",),
    "waiting": ("expiresAt", "expires_at"),
}
"""Properties, and fields of `d0`, that say when it was written: another run writes another time."""


class CrashRuns:
    """Runs of one sync from one beginning."""

    def __init__(self, polling: Polling, begin: Snapshot) -> None:
        self._polling = polling
        self._begin = begin
        self._control = ControlClient(load(polling.sandbox.data))

    def undisturbed(self) -> tuple[Snapshot, int]:
        """What is stored in the end, and how many calls the worker made on the way."""
        self._start_over()
        self._control.run("calls", reset=True)
        self._polling.settle()
        calls = self._control.run("calls", reset=True)
        return self._polling.storage.snapshot(), sum(sum(part.values()) for part in calls.values())

    def differences_after_each(self, expected: Snapshot, calls: int) -> list[str]:
        """What is stored otherwise than undisturbed, for a worker that died after each of its calls."""
        lines = []
        for after in range(1, calls + 1):
            call, found = self.crashed(after)
            lines += [f"killed after {call}: {line}" for line in differences(expected, found)]
            if call is None:
                # A poll within seconds of a change asks once more; later runs lack those last calls.
                assert after > calls * 0.8, f"no worker died after {after} of {calls} calls"
                break
        return lines

    def crashed(self, after: int) -> tuple[str | None, Snapshot]:
        """The call that the worker died of (None: it made fewer), and what is stored in the end."""
        self._start_over()
        before = len(self._happened())
        self._control.run("crash", after=after, disarm=False)
        self._polling.settle()
        self._control.run("crash", after=None, disarm=True)
        found = self._polling.storage.snapshot()
        if len(happened := self._happened()) == before:
            return None, found
        return f"call {after}, {happened[-1]['part']} {happened[-1]['operation']}", found

    def _start_over(self) -> None:
        """A fresh worker, which has no tokens, keys or connections yet, as one that starts after a crash."""
        for pid in self._polling.workers():
            os.kill(pid, signal.SIGKILL)
        self._polling.storage.restore(self._begin)
        self._polling.wait_for_worker()

    def _happened(self) -> list[dict[str, Any]]:
        return list(self._control.run("crash", after=None, disarm=False)["happened"])


def differences(expected: Snapshot, found: Snapshot) -> list[str]:
    """What differs, a line each; nothing where both hold the same."""
    lines = []
    for table in COMPARED:
        there, here = _comparable(table, expected), _comparable(table, found)
        lines += [f"{table} {key} is missing" for key in there.keys() - here.keys()]
        lines += [f"{table} {key} is there and should not" for key in here.keys() - there.keys()]
        lines += [
            f"{table} {key}: {here[key]} instead of {there[key]}"
            for key in there.keys() & here.keys()
            if there[key] != here[key]
        ]
    if expected.blobs != found.blobs:
        lines.append(f"blobs {sorted(found.blobs)} instead of {sorted(expected.blobs)}, or other bytes")
    return lines


def _comparable(table: str, snapshot: Snapshot) -> dict[tuple[str, str], Row]:
    return {key: _timeless(table, row) for key, row in snapshot.tables.get(table, {}).items()}


def _timeless(table: str, row: Row) -> Row:
    times = _TIMES.get(table, ())
    without = {name: value for name, value in row.items() if name not in times}
    if table == "mails" and "s0" in row:
        state = json.loads(row["s0"])
        state["history"] = [{**change, "at": None} for change in state.get("history", [])]
        without["s0"] = state
    if times and "d0" in row:
        without["d0"] = {name: value for name, value in json.loads(row["d0"]).items() if name not in times}
    return without
