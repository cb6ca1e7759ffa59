"""One delivery of one entry: the entry as it stands, and every change of it saved under its ETag.

A `ConflictError` from any save means that somebody else has the entry now: the delivery ends, and what it
made on the server and did not record is nobody's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from domain import outbox_moves as moves
from domain.compose.message import ComposeError, ContentChangedError, OutgoingMessage
from domain.compose.mime import compose
from domain.errors import AdminActionError, BoundaryError, NotFoundError, RetryLaterError
from domain.outbox import CONFIRM_WITHIN, OutboxEntry, OutboxState, RecipientOutcome
from domain.stored import Versioned
from mail_reply.context import (
    FIRST_BACK_OFF,
    GIVE_UP_AFTER,
    LONGEST_BACK_OFF,
    LONGEST_LOOK_AGAIN,
    LOOK_AGAIN,
    MAIL_DELIVERY_QUEUE,
    SendContext,
)
from mail_reply.messages import delivery_message

_log = logging.getLogger(__name__)
_RENEW_AFTER = timedelta(seconds=15)
_SWEEP = timedelta(minutes=1)
"""What waits for longer needs no message of its own: the sweep finds it."""


class Delivery:
    """Not for several threads. `entry` is always what is stored."""

    def __init__(self, context: SendContext, stored: Versioned[OutboxEntry]) -> None:
        self.context = context
        self._stored = stored
        self._saved_at = context.clock.now()

    @property
    def entry(self) -> OutboxEntry:
        """As stored."""
        return self._stored.value

    @property
    def now(self) -> datetime:
        """The clock's time."""
        return self.context.clock.now()

    def save(self, entry: OutboxEntry) -> None:
        """Raises `ConflictError`."""
        self._stored = self.context.outbox.save(entry, self._stored.etag)
        self._saved_at = self.now

    def message(self) -> Iterator[bytes]:
        """The mail's bytes. While they are read the claim is renewed, for a large mail takes its time.

        Raises `AdminActionError("MessageNotSendable")` where what was to be sent cannot be: nobody can mend
        it by waiting."""
        message = self.outgoing()
        try:
            for chunk in compose(message, self.context.read_content):
                self.still_at_work()
                yield chunk
        except (ComposeError, ContentChangedError, NotFoundError) as error:
            raise AdminActionError("MessageNotSendable", str(error)) from error

    def outgoing(self) -> OutgoingMessage:
        """What the mail says. Raises like `message`."""
        try:
            return self.context.outbox.message(self.entry.id)
        except NotFoundError as error:
            raise AdminActionError("MessageNotSendable", "What it says is no longer stored.") from error

    def still_at_work(self) -> None:
        """Renews the claim where it is time to. A renewal that storage does not answer is tried again at the
        next call, as long as the claim holds.

        Raises `ConflictError`, and `RetryLaterError` once nothing says any more that the entry is ours."""
        now = self.now
        if now - self._saved_at <= _RENEW_AFTER:
            return
        try:
            self.save(moves.renew(self.entry, now))
        except RetryLaterError as trouble:
            if self.entry.claimed_until is None or now >= self.entry.claimed_until:
                raise
            _log.info("a claim is not renewed: %s", trouble.code)

    def sent(self, message_id: str | None = None, refused: tuple[RecipientOutcome, ...] = ()) -> None:
        """It left."""
        self.save(
            moves.confirm(self.entry, self.now, sent_at=self.now, sent_message_id=message_id, refused=refused)
        )

    def later(self, trouble: RetryLaterError) -> None:
        """Passing trouble. Where nothing was submitted the entry is queued again, else looked at again."""
        if self.entry.state is not OutboxState.SENDING:
            raise trouble
        if self.entry.is_submitted:
            self.look_again(trouble)
            return
        self.not_now(trouble)

    def not_now(self, trouble: RetryLaterError, refused: tuple[RecipientOutcome, ...] = ()) -> None:
        """Nothing left, whatever was submitted: queued again, or given up after `GIVE_UP_AFTER`. `refused`:
        recipients that were refused by then."""
        entry, now = self.entry, self.now
        code, detail = trouble.code, trouble.server_message
        if now - max(entry.created_at, _last_let_go(entry)) > GIVE_UP_AFTER:
            self.save(moves.refuse(entry, now, code, detail, refused=refused))
            return
        wait = max(
            trouble.back_off or timedelta(0), _growing(FIRST_BACK_OFF, entry.attempts, LONGEST_BACK_OFF)
        )
        queue_again = moves.not_taken if entry.is_submitted else moves.back_off
        self.save(queue_again(entry, now, wait, code, detail))
        self._wake_after(wait)

    def look_again(self, trouble: BoundaryError | None = None) -> None:
        """Submitted and not found: again soon, and a person is told once `CONFIRM_WITHIN` is over."""
        entry, now = self.entry, self.now
        assert entry.submitted_at is not None
        age = now - entry.submitted_at
        code = trouble.code if trouble else "NoTrace"
        detail = trouble.server_message if trouble else ""
        wait = max(
            trouble.back_off if isinstance(trouble, RetryLaterError) and trouble.back_off else LOOK_AGAIN,
            min(age / 4, LONGEST_LOOK_AGAIN),
        )
        if entry.state is OutboxState.SENDING and age > CONFIRM_WITHIN:
            entry = moves.lose_sight(entry, now, code, detail)
        self.save(moves.postpone(entry, now, wait, code, detail))
        self._wake_after(wait)

    def refused(self, trouble: AdminActionError) -> None:
        """Lasting trouble: nothing left where nothing was submitted, or the server says so; else it is looked
        for."""
        if self.entry.state is not OutboxState.SENDING:
            raise trouble
        if self.entry.is_submitted:
            self.look_again(trouble)
        else:
            self.save(moves.refuse(self.entry, self.now, trouble.code, trouble.server_message))

    def _wake_after(self, wait: timedelta) -> None:
        if wait < _SWEEP:
            self.context.queue.send(MAIL_DELIVERY_QUEUE, delivery_message(self.entry.id), wait)


def _growing(first: timedelta, attempts: int, longest: timedelta) -> timedelta:
    doublings = min(max(attempts - 1, 0), 12)
    return min(first * (1 << doublings), longest)


def _last_let_go(entry: OutboxEntry) -> datetime:
    """When a person last let it go."""
    return max((change.at for change in entry.history if change.by), default=entry.created_at)
