"""How an outbox entry goes from state to state: one function an event, each a pure copy.

Nothing is written here. The caller saves the copy under the entry's ETag before it acts on it, so a death
between leaves an entry that says at most what was about to be tried.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.outbox import (
    CLAIM,
    MAX_HISTORY,
    TRANSITIONS,
    Draft,
    OutboxChange,
    OutboxEntry,
    OutboxEvent,
    OutboxState,
    OutcomeState,
    RecipientOutcome,
)


class NotAllowedError(Exception):
    """This event cannot happen in this state. For an API: 409, with the state that holds now."""

    def __init__(self, state: OutboxState, event: OutboxEvent) -> None:
        self.state, self.event = state, event
        super().__init__(f"{event} is not possible while {state}")


def move(
    entry: OutboxEntry,
    event: OutboxEvent,
    at: datetime,
    *,
    by: str | None = None,
    acting_for: str | None = None,
    code: str = "",
    detail: str = "",
) -> OutboxEntry:
    """The entry after the event, with the change in its history. Facts that an event brings (a draft, a
    claim, outcomes) are set by the functions below.

    Raises `NotAllowedError`.
    """
    state = TRANSITIONS.get((entry.state, event))
    if state is None:
        raise NotAllowedError(entry.state, event)
    if event is OutboxEvent.BACK_OFF and entry.is_submitted:
        raise NotAllowedError(entry.state, event)
    if event is OutboxEvent.SUBMIT and (entry.held or (entry.via == "ews" and entry.draft is None)):
        raise NotAllowedError(entry.state, event)
    if event is OutboxEvent.CLAIM and entry.held:
        raise NotAllowedError(entry.state, event)
    change = OutboxChange(at, event, state, by, acting_for, code, detail[:500])
    return replace(entry, state=state, history=(*entry.history, change)[-MAX_HISTORY:])


def claim(entry: OutboxEntry, claim_id: str, at: datetime) -> OutboxEntry:
    """Taken by one deliverer until `CLAIM` is over. Raises `NotAllowedError`, also where another one has it
    or it is not due yet."""
    if entry.claimed_until is not None and at < entry.claimed_until and entry.claim_id != claim_id:
        raise NotAllowedError(entry.state, OutboxEvent.CLAIM)
    if entry.state is OutboxState.QUEUED and at < entry.due_at:
        raise NotAllowedError(entry.state, OutboxEvent.CLAIM)
    until = at + CLAIM
    taken = replace(entry, claimed_until=until, claim_id=claim_id, due_at=until, attempts=entry.attempts + 1)
    return move(taken, OutboxEvent.CLAIM, at)


def renew(entry: OutboxEntry, at: datetime) -> OutboxEntry:
    """The deliverer that has it is still at work."""
    return replace(entry, claimed_until=at + CLAIM, due_at=at + CLAIM)


def record_draft(entry: OutboxEntry, draft: Draft, at: datetime) -> OutboxEntry:
    """Raises `NotAllowedError`, also once something was submitted: then no other draft may be sent."""
    if entry.is_submitted:
        raise NotAllowedError(entry.state, OutboxEvent.DRAFT_RECORDED)
    return move(replace(entry, draft=draft), OutboxEvent.DRAFT_RECORDED, at)


def submit(entry: OutboxEntry, at: datetime) -> OutboxEntry:
    """Written before the request that lets the mail leave. The first time counts: `CONFIRM_WITHIN` runs from
    it."""
    submitted = move(entry, OutboxEvent.SUBMIT, at)
    return replace(submitted, submitted_at=entry.submitted_at or at)


def back_off(entry: OutboxEntry, at: datetime, wait: timedelta, code: str, detail: str = "") -> OutboxEntry:
    """Again after `wait`; nothing was submitted."""
    queued = move(entry, OutboxEvent.BACK_OFF, at, code=code, detail=detail)
    return _released(replace(queued, due_at=at + wait, error_code=code, error_detail=detail[:500]))


def not_taken(entry: OutboxEntry, at: datetime, wait: timedelta, code: str, detail: str = "") -> OutboxEntry:
    """As `back_off`, where the server's own answer to the submission says that it did not take the mail."""
    queued = move(entry, OutboxEvent.NOT_TAKEN, at, code=code, detail=detail)
    waiting = replace(queued, due_at=at + wait, submitted_at=None, error_code=code, error_detail=detail[:500])
    return _released(waiting)


def postpone(entry: OutboxEntry, at: datetime, wait: timedelta, code: str, detail: str = "") -> OutboxEntry:
    """Looked at again after `wait`; whether it left is not known. Not in the history: it may happen often."""
    if (entry.state, OutboxEvent.POSTPONE) not in TRANSITIONS:
        raise NotAllowedError(entry.state, OutboxEvent.POSTPONE)
    return _released(replace(entry, due_at=at + wait, error_code=code, error_detail=detail[:500]))


