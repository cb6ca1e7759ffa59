"""What the areas need from the outside, as Protocols: the mail server, storage, secrets, queues and the
clock.

Adapters live in `exchange/` and `store/`; a Microsoft Graph adapter would implement `MailServer` and
`MailServers` and nothing else would change. Every method may raise `RetryLaterError` (passing trouble) or
`AdminActionError`; what else it raises is said at the method.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from domain.business_units import BusinessUnit
from domain.connection_test import OtherMailboxResult, Step, StepResult
from domain.folder_sync import FolderSync
from domain.linking_ports import TriagePage, TriageView
from domain.mail import Mail
from domain.mailboxes import FolderSelection, MailboxConfiguration, MailboxSettings, PollState
from domain.server_items import (
    ChangePage,
    Envelope,
    FetchedMessage,
    FolderGone,
    FolderState,
    ItemFailure,
    ItemPage,
    MailFolder,
)
from domain.stored import Activity, ItemPlace, StoredRaw, Versioned, WaitingAnswer


class MailServer(Protocol):
    """One mailbox on its server, signed in when needed. Safe for use by several threads."""

    def own_address(self) -> str:
        """The mailbox's SMTP address: the settings' own, or, where they hold a login, asked from the server
        once a session."""
        ...

    def folder_tree(self) -> list[MailFolder]:
        """The whole tree below the mailbox's root, depth first, paged inside."""
        ...

    def folder_states(self, folder_ids: Sequence[str]) -> list[FolderState | FolderGone]:
        """One request for all; answers in the order asked. `inbox` and `sentitems` may stand for ids."""
        ...

    def changes(self, folder_id: str, sync_state: str | None, *, limit: int, ids_only: bool) -> ChangePage:
        """Next page of changes. `ids_only`: summaries hold id and received time alone (first walks).

        Raises `SyncStateInvalidError`, `FolderGoneError`.
        """
        ...

    def received_between(
        self, folder_id: str, since: datetime, before: datetime | None, *, limit: int
    ) -> ItemPage:
        """The newest `limit` items received at or after `since` (and at or before `before`), newest first."""
        ...

    def envelopes(self, item_ids: Sequence[str]) -> list[Envelope | ItemFailure]:
        """Recipients, headers and the other properties that sync answers leave out; never MIME. In the order
        asked."""
        ...

    def messages(self, item_ids: Sequence[str]) -> Iterator[FetchedMessage | ItemFailure]:
        """The items' raw messages in one request, streamed, in the order the server sends them."""
        ...


class MailServers(Protocol):
    """Opens mailboxes; keeps connections and tokens for the life of the worker."""

    def open(self, settings: MailboxSettings) -> MailServer:
        """No I/O before the first call. A changed secret version or server makes a new session."""
        ...


class ConnectionTester(Protocol):
    """Tries settings out, saved or not. Stores nothing, keeps no connection and no token, and raises none of
    what the mail server, the token endpoint or Key Vault refuse: that is in the results."""

    def run(
        self, settings: MailboxSettings, secret: str | None, steps: Collection[Step] = tuple(Step)
    ) -> Iterator[StepResult]:
        """Each of `steps` in order as it ends; what they need of earlier steps is done for them. After the
        first failure the rest is not reached. `secret`: as typed; None: the one that the settings name.

        Ends within 15 seconds, whoever does not answer.
        """
        ...

    def try_other_mailbox(
        self, settings: MailboxSettings, secret: str | None, address: str
    ) -> OtherMailboxResult:
        """Whether the same app can open this mailbox too."""
        ...


class PollSchedule(Protocol):
    """Which mailboxes are due. Claim and finish are one conditional write each."""

    def due(self, now: datetime, limit: int) -> list[Versioned[PollState]]:
        """States whose `due_at` (or expired claim) is at or before `now`, oldest first; reads what is due
        only.

        `etag` is opaque: what `save` needs in order to replace exactly this state.
        """
        ...

    def read(self, mailbox_id: str) -> Versioned[PollState] | None:
        """One point read."""
        ...

    def save(self, state: PollState, etag: str | None) -> Versioned[PollState]:
        """Replaces the state that `etag` stands for (None: there must be none) in one transaction.

        A state is due at `claimed_until` where that is set, else at `due_at`, else never. Raises
        `ConflictError`.
        """
        ...


