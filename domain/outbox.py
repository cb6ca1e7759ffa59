"""A mail on its way out: its states, and which event may move it from which to which.

The state machine is this table and nothing else; whoever changes an entry goes through
`domain.outbox_moves`. The entry lies in one row and changes under its ETag, so of two deliverers, or of a
deliverer and a person, one is first and the other reads again.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """A deliverer takes it: it is due, and nobody has it or who had it said nothing for too long."""
    DRAFT_RECORDED = "draftRecorded"
    """The one draft that may be sent is on the server, its id in the entry."""
    SUBMIT = "submit"
    """Written before the request that lets the mail leave: from here on absence proves nothing."""
    BACK_OFF = "backOff"
    """Passing trouble before anything was submitted: again later."""
    POSTPONE = "postpone"
    """Submitted without success so far: looked at, or the same draft sent, again later."""
    NOT_TAKEN = "notTaken"
    """Nothing left though it was submitted: the server's own answer is "not now", or (SMTP) the connection
    ended before the message's end. A new try is a first one."""
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
    """A person stops it before anything is tried."""
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
    (_S.SENDING, _E.POSTPONE): _S.SENDING,
    (_S.SENDING, _E.NOT_TAKEN): _S.QUEUED,
    (_S.SENDING, _E.CONFIRM): _S.SENT,
    (_S.SENDING, _E.REFUSE): _S.FAILED,
    (_S.SENDING, _E.LOSE_SIGHT): _S.UNCONFIRMED,
    (_S.SENT, _E.NOTE_OUTCOME): _S.SENT,
    (_S.FAILED, _E.RETRY): _S.QUEUED,
    (_S.UNCONFIRMED, _E.CONFIRM): _S.SENT,
    (_S.UNCONFIRMED, _E.POSTPONE): _S.UNCONFIRMED,
    (_S.UNCONFIRMED, _E.SETTLE_SENT): _S.SENT,
    (_S.UNCONFIRMED, _E.SETTLE_NOT_SENT): _S.FAILED,
    (_S.UNCONFIRMED, _E.SEND_AGAIN): _S.QUEUED,
}
"""Anything that is not here is refused. `BACK_OFF` leads from `SENDING` only while nothing was submitted."""


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
    def next_work_at(self) -> datetime | None:
        """When something is to be done about it by itself; None: never, or not before a person acts."""
        if self.state in (OutboxState.QUEUED, OutboxState.SENDING):
            return None if self.held else self.due_at
        if self.state is OutboxState.UNCONFIRMED and self.via == "ews" and not self.search_is_over:
            return self.due_at
        return None

    @property
    def search_is_over(self) -> bool:
        """An unconfirmed mail has been looked for long enough."""
        return self.submitted_at is not None and self.due_at - self.submitted_at > SEARCH_FOR

    @property
    def is_submitted(self) -> bool:
        """Whether it may have left already."""
        return self.submitted_at is not None
