"""When a mailbox is due again: the ticks of the timer and the mailboxes' own times keep step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

from domain.mailboxes import PollState
from domain.stored import Versioned
from mailbox_poll.context import PollContext
from mailbox_poll.outcome import poll_succeeded

INTERVAL = timedelta(seconds=60)
NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@dataclass(slots=True)
class Schedule:
    """Keeps what was saved last."""

    saved: list[PollState] = field(default_factory=list)

    def save(self, state: PollState, etag: str) -> None:
        """The mailbox's new state."""
        self.saved.append(state)


def due_after(due_at: datetime | None, started_at: datetime) -> datetime | None:
    """When a mailbox that was due at `due_at` and was polled at `started_at` is due again."""
    schedule = Schedule()
    clock = SimpleNamespace(now=lambda: started_at + timedelta(seconds=2))
    poll = cast(PollContext, SimpleNamespace(schedule=schedule, clock=clock, interval=INTERVAL))
    state = PollState("default", due_at=due_at, claimed_until=started_at + timedelta(minutes=2))
    poll_succeeded(poll, Versioned(state, "1"), started_at)
    return schedule.saved[0].due_at


def test_a_poll_that_begins_some_seconds_after_its_tick_is_due_at_the_very_next_tick() -> None:
    assert due_after(NOON, NOON + timedelta(seconds=3)) == NOON + INTERVAL


def test_a_poll_that_begins_more_than_an_interval_after_it_was_due_is_due_at_the_very_next_tick_too() -> None:
    """Due just after a tick, it is claimed by the one after that; the queue takes its time as well."""
    assert due_after(NOON, NOON + timedelta(seconds=62)) == NOON + INTERVAL


def test_a_poll_that_is_late_by_several_intervals_skips_all_but_one_and_keeps_its_step() -> None:
    assert due_after(NOON, NOON + timedelta(seconds=200)) == NOON + 3 * INTERVAL


def test_a_poll_that_a_person_asked_for_before_it_was_due_does_not_put_the_due_one_off() -> None:
    assert due_after(NOON + timedelta(seconds=40), NOON) == NOON + timedelta(seconds=40)


def test_a_poll_without_a_due_time_is_due_one_interval_after_it_began() -> None:
    assert due_after(None, NOON) == NOON + INTERVAL
