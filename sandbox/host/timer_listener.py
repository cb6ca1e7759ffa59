"""Timer triggers: one invocation at a time over all workers, and one catch-up when late.

Follows the TimerListener of Microsoft's WebJobs extensions. The status of a timer (last and next
occurrence) is replaced as a whole after each invocation; a host that dies in between finds the occurrence
missed at its next start and runs it, past due. Schedules of less than a minute have no status, as in
Azure.
"""

import asyncio
import contextlib
import json
import logging
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.host import ncrontab
from sandbox.host.errors import HostError, WorkerDiedError
from sandbox.host.functions import Function, TimerTrigger
from sandbox.host.invoker import Invoker
from sandbox.host.pool import WorkerPool
from sandbox.host.values import Text

LONGEST_SLEEP_S = 30.0  # a laptop that slept is late by no more than this
SHORTEST_MONITORED_INTERVAL = timedelta(minutes=1)
NEVER = datetime(1, 1, 1, tzinfo=UTC)

log = logging.getLogger("sandbox.host")


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """What is known of a timer: when it last ran, when it is due next. Aware, UTC."""

    last: datetime
    next: datetime
    updated: datetime

    def to_json(self) -> dict[str, str]:
        """As the host keeps and sends it."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }


class TimerListener:
    """The listener of one timer-triggered function."""

    def __init__(
        self, function: Function, trigger: TimerTrigger, *, folder: Path, pool: WorkerPool, invoker: Invoker
    ) -> None:
        """Raises HostError when the schedule is none."""
        try:
            self._schedule = ncrontab.parse(trigger.schedule)
            interval = self._schedule.shortest_interval(datetime.now(UTC))
        except ncrontab.ScheduleError as error:
            raise HostError(f"function {function.name}: {error}") from error
        self._function = function
        self._monitored = trigger.use_monitor and interval >= SHORTEST_MONITORED_INTERVAL
        self._run_on_startup = trigger.run_on_startup
        self._file = folder / f"{function.name}.json"
        self._pool = pool
        self._invoker = invoker

    async def run(self) -> None:
        """Invokes the function whenever it is due, until cancelled."""
        status, past_due = self._initial_status(datetime.now(UTC))
        if past_due or self._run_on_startup:
            status = await self._run_once(status, datetime.now(UTC), past_due=past_due)
        while True:
            await _sleep_until(status.next)
            # Where the clock is a little early, the next occurrence must still be a later one.
            status = await self._run_once(status, max(datetime.now(UTC), status.next), past_due=False)

    async def run_manually(self) -> None:
        """Runs the function now, as the host's admin endpoint does."""
        status, _ = self._initial_status(datetime.now(UTC))
        await self._invoke(status, False, "This function was programmatically called")

    async def _run_once(self, status: ScheduleStatus, at: datetime, *, past_due: bool) -> ScheduleStatus:
        await self._invoke(status, past_due, f"Timer fired at {at.isoformat()}")
        status = ScheduleStatus(last=at, next=self._schedule.next_after(at), updated=at)
        if self._monitored:
            self._save(status)
        return status

    async def _invoke(self, status: ScheduleStatus, past_due: bool, reason: str) -> None:
        info = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.to_json() if self._monitored else None,
            "IsPastDue": past_due,
        }
        worker = await self._pool.wait_ready()
        # A failed invocation is in the log; the schedule goes on.
        with contextlib.suppress(WorkerDiedError):
            await self._invoker.run(worker, self._function, Text(json.dumps(info), json=True), {}, reason)

    def _initial_status(self, now: datetime) -> tuple[ScheduleStatus, bool]:
        fresh = ScheduleStatus(NEVER, self._schedule.next_after(now), NEVER)
        if not self._monitored:
            return fresh, False
        status = self._load()
        if status is None:
            self._save(fresh)
            return fresh, False
        if status.last != NEVER and status.next != self._schedule.next_after(status.last):
            status = replace(status, next=self._schedule.next_after(status.last))  # another schedule now
        return status, status.next < now

    def _load(self) -> ScheduleStatus | None:
        try:
            raw = json.loads(self._file.read_text(encoding="utf-8"))
            times = [datetime.fromisoformat(raw[name]) for name in ("Last", "Next", "LastUpdated")]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            log.error("The status of timer %s cannot be read and starts anew: %s", self._function.name, error)
            return None
        return ScheduleStatus(*times)

    def _save(self, status: ScheduleStatus) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        part.write_text(json.dumps(status.to_json()), encoding="utf-8")
        part.replace(self._file)


async def _sleep_until(moment: datetime) -> None:
    while (remaining_s := (moment - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(remaining_s, LONGEST_SLEEP_S))
