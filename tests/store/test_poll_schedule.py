"""The due index: what is due is one query, and a save fences out everybody who read the state before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import ConflictError
from domain.mailboxes import PollError, PollState
from store.connection import StorageConnection, StoreSettings
from store.poll_schedule import TablePollSchedule
from tests.store.support import NOW, watched

MINUTE = timedelta(minutes=1)


@pytest.fixture
def schedule(connection: StorageConnection) -> TablePollSchedule:
    return TablePollSchedule(connection)


def test_a_state_is_read_back_as_it_was_saved(schedule: TablePollSchedule) -> None:
    state = PollState(
        "default",
        due_at=NOW,
        claimed_until=NOW + MINUTE,
        last_started_at=NOW - MINUTE,
        back_off_until=NOW + 2 * MINUTE,
        failures=3,
        error=PollError("ErrorServerBusy", "later “please”", NOW, NOW - MINUTE),
    )
    schedule.save(state, None)
    found = schedule.read("default")
    assert found is not None
    assert found.value == state


def test_what_is_due_comes_oldest_first_and_what_is_not_due_stays_out(schedule: TablePollSchedule) -> None:
    for minutes, name in ((3, "c"), (1, "a"), (-1, "future"), (0, "now"), (2, "b")):
        schedule.save(PollState(name, due_at=NOW - minutes * MINUTE), None)
    schedule.save(PollState("off", due_at=None), None)
    assert [due.value.mailbox_id for due in schedule.due(NOW, 10)] == ["c", "b", "a", "now"]
    assert [due.value.mailbox_id for due in schedule.due(NOW, 2)] == ["c", "b"]


def test_ten_due_of_ten_thousand_are_one_request(
    settings: StoreSettings, schedule: TablePollSchedule
) -> None:
    for number in range(60):
        due_at = NOW - MINUTE if number < 10 else NOW + MINUTE
        schedule.save(PollState(f"m{number}", due_at=due_at), None)
    connection, transport = watched(settings)
    assert len(TablePollSchedule(connection).due(NOW, 100)) == 10
    assert len(transport.requests) == 1


def test_claim_and_finish_are_one_write_each_and_need_no_read_between(
    settings: StoreSettings, schedule: TablePollSchedule
) -> None:
    schedule.save(PollState("default", due_at=NOW), None)
    connection, transport = watched(settings)
    mine = TablePollSchedule(connection)
    [due] = mine.due(NOW, 10)
    claimed = mine.save(replace(due.value, claimed_until=NOW + 5 * MINUTE), due.etag)
    assert mine.save(replace(due.value, due_at=NOW + MINUTE), claimed.etag).value.due_at == NOW + MINUTE
    assert [request.split()[0] for request in transport.requests] == ["GET", "POST", "POST"]


def test_a_claimed_mailbox_is_not_due_until_its_claim_expires(schedule: TablePollSchedule) -> None:
    schedule.save(PollState("default", due_at=NOW, claimed_until=NOW + 5 * MINUTE), None)
    assert schedule.due(NOW + MINUTE, 10) == []
    assert [due.value.mailbox_id for due in schedule.due(NOW + 5 * MINUTE, 10)] == ["default"]


def test_of_two_who_saw_the_same_mailbox_due_one_claims_it(schedule: TablePollSchedule) -> None:
    schedule.save(PollState("default", due_at=NOW), None)
    [mine], [theirs] = schedule.due(NOW, 10), schedule.due(NOW, 10)
    schedule.save(replace(mine.value, claimed_until=NOW + MINUTE), mine.etag)
    with pytest.raises(ConflictError):
        schedule.save(replace(theirs.value, claimed_until=NOW + 2 * MINUTE), theirs.etag)
    assert [due.value.claimed_until for due in schedule.due(NOW + MINUTE, 10)] == [NOW + MINUTE]


def test_two_claims_that_end_at_the_same_moment_are_one_claim(schedule: TablePollSchedule) -> None:
    schedule.save(PollState("default", due_at=NOW), None)
    [mine], [theirs] = schedule.due(NOW, 10), schedule.due(NOW, 10)
    claim = replace(mine.value, claimed_until=NOW + MINUTE)
    schedule.save(claim, mine.etag)
    with pytest.raises(ConflictError):
        schedule.save(claim, theirs.etag)


@pytest.mark.parametrize("later", [NOW + MINUTE, NOW, None], ids=["other time", "same time", "never"])
def test_whoever_read_before_a_save_cannot_save_any_more(schedule: TablePollSchedule, later: object) -> None:
    first = schedule.save(PollState("default", due_at=NOW), None)
    point_read = schedule.read("default")
    [due] = schedule.due(NOW, 10)
    assert point_read is not None
    schedule.save(replace(first.value, due_at=later, failures=1), first.etag)  # type: ignore[arg-type]  # a parameter
    for stale in (first, point_read, due):
        with pytest.raises(ConflictError):
            schedule.save(replace(first.value, failures=2), stale.etag)
    found = schedule.read("default")
    assert found is not None
    assert found.value.failures == 1


def test_a_state_that_is_due_again_at_the_same_moment_is_another_state(schedule: TablePollSchedule) -> None:
    first = schedule.save(PollState("default", due_at=NOW), None)
    [stale] = schedule.due(NOW, 10)
    claimed = schedule.save(replace(first.value, claimed_until=NOW + MINUTE), first.etag)
    schedule.save(first.value, claimed.etag)
    with pytest.raises(ConflictError):
        schedule.save(replace(first.value, claimed_until=NOW + 2 * MINUTE), stale.etag)


def test_a_point_read_is_as_good_a_fence_as_the_due_query(schedule: TablePollSchedule) -> None:
    schedule.save(PollState("default", due_at=NOW), None)
    found = schedule.read("default")
    assert found is not None
    schedule.save(replace(found.value, due_at=NOW + MINUTE), found.etag)
    assert schedule.due(NOW, 10) == []
    assert len(schedule.due(NOW + MINUTE, 10)) == 1


def test_a_mailbox_that_was_off_is_scheduled_again(schedule: TablePollSchedule) -> None:
    off = schedule.save(PollState("default", due_at=None), None)
    on = schedule.save(replace(off.value, due_at=NOW), off.etag)
    assert len(schedule.due(NOW, 10)) == 1
    off_again = schedule.save(off.value, on.etag)
    assert schedule.due(NOW + MINUTE, 10) == []
    assert schedule.save(on.value, off_again.etag).value == on.value


def test_the_first_state_of_a_mailbox_is_saved_once(schedule: TablePollSchedule) -> None:
    schedule.save(PollState("default", due_at=NOW), None)
    with pytest.raises(ConflictError):
        schedule.save(PollState("default", due_at=NOW + MINUTE), None)
    assert len(schedule.due(NOW + MINUTE, 10)) == 1


@pytest.mark.parametrize("etag", ["", "null", "[]", '["due;x",null,null]', "{}", "W/\"datetime'2026'\""])
def test_what_is_not_a_fence_holds_for_nothing(schedule: TablePollSchedule, etag: str) -> None:
    schedule.save(PollState("default", due_at=NOW), None)
    with pytest.raises(ConflictError):
        schedule.save(PollState("default", due_at=None), etag)


def test_quick_writes_one_after_another_never_share_a_fence(schedule: TablePollSchedule) -> None:
    current = schedule.save(PollState("default", due_at=NOW), None)
    for number in range(1, 40):
        stale = current
        current = schedule.save(replace(current.value, failures=number), current.etag)
        with pytest.raises(ConflictError):
            schedule.save(stale.value, stale.etag)
