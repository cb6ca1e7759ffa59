"""How a poll ended, written into the mailbox's poll state: when it is due next, how long all instances stay
away.

One conditional write. Dies before it: the claim runs out and the poll is repeated. Loses against another
writer (a
person asked for a poll, or a newer claim): that writer's state stands.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.errors import BoundaryError, ConflictError, RetryLaterError
from domain.mailboxes import PollError, PollState
from domain.stored import Versioned
from mailbox_poll.context import PollContext

_LONGEST_WAIT = timedelta(minutes=15)
_SAVE_TRIES = 3


def poll_succeeded(poll: PollContext, state: Versioned[PollState], started_at: datetime) -> None:
    """Due again one interval after it was due, not after it began, and be that past already: a poll begins
    some seconds after the tick that claims it, and would have the next tick find it not yet due. Of what is
    late by several intervals, all but one are skipped."""
    due_at = state.value.due_at or started_at
    late = (started_at - due_at) // poll.interval
    intervals = max(1, late) if late >= 0 else 0  # below 0: a person asked for a poll before it was due
    _save(
        poll,
        replace(
            state.value,
            due_at=due_at + intervals * poll.interval,
            claimed_until=None,
            last_started_at=started_at,
            last_succeeded_at=started_at,
            back_off_until=None,
            failures=0,
            error=None,
        ),
        state.etag,
    )


def poll_failed(
    poll: PollContext, state: Versioned[PollState], started_at: datetime, error: BoundaryError
) -> None:
    """Due again after what the server asked for, else after a wait that doubles up to 15 minutes."""
    now = poll.clock.now()
    failures = state.value.failures + 1
    wait = min(poll.interval * 2 ** min(failures - 1, 10), _LONGEST_WAIT)
    back_off = error.back_off if isinstance(error, RetryLaterError) else None
    until = now + back_off if back_off is not None else None
    before = state.value.error
    _save(
        poll,
        replace(
            state.value,
            due_at=until or now + wait,
            claimed_until=None,
            last_started_at=started_at,
            back_off_until=until,
            failures=failures,
            error=PollError(
                code=error.code,
                server_message=error.server_message,
                at=now,
                since=before.since if before and before.code == error.code else now,
            ),
        ),
        state.etag,
    )


def mailbox_is_off(poll: PollContext, mailbox_id: str) -> None:
    """A mailbox that is off (or no longer there) is not due until it is saved as on.

    The settings are read again after the poll state: who turns the mailbox on in between writes them first
    and the poll state then, so either this sees it or the write below loses."""
    state = poll.schedule.read(mailbox_id)
    if state is None or not (state.value.due_at or state.value.claimed_until):
        return
    config = poll.mailboxes.read(mailbox_id)
    if config is None or not config.settings.enabled:
        _save(poll, replace(state.value, due_at=None, claimed_until=None), state.etag)


def back_off(poll: PollContext, mailbox_id: str, error: BoundaryError) -> None:
    """A folder's sync was told to stay away: all instances do, from the next look at the poll state on."""
    if not isinstance(error, RetryLaterError) or error.back_off is None:
        return
    until = poll.clock.now() + error.back_off
    for _ in range(_SAVE_TRIES):
        state = poll.schedule.read(mailbox_id)
        if state is None or (state.value.back_off_until and state.value.back_off_until >= until):
            return
        value = state.value
        due_at = max(value.due_at, until) if value.due_at else None
        try:
            poll.schedule.save(replace(value, back_off_until=until, due_at=due_at), state.etag)
        except ConflictError:
            continue
        return


def _save(poll: PollContext, state: PollState, etag: str) -> None:
    try:
        poll.schedule.save(state, etag)
    except ConflictError:
        return
