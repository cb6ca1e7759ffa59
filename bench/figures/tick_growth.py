"""A timer tick costs what is due, not what is configured: 10 due mailboxes of 10, and of 10,000."""

from __future__ import annotations

import time
from collections.abc import Callable
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
    "same with 10; medians. Requests to storage must be equal in number, or the run fails.",
    "the same tick with only the 10 due mailboxes configured",
)


def run(full: bool) -> dict[str, Result]:
    """30 ticks, or 12, for each of the two."""
    ticks = 30 if full else 12
    with world(*HELD_TIMERS, *HELD_QUEUES) as sandbox:
        import wiring

        context = wiring._poll_context()
        few, few_calls = _ticks(sandbox, context, ticks)
        far = datetime.now(UTC) + timedelta(days=365)
        others = [PollState(f"other{number}", due_at=far) for number in range(_CONFIGURED - DUE)]
        list(context.pool.map(lambda state: context.schedule.save(state, None), others))
        many, many_calls = _ticks(sandbox, context, ticks)
    if few_calls != many_calls:
        raise RuntimeError(f"a tick asked storage {few_calls}, with more mailboxes {many_calls}")
    value = median(many) / median(few)
    details = {"storage_requests": float(sum(many_calls.values())), "tick_cpu_ms": median(many) * 1000}
    return {GROWTH.name: Result(value, [one / median(few) for one in many], details)}


def _ticks(sandbox: RunningSandbox, context: Any, ticks: int) -> tuple[list[float], dict[str, int]]:
    """CPU seconds of each tick, and what the last one asked of storage."""
    from mailbox_poll.poll import poll_due_mailboxes

    seconds = []
    for number in range(ticks + _WARM_UP):
        _make_due(context)
        count_calls(sandbox)
        began = time.process_time()
        taken = poll_due_mailboxes(context)
        if taken != DUE:
            raise RuntimeError(f"{taken} of {DUE} due mailboxes were taken")
        if number >= _WARM_UP:  # the first ones make connections
            seconds.append(time.process_time() - began)
    return seconds, count_calls(sandbox)["storage"]


def _make_due(context: Any) -> None:
    now = datetime.now(UTC)
    read: Callable[[str], Any] = context.schedule.read
    for number in range(DUE):
        row = read(f"due{number}")
        context.schedule.save(PollState(f"due{number}", due_at=now), row.etag if row else None)


MEASUREMENT = Measurement((GROWTH,), run)
