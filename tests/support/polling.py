"""Lets a sandbox whose timers are off poll when a test says so, and lets claims run out without two minutes
going by.

Time passes by writing into the rows that it has come: due times and claims lie in the past then, which is all
that the app sees of it. Writes as the app does, by its own stores, so nobody's change is lost.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import psutil

from domain.errors import ConflictError
from domain.folder_sync import FolderSync
from store.connection import StorageConnection, StoreSettings
from store.folder_sync_store import TableFolderSyncStore
from store.poll_schedule import TablePollSchedule
from tests.support.running_sandbox import RunningSandbox
from tests.support.stored import Storage

_NEVER = "0 0 0 1 1 *"
_HOST = "AzureFunctionsJobHost__extensions__queues__"
MAILBOX = "default"
LIMIT_SECONDS = 30.0
_TIMER_ENDED = b"Executed 'Functions.mailbox_poll'"
_MOST_POLLS = 6
_LEAST_POLLS = 2

TIMERS_OFF = (
    *("--setting", f"MAILBOX_POLL_SCHEDULE={_NEVER}"),
    *("--setting", f"PENDING_SWEEP_SCHEDULE={_NEVER}"),
    *("--setting", f"{_HOST}visibilityTimeout=00:00:00"),
    *("--setting", f"{_HOST}maxPollingInterval=00:00:00.2"),
)
"""Options of `running_sandbox`: nothing happens by itself, messages are tried again at once."""


class Polling:
    """The polls of one sandbox that was started with `TIMERS_OFF`."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.storage = Storage(sandbox.state)
        connection = StorageConnection(StoreSettings(self.storage.connection_string))
        self._schedule = TablePollSchedule(connection)
        self._folder_syncs = TableFolderSyncStore(connection)

    def let_time_pass(self) -> None:
        """The next poll is due and every claim has run out."""
        now = datetime.now(UTC)
        with contextlib.suppress(ConflictError):  # the app has just written it: there is nothing to run out
            if state := self._schedule.read(MAILBOX):
                self._schedule.save(replace(state.value, due_at=now, claimed_until=None), state.etag)
        for folder in self.folders():
            row = self._folder_syncs.read(MAILBOX, folder.folder_id)
            if row is not None and row.value.claimed_until:
                with contextlib.suppress(ConflictError):
                    self._folder_syncs.save(replace(row.value, claimed_until=now), row.etag)

    def folders(self) -> list[FolderSync]:
        """The checkpoints, without their sync states."""
        return [row.value for row in self._folder_syncs.read_all(MAILBOX)]

    def fire(self) -> None:
        """The timer fires; waits until it has run to its end."""
        self.wait_for_worker()
        before = self.log().count(_TIMER_ENDED)
        self.sandbox.run_function("mailbox_poll")
        self.sandbox.until(lambda: self.log().count(_TIMER_ENDED) > before)

    def tick(self) -> None:
        """The timer fires; waits until all its messages are done too."""
        self.fire()
        self.wait_until_done()

    def log(self) -> bytes:
        """What the host has written."""
        return (self.sandbox.data / "logs" / "host.log").read_bytes()

    def calls(self) -> dict[str, dict[str, int]]:
        """How often each operation of each part of the world was called since the counters were reset."""
        return dict(json.loads(self.sandbox.command("calls")))

    def poll(self) -> None:
        """Time passes and the timer fires."""
        self.let_time_pass()
        self.tick()

    def wait_for_worker(self) -> None:
        """Waits until the host has seen that killed workers are gone: what it starts from now on waits for
        others."""
        self.sandbox.until(lambda: all(map(_is_alive, self.workers())))

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        workers = json.loads((self.sandbox.data / "run" / "workers.json").read_bytes())
        return [int(worker["pid"]) for worker in workers]

    def wait_until_done(self) -> None:
        """Waits until both queues are empty: whoever sends to a queue is deleted from the other one later."""
        self.sandbox.until(lambda: self.storage.is_idle() and self.storage.is_idle(), LIMIT_SECONDS)

    def settle(self) -> None:
        """Polls until all has been read to its end; at least twice, so that what the first timer's crash left
        undone is done by the next."""
        for count in range(_MOST_POLLS):
            self.poll()
            if count + 1 >= _LEAST_POLLS and self.is_settled():
                return
        raise AssertionError(f"not settled after {_MOST_POLLS} polls: {self.folders()}")

    def is_settled(self) -> bool:
        """All that the mailbox holds has been read to its end, and nobody has anything claimed."""
        state = self._schedule.read(MAILBOX)
        folders = self.folders()
        return (
            state is not None
            and state.value.claimed_until is None
            and state.value.error is None
            and bool(folders)
            and all(_is_settled(folder) for folder in folders)
        )


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_settled(folder: FolderSync) -> bool:
    return (
        not folder.walking
        and folder.rewalk is None
        and folder.claimed_until is None
        and folder.error is None
        and folder.commit_time is not None
    )
