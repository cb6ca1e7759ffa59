"""A stored mail: envelope, evidence for linking, and where its parts lie in the raw message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Direction(StrEnum):
    """Seen from the mailbox."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class MailKind(StrEnum):
    """What a mail is besides a mail; what cannot be told is `MAIL`."""

    MAIL = "mail"
    AUTO_REPLY = "autoReply"
    BOUNCE = "bounce"
    """Somebody was not reached, or not yet."""
    DELIVERY_RECEIPT = "deliveryReceipt"
    READ_RECEIPT = "readReceipt"
    MEETING = "meeting"
    ENCRYPTED = "encrypted"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Address:
    """Display name (decoded, may be empty) and address as written."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree, located in the raw message, not loaded.

    `offset`, `length`: the encoded body's bytes in the raw message. `transfer_encoding`: lower case, RFC
    2045 section 6.
    `content_type` is lower case without parameters. `filename` is decoded, as the sender wrote it, not safe
    as a path.
    """

    offset: int
    length: int
    content_type: str = "text/plain"
    charset: str | None = None
    transfer_encoding: str = "7bit"
    disposition: str | None = None
    filename: str | None = None
    content_id: str | None = None
    """Without angle brackets (RFC 2392)."""

    @property
    def size_bytes(self) -> int:
        """Decoded size, exact for unencoded parts, else an estimate from the encoded length."""
        return self.length * 57 // 78 if self.transfer_encoding == "base64" else self.length

    @property
    def is_inline(self) -> bool:
        """Shown within the body: said so, or an image that the body can name by its Content-ID."""
        if self.disposition == "attachment":
            return False
        return self.disposition == "inline" or (
            self.content_id is not None and self.content_type.startswith("image/")
        )


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """What a report says of one recipient. `action`: RFC 3464 section 2.3.3 (`failed`, `delayed`,
    `delivered`, `relayed`, `expanded`) or RFC 8098 section 3.2.6.2 (`displayed`, `deleted`, ...). `status`:
    an enhanced status code (RFC 3463). `text`: the server's answer or reason, cut at 300 characters."""

    address: str
    action: str = "failed"
    status: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a bounce or a receipt is about. `message_ids`: of that mail, normalised; several where one was
    rewritten on its way. `answered`: what it answered, strongest first. At most 20 of each. `recipients`: at
    most 200. `subject`: the mail's."""

    message_ids: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    recipients: tuple[ReportedRecipient, ...] = ()
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What linking may rest on, as the mail says it."""

    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """Normalised Message-IDs, first and last 50."""
    authentication_results: tuple[str, ...] = ()
    """Topmost `Authentication-Results` (RFC 8601) only, at most one."""
    auth_as: str | None = None
    """`X-MS-Exchange-Organization-AuthAs`."""
    auto_submitted: str | None = None
    send_id: str | None = None
    report: Report | None = None
    """Of bounces and receipts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a mail could not be had whole (`vanished`, Exchange's code) or not be parsed to its end."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail's row. Nothing in it depends on when it was stored, so that a replay writes the same row.

    `id` is the identity (`domain.identity`): mailbox, normalised Message-ID and a digest.
    `sent_at` is the Date header, only shown; `received_at` the server's received time, in keys, never
    changing.
    `raw_size_bytes` is 0 where the raw message could not be had. Times in UTC.
    """

    id: str
    mailbox_id: str
    received_at: datetime
    direction: Direction
    kind: MailKind = MailKind.MAIL
    internet_message_id: str | None = None
    """As written, with angle brackets."""
    conversation_id: str | None = None
    sender: Address | None = None
    """The From header's first mailbox, else Sender."""
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    preview: str = ""
    """First 200 characters of the text, white space run together."""
    sent_at: datetime | None = None
    business_unit: str | None = None
    """Unit of the sender, else of the first recipient that has one."""
    evidence: Evidence = Evidence()
    parts: tuple[Part, ...] = ()
    text_part: int | None = None
    """Index into `parts` of the text/plain body, if any."""
    html_part: int | None = None
    header_bytes: int = 0
    """Length of the raw header block."""
    raw_size_bytes: int = 0
    raw_sha256: str | None = None
    problem: Problem | None = None
    recipients_cut: int = 0
    """Recipients beyond the first 1,000, kept in the raw message only."""

    @property
    def attachments(self) -> tuple[int, ...]:
        """Indexes into `parts` of everything that is not the body: `GET .../attachments/{n}` counts in
        these."""
        return tuple(n for n in range(len(self.parts)) if n not in (self.text_part, self.html_part))

    @property
    def has_attachments(self) -> bool:
        """Whether anything comes with it that is not shown within the body."""
        return any(not self.parts[index].is_inline for index in self.attachments)
