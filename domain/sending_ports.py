"""What sending needs from the outside, as Protocols: the outbox, and the ways a mail leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.compose.message import OutgoingMessage
from domain.configuration import SmtpServer
from domain.mailboxes import MailboxSettings
from domain.outbox import Draft, OutboxEntry, RecipientOutcome
from domain.stored import Activity, Versioned


class OutboxStore(Protocol):
    """Outbox entries: table `outbox`, one partition, so that an entry, its due row and its place in the
    incident's list change in one transaction. What a mail says lies in blobs, written before the entry."""

    def create(self, entry: OutboxEntry, activity: Activity | None) -> tuple[Versioned[OutboxEntry], bool]:
        """Inserts where absent; else the entry that stands, whatever it says, and False."""
        ...

    def read(self, entry_id: str) -> Versioned[OutboxEntry] | None:
        """One point read."""
        ...

    def save(self, entry: OutboxEntry, etag: str, activity: Activity | None = None) -> Versioned[OutboxEntry]:
        """One transaction. An entry without `next_work_at` has no due row. Raises `ConflictError`."""
        ...

    def of_incident(
        self, incident_id: str, *, limit: int, cursor: str | None
    ) -> tuple[list[OutboxEntry], str | None]:
        """Newest first. Raises `ValueError` for a bad cursor."""
        ...

    def due(self, now: datetime, limit: int) -> list[OutboxEntry]:
        """Entries whose `next_work_at` has come: what a lost message or a dead deliverer left, and what is
        still looked for. Reads what is due only."""
        ...

    def held(self, mailbox_id: str, limit: int) -> list[OutboxEntry]:
        """What waits for a person to release it."""
        ...

    def awaited(self) -> dict[str, str]:
        """Entry ids by normalised Message-ID, of at most 1,000 entries that were submitted and of which
        nobody can say whether they left. One query, whatever was ever sent."""
        ...

    def known_as(self, message_id: str) -> str | None:
        """Which entry has, or had, this normalised Message-ID. One point read."""
        ...

    def put_message(self, entry_id: str, message: OutgoingMessage) -> None:
        """What the mail says, whole or not at all, before its entry; where it is there it stays."""
        ...

    def message(self, entry_id: str) -> OutgoingMessage:
        """Raises `NotFoundError`."""
        ...


class OutgoingContents(Protocol):
    """Bytes of outgoing attachments, by `OutgoingPart.key`."""

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Streams them into storage, whole or not at all; how many bytes were given. What is there stays."""
        ...

    def read(self, key: str) -> Iterator[bytes]:
        """Raises `NotFoundError`, on the first step."""
        ...

    def delete(self, key: str) -> None:
        """Absent is fine."""
        ...


class SentPlace(StrEnum):
    """Where a mail with our send id was found."""

    DRAFTS = "drafts"
    SENT_ITEMS = "sentitems"


@dataclass(frozen=True, slots=True)
class FoundMail:
    """A mail on the server that carries our send id."""

    place: SentPlace
    draft: Draft
    is_submitted: bool
    """`IsSubmitted`: on its way already."""


class DraftSender(Protocol):
    """A mailbox over EWS. Raises `RetryLaterError`, `AdminActionError`; after either of
    them from `send_draft` the mail may have left."""

    def create_draft(
        self,
        message: Callable[[], Iterator[bytes]],
        *,
        send_id: str,
        to: Sequence[str],
        cc: Sequence[str],
        bcc: Sequence[str],
    ) -> Draft:
        """`CreateItem` with `SaveOnly` into drafts: the MIME, the send id and the recipients in one call,
        streamed in bounded memory."""
        ...

    def find_sent(self, send_id: str, created_after: datetime) -> list[FoundMail]:
        """Mails with this send id in Drafts and Sent Items, created since."""
        ...

    def look_at_draft(self, draft: Draft) -> FoundMail | None:
        """The recorded draft as it is now; None: gone."""
        ...

    def send_draft(self, draft: Draft) -> None:
        """`SendItem` with the copy to Sent Items. Raises `DraftChangedError`, `DraftGoneError`."""
        ...

    def delete_draft(self, draft: Draft) -> None:
        """For a draft that must never be sent; gone is fine."""
        ...


class DraftSenders(Protocol):
    """Opens mailboxes for sending."""

    def open_sender(self, settings: MailboxSettings) -> DraftSender:
        """No I/O before the first call. Raises `AdminActionError` where the settings cannot work."""
        ...


class DraftChangedError(Exception):
    """The draft's ChangeKey is another one: a person or a rule changed it (`ErrorIrresolvableConflict`,
    `ErrorStaleObject`)."""


class DraftGoneError(Exception):
    """The draft is not there any more (`ErrorItemNotFound`)."""


@dataclass(frozen=True, slots=True)
class SmtpResult:
    """How an SMTP transaction ended: by the server's own answer.

    `refused`: recipients that the server refused (RCPT). `accepted`: the end of DATA was answered with 250.
    `code`: the reply's, such as `SMTP 451`; `detail`: its text."""

    accepted: bool
    refused: tuple[RecipientOutcome, ...]
    code: str = ""
    detail: str = ""

    @property
    def is_passing(self) -> bool:
        """The server says that it may take the mail later (RFC 5321, section 4.2.1: 4yz)."""
        return self.code.startswith("SMTP 4")


class SmtpSender(Protocol):
    """An SMTP server. Raises `RetryLaterError` and `AdminActionError` where nothing can have left, and
    `AnswerLostError` where the end of DATA was not answered."""

    def send(
        self,
        server: SmtpServer,
        *,
        sender: str,
        recipients: Sequence[str],
        message: Callable[[], Iterator[bytes]],
        before_data: Callable[[], None],
        still_at_work: Callable[[], None],
    ) -> SmtpResult:
        """`before_data` is called once, after a recipient was accepted and before DATA is begun;
        `still_at_work` every few seconds while the message goes out or its answer is waited for. What the
        callbacks raise ends the transaction before the end of DATA and goes on up."""
        ...


class AnswerLostError(Exception):
    """The connection ended after the end of DATA and before its answer: nobody can tell whether it left."""