class MailboxStore(Protocol):
    """Settings, folder selection and rewalk request of mailboxes."""

    def read_settings(self, mailbox_id: str) -> Versioned[MailboxSettings] | None:
        """One point read."""
        ...

    def read(self, mailbox_id: str) -> MailboxConfiguration | None:
        """One query of one partition."""
        ...

    def list_ids(self) -> list[str]:
        """All mailboxes that were ever configured, `default` first; some may have been removed since."""
        ...

    def save_settings(self, settings: MailboxSettings, etag: str | None, activity: Activity) -> str:
        """Settings and activity log entry in one transaction; the new ETag. Raises `ConflictError`."""
        ...

    def save_selection(
        self, mailbox_id: str, selection: FolderSelection, etag: str | None, activity: Activity
    ) -> str:
        """Selection and activity log entry in one transaction; the new ETag. Raises `ConflictError`."""
        ...

    def remove(self, mailbox_id: str, etag: str, activity: Activity) -> None:
        """Settings, selection and rewalk request go and the activity log entry comes, in one transaction.
        `etag`: the settings'. Raises `ConflictError`, for a selection changed meanwhile too."""
        ...

    def request_rewalk(self, mailbox_id: str, at: datetime) -> None:
        """Asks for the look-back window to be walked again; a later request replaces an earlier one."""
        ...


class FolderSyncStore(Protocol):
    """Checkpoints of a mailbox's folders."""

    def read_all(self, mailbox_id: str) -> list[Versioned[FolderSync]]:
        """All folders of the mailbox in one query, without sync states (`sync_state` is None in each)."""
        ...

    def read(self, mailbox_id: str, folder_id: str) -> Versioned[FolderSync] | None:
        """One folder with its sync state."""
        ...

    def save(self, sync: FolderSync, etag: str | None) -> Versioned[FolderSync]:
        """Writes the whole row where `etag` still holds (None: insert). Raises `ConflictError`."""
        ...

    def delete(self, mailbox_id: str, folder_id: str) -> None:
        """Forgets the checkpoint of a folder that is no longer selected; absent is fine."""
        ...


class RawMailStore(Protocol):
    """Raw messages in Blob Storage: written once, never changed."""

    def put(self, mail_id: str, chunks: Iterable[bytes]) -> StoredRaw:
        """Streams the message into its blob in bounded memory. The blob appears whole or not at all; where
        one
        with this name is there, it is kept and described."""
        ...

    def read(self, mail_id: str, offset: int = 0, length: int | None = None) -> bytes:
        """A range of the raw message. Raises `NotFoundError`."""
        ...

    def stream(self, mail_id: str) -> Iterator[bytes]:
        """The whole raw message in chunks. Raises `NotFoundError`."""
        ...

    def size(self, mail_id: str) -> int:
        """Raises `NotFoundError`."""
        ...


