"""What linking needs from storage, as Protocols. Keyed hashes are `MailStore.keyed_hash` of the keys of
`domain.ours` (normalised Message-ID, `conversation_key`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.incidents import Incident
from domain.links import LinkedMail, MailState
from domain.mail import Mail
from domain.stored import Activity, Versioned


class LinkStore(Protocol):
    """Mail rows with their state, the reference index, and what is projected from them.

    All reads are strongly consistent. Order that callers keep, so that two workers cannot miss each other: a
    mail's index rows are written before its state is read; its row is read before the rows it depends on; its
    state is saved before its projections are written, and those before its dependents are looked for.
    """

    def read(self, mail_ids: Iterable[str]) -> dict[str, LinkedMail]:
        """By id; what is not stored is left out. Batched by partition: a bounded number of requests for 100
        mails."""
        ...

    def known_as(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Which stored mails have this Message-ID, by keyed hash; at most 20 each, in order of id. Batched by
        partition."""
        ...

    def naming(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Which stored mails name (answer) this Message-ID, by keyed hash. Batched by partition."""
        ...

    def index_tokens(self, tokens: Iterable[tuple[str, str]]) -> None:
        """Pairs of the keyed hash of an incident's key (`domain.ours.incident_key`) and the id of a mail with
        its token in the subject; `naming` answers them from then on. Idempotent."""
        ...

    def walk(self, cursor: str | None) -> tuple[list[LinkedMail], str | None]:
        """All stored mails, a page of at most 500 and the cursor of the next; for changes that concern mails
        which no index finds. Raises `ValueError` for a bad cursor."""
        ...

    def members(self, conversation_hash: str) -> Iterator[str]:
        """Ids of the stored mails of a conversation, a page a request."""
        ...

    def conversation_incidents(
        self, conversation_hashes: Iterable[str], *, apart_from: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Distinct incidents (before merges) in which mails of each conversation are placed with stratum
        `CERTAIN`; at most 10. For each a request, and one more for each incident. `apart_from`: a mail whose
        placement is not counted. Reads placement rows that `project` writes."""
        ...

    def save(self, states: Sequence[tuple[LinkedMail, MailState]]) -> dict[str, LinkedMail]:
        """Conditional writes of mails' rows, together where they share a partition, and their projections as
        `project` makes them. Left out of the answer is what somebody else changed meanwhile: read it again
        and decide again."""
        ...

    def relinks_begun(self) -> str:
        """Another text whenever a re-decision has begun since. Who reads it before a mail's inputs and finds
        it the same after projecting the mail knows that no re-decision can have missed it."""
        ...

    def begin_relink(self) -> None:
        """After a change of an incident or a unit is saved and before the mails that it concerns are looked
        for."""
        ...

    def log(self, activity: Activity, change: str) -> None:
        """Writes the activity log's entry of a person's decision; the same `change` again is the same
        entry."""
        ...

    def project(self, linked: Sequence[LinkedMail]) -> None:
        """Derives placement rows, tab rows (`IncidentMailStore.put`/`remove`) and triage rows from the mails'
        states; idempotent, removes what an earlier state left (`placed_before`).

        Another worker may have saved and projected a newer state before: who finds a row changed after
        projecting it projects again, so that the last projection is always one of the last state."""
        ...

    def undecided_or_weak(
        self,
        since: datetime | None,
        before: datetime | None,
        units: frozenset[str] | None,
        cursor: str | None,
    ) -> tuple[list[str], str | None]:
        """Ids of mails that wait in triage or whose own link is a business unit's suggestion (rule
        `BUSINESS_UNIT`), received in the span, of these units (None: any); a page of at most 500 and the
        cursor of the next."""
        ...

    def mails_in(self, incident_id: str, cursor: str | None) -> tuple[list[str], str | None]:
        """Ids of the mails placed in an incident (before merges), a page of at most 500."""
        ...


class IncidentStore(Protocol):
    """Incidents, their merges, and which are of a unit."""

    def read(self, incident_id: str) -> Versioned[Incident] | None:
        """One point read."""
        ...

    def read_many(self, incident_ids: Iterable[str]) -> dict[str, Incident]:
        """Batched; unknown ones are left out."""
        ...

    def spelled(self, incident_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The stored ids that equal each of these without regard to case (`str.casefold`), in order; a
        subject may come back in another case. One query each."""
        ...

    def of_units(self, unit_ids: Iterable[str]) -> dict[str, tuple[Incident, ...]]:
        """Every incident that impacts a unit, merged ones included, by unit; one query a unit."""
        ...

    def merged(self, incident_ids: Iterable[str]) -> dict[str, str]:
        """Child to parent for these incidents and for all their parents, so that `root_of` can follow."""
        ...

    def merged_into(self, incident_id: str) -> tuple[str, ...]:
        """All incidents whose mails this one shows (children and theirs), without itself, in order of id."""
        ...

    def save(self, incident: Incident, etag: str | None, activity: Activity) -> Versioned[Incident]:
        """Row and activity log entry in one transaction, then the rows by unit (a crash in between is
        finished by the pending work that callers write first). Raises `ConflictError`."""
        ...

    def reproject(self, incident: Incident) -> None:
        """Writes the rows by unit again from the incident; idempotent."""
        ...

    def page(
        self, *, limit: int, cursor: str | None, status: str | None, text: str | None
    ) -> tuple[list[Incident], str | None]:
        """Newest created first. `text`: in id or title, in any case. Raises `ValueError` for a bad cursor."""
        ...


@dataclass(frozen=True, slots=True)
class PendingWork:
    """A change whose re-decision is not finished. `kind`: `mail`, `incident` or `unit`; `subject`: its id.
    `change` tells two changes of one subject apart. `at`: when it was last known to be under way. `before`:
    what the re-decision needs of how things stood (unit ids), JSON values only. `cursor`: how far it got."""

    kind: str
    subject: str
    change: str
    at: datetime
    before: Mapping[str, object]
    cursor: str | None = None


class PendingStore(Protocol):
    """Rows in table `pending`, partition `relink`: written first, removed last."""

    def put(self, work: PendingWork) -> None:
        """Inserts or replaces the row of (kind, subject, change)."""
        ...

    def done(self, work: PendingWork) -> None:
        """Removes it; absent is fine."""
        ...

    def read(self, kind: str, subject: str, change: str) -> PendingWork | None:
        """One point read."""
        ...

    def older_than(self, at: datetime, limit: int) -> list[PendingWork]:
        """What a crash or a lost message left, oldest first; reads what is pending only."""
        ...


class TriageView(StrEnum):
    """Which list of triage."""

    WAITING = "waiting"
    """In no incident: a person is asked."""
    SUGGESTED = "suggested"
    """A business unit's suggestion: in the tab already, and to be accepted or refused."""
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class TriageMail:
    """A mail as triage lists it: no evidence, no parts beyond the first 20, no history, no
    `placed_before`."""

    mail: Mail
    state: MailState


@dataclass(frozen=True, slots=True)
class TriagePage:
    """A page, newest received first. `cursor`: opaque; None: nothing follows."""

    mails: tuple[TriageMail, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class MailFilter:
    """Which mails of a tab; None: any. `unit`: id of a business unit. `text`: words that must all stand in
    subject, preview, or a person's name or address, in any case."""

    unit: str | None = None
    direction: str | None = None
    kind: str | None = None
    text: str | None = None
    has_attachments: bool | None = None
    unread: bool | None = None
    unverified: bool | None = None
    suggested: bool | None = None


@dataclass(frozen=True, slots=True)
class TabMail:
    """A row of the tab: the mail as lists show it (no evidence, no parts beyond the first 20) and its state
    (no history, no `placed_before`)."""

    mail: Mail
    state: MailState
    incident_id: str
    """The incident whose partition it lies in, before merges."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation of the tab. `id`: key-safe. `latest`: its newest mail, through a filter the newest that
    matches; `incident_id`: where that one lies. Everything else is of all its mails."""

    id: str
    incident_id: str
    latest: TabMail
    count: int
    unread: int
    units: tuple[str, ...]
    has_attachments: bool


@dataclass(frozen=True, slots=True)
class TabPage:
    """A page, newest first. `cursor`: opaque; None: nothing follows. Exactly one of `mails` and
    `conversations` is filled, as asked."""

    mails: tuple[TabMail, ...]
    conversations: tuple[Conversation, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class TabChange:
    """One change of an incident's mails. `kind`: `added`, `changed`, `removed`."""

    sequence: int
    at: datetime
    kind: str
    mail_id: str


class IncidentMailStore(Protocol):
    """The tab of incidents: one partition an incident, written in transactions that also count, number the
    change and move the tab's version, so that nothing is counted twice and no change has a gap.

    Every method takes the incidents whose partitions make the tab (the incident and those merged into it) and
    reads them as one ordered merge.
    """

    def put(self, incident_id: str, mails: Sequence[LinkedMail], at: datetime) -> None:
        """Rows of these mails as they are now; the same again changes nothing. `at`: for the change log."""
        ...

    def remove(self, incident_id: str, mails: Sequence[Mail], at: datetime) -> None:
        """Absent is fine."""
        ...

    def version(self, incident_ids: Sequence[str]) -> str:
        """Moves with every change of the tab: for `ETag`. One point read an incident."""
        ...

    def flat(
        self, incident_ids: Sequence[str], where: MailFilter, *, limit: int, cursor: str | None
    ) -> TabPage:
        """Single mails, newest received first. Raises `ValueError` for a bad cursor."""
        ...

    def conversations(
        self, incident_ids: Sequence[str], where: MailFilter, *, limit: int, cursor: str | None
    ) -> TabPage:
        """By newest mail as the tab stood when the first page was read, so that none is skipped or repeated
        while mail arrives. Raises `ValueError` for a bad cursor."""
        ...

    def conversation(
        self, incident_ids: Sequence[str], conversation_id: str, *, limit: int, cursor: str | None
    ) -> TabPage:
        """The mails of one conversation, newest first. Raises `ValueError` for a bad cursor."""
        ...

    def find(self, incident_ids: Sequence[str], mail: Mail) -> TabMail | None:
        """One point read an incident."""
        ...

    def counts(self, incident_ids: Sequence[str]) -> Mapping[str, int]:
        """`mails`, `unread`, `suggested`, `unverified`; from the version rows."""
        ...

    def changes(
        self, incident_ids: Sequence[str], cursor: str | None, *, limit: int
    ) -> tuple[list[TabChange], str]:
        """Since the cursor (None: from the beginning), without gaps, oldest first, and the cursor to go on
        with. Raises `ValueError` for a bad cursor."""
        ...


class SubjectTokenKeys(Protocol):
    """The keys that sign subject tokens: made once, rotated by an admin, kept in Key Vault. All listed
    versions verify, the newest signs."""

    def keys(self) -> tuple[bytes, ...]:
        """Newest first. Kept for the life of the worker; what does not verify reads the list again at most
        once a minute."""
        ...

    def rotate(self, activity: Activity) -> int:
        """Adds a key; how many there are now."""
        ...
