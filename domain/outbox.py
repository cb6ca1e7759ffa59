"""A mail on its way out: its states, and which event may move it from which to which.

The state machine is this table and nothing else; whoever changes an entry goes through `move`. The entry lies
in one row and changes under its ETag, so of two deliverers, or of a deliverer and a person, one is first and
the other reads again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

CLAIM = timedelta(seconds=40)
"""How long a deliverer that says nothing keeps an entry. Renewed while it works."""
CONFIRM_WITHIN = timedelta(minutes=10)
"""After that long without a trace of a submitted mail a person is asked; the search goes on."""
SEARCH_FOR = timedelta(days=7)
"""How long an unconfirmed mail is looked for by itself."""
MAX_HISTORY = 100


class OutboxState(StrEnum):
    """What is true of the mail."""

    QUEUED = "queued"
    """Nothing has left, and nothing is being tried now."""
    SENDING = "sending"
    """A deliverer has it, or had it and died."""
    SENT = "sent"
    """It left: the server took it, or a trace of it was found."""
    FAILED = "failed"
    """It did not leave and will not by itself."""
    UNCONFIRMED = "unconfirmed"
    """It may have left; nothing tells."""
    CANCELLED = "cancelled"
    """A person stopped it before anything left."""


class OutboxEvent(StrEnum):
    """What can happen to an entry."""

    CLAIM = "claim"
    DRAFT_RECORDED = "draftRecorded"
    """The one draft that may be sent is on the server, its id in the entry."""
    SUBMIT = "submit"
    """Written before the request that lets the mail leave: from here on absence proves nothing."""
    BACK_OFF = "backOff"
    """Passing trouble before anything was submitted: again later."""
    CONFIRM = "confirm"
    """The server took it, or its copy, an answer or a bounce was found."""
    REFUSE = "refuse"
    """The server will not take it, and says so: nothing left."""
    LOSE_SIGHT = "loseSight"
    """Submitted, and no trace of it within `CONFIRM_WITHIN`, or no answer where none can be looked for."""
    HOLD = "hold"
    """The mailbox, or all sending, is switched off."""
    RELEASE = "release"
    """A person lets a held mail go."""
    CANCEL = "cancel"
    RETRY = "retry"
    """A person sends again what failed."""
    SETTLE_SENT = "settleSent"
    """A person knows that it went out."""
    SETTLE_NOT_SENT = "settleNotSent"
    """A person knows that it did not."""
    SEND_AGAIN = "sendAgain"
    """A person knows that it did not, and lets it go once more."""
    NOTE_OUTCOME = "noteOutcome"
    """A bounce or a report about one recipient."""


_S, _E = OutboxState, OutboxEvent
TRANSITIONS: dict[tuple[OutboxState, OutboxEvent], OutboxState] = {
    (_S.QUEUED, _E.CLAIM): _S.SENDING,
    (_S.QUEUED, _E.HOLD): _S.QUEUED,
    (_S.QUEUED, _E.RELEASE): _S.QUEUED,
    (_S.QUEUED, _E.CANCEL): _S.CANCELLED,
    (_S.QUEUED, _E.REFUSE): _S.FAILED,
    (_S.SENDING, _E.CLAIM): _S.SENDING,
    (_S.SENDING, _E.DRAFT_RECORDED): _S.SENDING,
    (_S.SENDING, _E.SUBMIT): _S.SENDING,
    (_S.SENDING, _E.BACK_OFF): _S.QUEUED,
    (_S.SENDING, _E.CONFIRM): _S.SENT,
    (_S.SENDING, _E.REFUSE): _S.FAILED,
    (_S.SENDING, _E.LOSE_SIGHT): _S.UNCONFIRMED,
    (_S.SENT, _E.NOTE_OUTCOME): _S.SENT,
    (_S.FAILED, _E.RETRY): _S.QUEUED,
    (_S.UNCONFIRMED, _E.CONFIRM): _S.SENT,
    (_S.UNCONFIRMED, _E.SETTLE_SENT): _S.SENT,
    (_S.UNCONFIRMED, _E.SETTLE_NOT_SENT): _S.FAILED,
    (_S.UNCONFIRMED, _E.SEND_AGAIN): _S.QUEUED,
}
"""Anything that is not here is refused. `SENDING` leaves by `BACK_OFF` only while nothing was submitted."""


class OutcomeState(StrEnum):
    """What became of the mail for one recipient."""

    ACCEPTED = "accepted"
    """Taken by the mail server; nobody has said otherwise."""
    REFUSED = "refused"
    """The mail server refused this recipient."""
    BOUNCED = "bounced"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class RecipientOutcome:
    """`code`, `detail`: as the server or the bounce says it, cut to 500 characters."""

    address: str
    state: OutcomeState
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OutboxChange:
    """One entry of the history, oldest first. `by`: a person, or None for the software. `code`, `detail`: of
    the failure, never a mail's content."""

    at: datetime
    event: OutboxEvent
    state: OutboxState
    by: str | None = None
    acting_for: str | None = None
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """The recorded draft on the server; only it is ever sent."""

    item_id: str
    change_key: str
    message_id: str
    """As the server has it, which can differ from ours."""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A mail on its way out. What it says lies in a blob beside it and never changes.

    `id` is made of the idempotency key (or of incident, unit and which notification); `request_digest` tells
    the same request from another one under the same key. `generation` counts how often a person let it go
    again after it was unconfirmed; it makes the send id another one. Times in UTC.
    """

    id: str
    request_digest: str
    incident_id: str
    kind: str
    """`reply`, `notification`, `followUp`, `test`."""
    mode: str
    """`reply`, `replyAll`, `forward`, `new`."""
    mailbox_id: str
    subject: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    message_id: str
    """Our own, with angle brackets: at least 96 random bits."""
    created_at: datetime
    created_by: str
    due_at: datetime
    """When it may be tried next: after the seconds to undo, after a back-off, or when a claim has run out."""
    acting_for: str | None = None
    in_reply_to: str | None = None
    """Id of the stored mail that it answers."""
    business_unit: str | None = None
    via: str = "ews"
    state: OutboxState = OutboxState.QUEUED
    held: bool = False
    generation: int = 1
    attempts: int = 0
    claimed_until: datetime | None = None
    claim_id: str | None = None
    draft: Draft | None = None
    submitted_at: datetime | None = None
    sent_at: datetime | None = None
    sent_message_id: str | None = None
    """Of the copy in Sent Items, where the server made it another one."""
    outcomes: tuple[RecipientOutcome, ...] = ()
    error_code: str = ""
    error_detail: str = ""
    history: tuple[OutboxChange, ...] = ()

    @property
    def send_id(self) -> str:
        """The extended property that tells this mail's draft and copy from all others."""
        return self.id if self.generation == 1 else f"{self.id}-{self.generation}"

    @property
    def is_submitted(self) -> bool:
        """Whether it may have left already."""
        return self.submitted_at is not None


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
    """The entry after the event, with the change in its history. Facts that an event brings (a draft, a claim,
    outcomes) are set by the functions below.

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
