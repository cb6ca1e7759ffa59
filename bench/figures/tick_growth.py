"""A timer tick costs what is due, not what is configured: 10 due mailboxes of 10, and of 10,000."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from bench.figure import Figure, Limit, Measurement, Result
from bench.world import HELD_QUEUES, HELD_TIMERS, count_calls, world
from domain.mailboxes import PollState
from tests.support.running_sandbox import RunningSandbox

DUE = 10
_CONFIGURED = 10_000
_WARM_UP = 4
GROWTH = Figure(
    "poll.tick_cost_growth",
    "ratio of CPU time",
    Limit("<=", 1.25),
    "CPU time of a tick that claims 10 due mailboxes and sends their messages, 10,000 being configured, "
    "over the "
    "same with 10, by turns, each with a sandbox of its own; the median of the pairs. Requests to "
    "storage must be equal in number, or the run fails.",
    "the same tick with only the 10 due mailboxes configured",
)


def run(full: bool) -> dict[str, Result]:
    """30 ticks, or 12, of each of the two, by turns: each has a sandbox of its own."""
    ticks = 30 if full else 12
    with world(*HELD_TIMERS, *HELD_QUEUES) as small, world(*HELD_TIMERS, *HELD_QUEUES) as large:
        few, many = _Tick(small), _Tick(large)
        many.configure(_CONFIGURED - DUE)
        for _ in range(_WARM_UP + ticks):
            few.run()
            many.run()
    if few.calls != many.calls:
        raise RuntimeError(f"a tick asked storage {few.calls}, with more mailboxes {many.calls}")
    samples = [one / other for one, other in zip(many.seconds, few.seconds, strict=True)][_WARM_UP:]
    details = {
        "storage_requests": float(sum(many.calls.values())),
        "tick_cpu_ms": median(many.seconds[_WARM_UP:]) * 1000,
    }
    return {GROWTH.name: Result(median(samples), samples, details)}


class _Tick:
    """Ticks against one sandbox; CPU seconds of each, and what the last one asked of storage."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        import wiring
        from store.connection import StorageConnection, StoreSettings
        from store.poll_schedule import TablePollSchedule
        from store.work_queue import StorageWorkQueue

        settings = json.loads((sandbox.data / "host" / "app-settings.json").read_text())
        connection = StorageConnection(StoreSettings.from_environment(settings))
        self._sandbox = sandbox
        self._context = replace(
            wiring._poll_context(),
            schedule=TablePollSchedule(connection),
            queue=StorageWorkQueue(connection),
        )
        self.seconds: list[float] = []
        self.calls: dict[str, int] = {}

    def configure(self, mailboxes: int) -> None:
        """That many mailboxes that are not due."""
        far = datetime.now(UTC) + timedelta(days=365)
        others = [PollState(f"other{number}", due_at=far) for number in range(mailboxes)]
        list(self._context.pool.map(lambda state: self._context.schedule.save(state, None), others))

    def run(self) -> None:
        """One tick, with `DUE` mailboxes due."""
        from mailbox_poll.poll import poll_due_mailboxes

        _make_due(self._context)
        count_calls(self._sandbox)
        gc.collect()
        began = time.process_time()
        taken = poll_due_mailboxes(self._context)
        self.seconds.append(time.process_time() - began)
        if taken != DUE:
            raise RuntimeError(f"{taken} of {DUE} due mailboxes were taken")
        self.calls = count_calls(self._sandbox)["storage"]


def _make_due(context: Any) -> None:
    now = datetime.now(UTC)
    read: Callable[[str], Any] = context.schedule.read
    for number in range(DUE):
        row = read(f"due{number}")
        context.schedule.save(PollState(f"due{number}", due_at=now), row.etag if row else None)


MEASUREMENT = Measurement((GROWTH,), run)
