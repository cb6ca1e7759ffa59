"""Where a mail belongs: the link, what a person decided, and the state of a mail that changes after it was
stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.mail import Mail

MAX_HISTORY = 50
UNDO_DAYS = 30


class LinkRule(StrEnum):
    """Which evidence decided, strongest first."""

    PERSON = "person"
    REFERENCE = "reference"
    TOKEN = "token"
    CONVERSATION = "conversation"
    BUSINESS_UNIT = "businessUnit"


class LinkState(StrEnum):
    """`SUGGESTED`: rests on the business unit alone, or on a mail that does."""

    LINKED = "linked"
    SUGGESTED = "suggested"
    MANUAL = "manual"


class Stratum(StrEnum):
    """Which group of rules a link rests on, directly or through the mails that it answers. Each group sees
    earlier groups' results only."""

    CERTAIN = "certain"
    """A person, a reference, a token."""
    CONVERSATION = "conversation"
    BUSINESS_UNIT = "businessUnit"


class SenderVerified(StrEnum):
    """`NO`: shown as *unverified sender*. `UNKNOWN`: nothing speaks for or against, which is no pass."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LinkEvidence:
    """What the link rests on; only what its rule used is set."""

    message_id: str | None = None
    """The normalised Message-ID that was named."""
    mail_id: str | None = None
    """The stored mail that has it."""
    token: str | None = None
    """As it stands in the subject."""
    conversation_id: str | None = None
    business_unit: str | None = None
    opened_after_hours: int | None = None
    """Set where the incident was opened only after the mail had come: whole hours later."""
    contradicted_by: tuple[str, ...] = ()
    """Incidents that weaker evidence of the same mail names (a token beside a reference): shown to the
    analyst, since one of the two is wrong."""


@dataclass(frozen=True, slots=True)
class Link:
    """The mail's place. `incident_id` is the incident that the evidence names, before merges."""

    incident_id: str
    rule: LinkRule
    state: LinkState
    stratum: Stratum
    evidence: LinkEvidence = LinkEvidence()


@dataclass(frozen=True, slots=True)
class PersonDecision:
    """What a person decided about a mail; it wins over every rule, for good.

    Exactly one of these holds: `placed_in` an incident; `nowhere` (a link removed: it waits in triage and no
    rule places it); `dismissed` (it belongs to no incident and is not shown in triage's list); or only
    `refused` incidents, into which no rule places it any more. `refused` may stand beside the others.
    """

    id: str
    """Of the change, for its undo."""
    at: datetime
    by: str
    acting_for: str | None = None
    placed_in: str | None = None
    nowhere: bool = False
    dismissed: bool = False
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkChange:
    """One entry of a mail's link history, oldest first. `decision` is the person's that caused it (None: a
    rule's re-decision), `before` the decision that stood, for undo."""

    at: datetime
    link: Link | None
    decision: PersonDecision | None = None
    before: PersonDecision | None = None


@dataclass(frozen=True, slots=True)
class MailState:
    """What changes about a stored mail. Lies in the mail's row, changes under its ETag, and is the only truth
    about its link; tab, triage and indexes are projections of it.

    A mail that was stored but not decided yet (its worker died in between) has `decided` False.
    """

    decided: bool = False
    link: Link | None = None
    decision: PersonDecision | None = None
    business_unit: str | None = None
    """The unit as units are now: of the sender, else (outgoing mail) of the first recipient that has one."""
    sender_verified: SenderVerified = SenderVerified.UNKNOWN
    verified_reasons: tuple[str, ...] = ()
    """Codes: `dmarc=fail`, `internal`, `dmarc=pass`, `not-of-incident`, `of-unit`, `in-thread`."""
    shown_as: str | None = None
    """Id of the stored mail that is shown in this one's place: the same mail, come to another mailbox."""
    read_at: datetime | None = None
    read_by: str | None = None
    placed_before: tuple[str, ...] = ()
    """Every incident it was ever placed in, so that a projection finds what it has to remove."""
    history: tuple[LinkChange, ...] = ()
    """At most the last `MAX_HISTORY` changes."""

    @property
    def in_triage(self) -> bool:
        """Whether it waits for a person: in no incident, and not dismissed."""
        return self.link is None and not (self.decision is not None and self.decision.dismissed)


@dataclass(frozen=True, slots=True)
class LinkedMail:
    """A stored mail with its state; `etag` is the row's."""

    mail: Mail
    state: MailState
    etag: str
