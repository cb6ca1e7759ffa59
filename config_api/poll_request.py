"""Makes a mailbox's next poll happen now, or not at all where it is off.

The poll is claimed as the tick claims it and its message sent. Dies after the claim: the claim runs out and
the mailbox is due again. While the server has asked to be left alone nothing is sent: the poll comes when
that is over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from api.services import Services
from domain.errors import ConflictError, RetryLaterError
from domain.mailboxes import MAILBOX_SYNC_QUEUE, POLL_CLAIM, PollState
from domain.stored import Versioned

_TRIES = 5


@dataclass(frozen=True, slots=True)
class PollRequest:
    """`starts_at` lies ahead where the server's back-off has to pass first."""

    requested_at: datetime
    starts_at: datetime


def poll_now(services: Services, mailbox_id: str, *, forget_back_off: bool = False) -> PollRequest:
    """`forget_back_off`: the back-off was another server's. Raises what storage raises."""
    for _ in range(_TRIES):
        now = services.clock.now()
        stored = services.schedule.read(mailbox_id)
        state = stored.value if stored else PollState(mailbox_id=mailbox_id, due_at=None)
        if forget_back_off:
            state = replace(state, back_off_until=None, failures=0, claimed_until=None)
        try:
            return _request(services, state, stored, now)
        except ConflictError:
            continue
    raise RetryLaterError("StorageUnavailable", "the poll state keeps changing")


def _request(
    services: Services, state: PollState, stored: Versioned[PollState] | None, now: datetime
) -> PollRequest:
    etag = stored.etag if stored else None
    if state.back_off_until and state.back_off_until > now:
        if state.claimed_until is None and state.due_at != state.back_off_until:
            services.schedule.save(replace(state, due_at=state.back_off_until), etag)
        return PollRequest(now, state.back_off_until)
    if state.claimed_until and state.claimed_until > now:
        # A poll is under way: one more, without taking its claim, sees what came since.
        _send(services, state.mailbox_id, None)
        return PollRequest(now, now)
    claimed_until = now + POLL_CLAIM
    services.schedule.save(replace(state, due_at=now, claimed_until=claimed_until), etag)
    _send(services, state.mailbox_id, claimed_until)
    return PollRequest(now, now)


def stop_polling(services: Services, mailbox_id: str) -> None:
    """The mailbox is off: nothing is due until it is on again. A poll under way ends by itself."""
    for _ in range(_TRIES):
        stored = services.schedule.read(mailbox_id)
        if stored is None or (stored.value.due_at is None and stored.value.claimed_until is None):
            return
        try:
            services.schedule.save(replace(stored.value, due_at=None, claimed_until=None), stored.etag)
        except ConflictError:
            continue
        return
    raise RetryLaterError("StorageUnavailable", "the poll state keeps changing")


def _send(services: Services, mailbox_id: str, claimed_until: datetime | None) -> None:
    claim = claimed_until.isoformat() if claimed_until else None
    services.queue.send(MAILBOX_SYNC_QUEUE, {"mailboxId": mailbox_id, "claimedUntil": claim})