def settle(
    entry: OutboxEntry, at: datetime, *, sent: bool, by: str, acting_for: str | None = None
) -> OutboxEntry:
    """A person says whether an unconfirmed mail went out."""
    event = OutboxEvent.SETTLE_SENT if sent else OutboxEvent.SETTLE_NOT_SENT
    settled = move(entry, event, at, by=by, acting_for=acting_for)
    return replace(settled, sent_at=entry.submitted_at if sent else None)


def cancel(entry: OutboxEntry, at: datetime, by: str, acting_for: str | None = None) -> OutboxEntry:
    """A person stops it before anything left."""
    return replace(move(entry, OutboxEvent.CANCEL, at, by=by, acting_for=acting_for), held=False)


def confirm(
    entry: OutboxEntry,
    at: datetime,
    *,
    sent_at: datetime,
    sent_message_id: str | None = None,
    refused: tuple[RecipientOutcome, ...] = (),
) -> OutboxEntry:
    """It left. Outcomes of recipients that nobody refused are *accepted*."""
    known = {outcome.address.lower() for outcome in (*refused, *entry.outcomes)}
    accepted = tuple(
        RecipientOutcome(address, OutcomeState.ACCEPTED)
        for address in dict.fromkeys((*entry.to, *entry.cc, *entry.bcc))
        if address.lower() not in known
    )
    sent = move(entry, OutboxEvent.CONFIRM, at)
    return _released(
        replace(
            sent,
            sent_at=sent_at,
            sent_message_id=sent_message_id or entry.sent_message_id,
            outcomes=(*entry.outcomes, *refused, *accepted),
            error_code="",
            error_detail="",
        )
    )


def refuse(
    entry: OutboxEntry, at: datetime, code: str, detail: str = "", refused: tuple[RecipientOutcome, ...] = ()
) -> OutboxEntry:
    """It did not leave and will not by itself. The caller must know that: an answer that says so, or nothing
    was submitted."""
    failed = move(entry, OutboxEvent.REFUSE, at, code=code, detail=detail)
    return _released(replace(failed, error_code=code, error_detail=detail[:500], outcomes=refused))


def lose_sight(entry: OutboxEntry, at: datetime, code: str, detail: str = "") -> OutboxEntry:
    """Nobody can tell. `due_at` stays in the future while it is still looked for."""
    lost = move(entry, OutboxEvent.LOSE_SIGHT, at, code=code, detail=detail)
    return _released(replace(lost, error_code=code, error_detail=detail[:500]))


def retry(entry: OutboxEntry, at: datetime, by: str, acting_for: str | None = None) -> OutboxEntry:
    """What failed goes again; it is known that nothing left, so the send id may stay, but not the draft."""
    queued = move(entry, OutboxEvent.RETRY, at, by=by, acting_for=acting_for)
    return _again(queued, at, queued.generation)


def send_again(entry: OutboxEntry, at: datetime, by: str, acting_for: str | None = None) -> OutboxEntry:
    """A person says that an unconfirmed mail did not leave: it goes under another send id, so that a late
    copy of the first is not taken for this one's."""
    queued = move(entry, OutboxEvent.SEND_AGAIN, at, by=by, acting_for=acting_for)
    return _again(queued, at, queued.generation + 1)


def hold(entry: OutboxEntry, at: datetime) -> OutboxEntry:
    """Waits for a person."""
    return replace(move(entry, OutboxEvent.HOLD, at), held=True)


def release(entry: OutboxEntry, at: datetime, by: str, acting_for: str | None = None) -> OutboxEntry:
    """A person lets it go. Raises `NotAllowedError` where it is not held."""
    if not entry.held:
        raise NotAllowedError(entry.state, OutboxEvent.RELEASE)
    return replace(move(entry, OutboxEvent.RELEASE, at, by=by, acting_for=acting_for), held=False, due_at=at)


def note_outcome(entry: OutboxEntry, outcome: RecipientOutcome, at: datetime) -> OutboxEntry:
    """What a bounce or a report says about one recipient; the same again changes nothing. A bounce of a mail
    that was unconfirmed proves that it left: `confirm` first."""
    if outcome in entry.outcomes:
        return entry
    others = tuple(one for one in entry.outcomes if one.address.lower() != outcome.address.lower())
    noted = move(entry, OutboxEvent.NOTE_OUTCOME, at, code=outcome.code, detail=outcome.detail)
    return replace(noted, outcomes=(*others, outcome))


def _again(entry: OutboxEntry, at: datetime, generation: int) -> OutboxEntry:
    return _released(
        replace(
            entry,
            generation=generation,
            due_at=at,
            draft=None,
            submitted_at=None,
            outcomes=(),
            error_code="",
            error_detail="",
        )
    )


def _released(entry: OutboxEntry) -> OutboxEntry:
    return replace(entry, claimed_until=None, claim_id=None)