class MailStore(Protocol):
    """Mail rows, the index of who names whom, item places, and the lists of triage.

    Every write is idempotent: the same mails written again, in any grouping, end in the same rows.
    """

    def put(self, mails: Sequence[Mail]) -> list[Mail]:
        """Writes rows that are absent; where a row is there it stays, except that a row with a `problem`
        yields to
        one without. Answers the mails as they now stand, in the order given."""
        ...

    def put_references(self, mails: Sequence[Mail]) -> None:
        """Index rows: own Message-ID, each referenced Message-ID, conversation (keyed hashes)."""
        ...

    def put_places(self, mailbox_id: str, places: Sequence[ItemPlace]) -> None:
        """Remembers which item became which mail."""
        ...

    def place(self, mailbox_id: str, folder_id: str, item_id: str) -> ItemPlace | None:
        """Point read."""
        ...

    def note_removed(self, mailbox_id: str, folder_id: str, item_ids: Sequence[str], at: datetime) -> int:
        """Notes on the places of these items that they left the folder; answers how many were ours."""
        ...

    def known_among(self, hashes: Iterable[str]) -> set[str]:
        """Those of these keyed hashes that are the own Message-ID or the conversation of a stored mail."""
        ...

    def put_waiting(self, answers: Sequence[WaitingAnswer]) -> None:
        """Remembers answers whose message is unknown."""
        ...

    def waiting_for(self, hashes: Sequence[str], now: datetime) -> list[WaitingAnswer]:
        """Answers that wait for one of these and have not expired."""
        ...

    def delete_waiting(self, answer: WaitingAnswer) -> None:
        """After the answer was decided; absent is fine."""
        ...

    def purge_waiting(self, now: datetime) -> int:
        """Forgets the answers that have waited to their end; answers how many rows went."""
        ...

    def unreadable_recorded(self, mailbox_id: str) -> bool:
        """Whether any mail of the mailbox was ever recorded with a problem."""
        ...

    def drop_unreadable(self, mail_ids: Sequence[str]) -> None:
        """Removes these mails, rows and projections, where they record a problem: the mail has come."""
        ...

    def keyed_hash(self, text: str) -> str:
        """HMAC of a normalised Message-ID (or `conversation:` + id) under the installation's reference
        key."""
        ...

    def read(self, mail_id: str) -> Mail | None:
        """Point read."""
        ...

    def triage(
        self,
        *,
        limit: int,
        cursor: str | None,
        business_unit: str | None = None,
        which: TriageView = TriageView.WAITING,
    ) -> TriagePage:
        """A list of triage, newest first: one partition, no filter but the unit. Raises `ValueError` for a
        bad cursor."""
        ...


class BusinessUnitStore(Protocol):
    """Business units and the look-up of addresses and domains, unique across units."""

    def read_all(self, *, include_archived: bool = True) -> list[Versioned[BusinessUnit]]:
        """All units, by name."""
        ...

    def read(self, unit_id: str) -> Versioned[BusinessUnit] | None:
        """Point read."""
        ...

    def save(self, unit: BusinessUnit, etag: str | None, activity: Activity) -> Versioned[BusinessUnit]:
        """Raises `ConflictError` for a changed row and `AddressTakenError` for an address of another unit."""
        ...

    def request_rewalks(self, at: datetime) -> None:
        """A pending row first, then a rewalk request on every mailbox, then the pending row goes."""
        ...

    def resume_rewalks(self, now: datetime) -> int:
        """Finishes what a crash in `save` or `request_rewalks` left pending; answers how many."""
        ...


class SecretReader(Protocol):
    """Who only uses secrets."""

    def read(self, name: str, version: str) -> str:
        """Raises `NotFoundError`, `AdminActionError` (access refused, version disabled)."""
        ...


class Secrets(SecretReader, Protocol):
    """Key Vault. Names carry the mailbox's creation id; secrets are never deleted, removal disables the
    version."""

    def write(self, name: str, value: str) -> str:
        """A new version's id."""
        ...

    def disable(self, name: str, version: str) -> None:
        """Switches a version off; absent is fine."""
        ...


class WorkQueue(Protocol):
    """Queue messages, base64 as the Functions host expects them."""

    def send(self, queue: str, body: Mapping[str, object], delay: timedelta = timedelta(0)) -> None:
        """One message of at most 48 KiB JSON."""
        ...


class MemoryBudget(Protocol):
    """Bounds what all invocations of this worker hold of messages at a time."""

    def hold(self, size_bytes: int) -> AbstractContextManager[None]:
        """Waits until that much is free (a single larger request is let through alone)."""
        ...


class Clock(Protocol):
    """Time, passed in."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...
