"""The message as a value: what the preview shows, what is delivered over EWS and over SMTP.

Attachments are described here, their bytes are read by `key` while the message is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.mail import Address


class Mode(StrEnum):
    """What a mail is to the one it was begun from."""

    REPLY = "reply"
    REPLY_ALL = "replyAll"
    FORWARD = "forward"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class OutgoingPart:
    """An attachment or inline image. `key` is whatever its bytes are read by, `size_bytes` their exact count.

    `content_type` has no parameters. `content_id` (RFC 2392, without angle brackets) is what an inline
    image's `cid:` names; an attachment has none.
    """

    key: str
    name: str
    content_type: str
    size_bytes: int
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A whole message. `bcc` is for the envelope only and never written into the message's bytes.

    `message_id`, `in_reply_to` and `references` have angle brackets (RFC 5322, section 3.6.4). `html` and
    `text` are whole bodies, signature and quoted original included; empty: that body is left out.
    `auto_submitted`: no person sends it (RFC 3834). `inline` holds images that `html` names.
    """

    sender: Address
    to: tuple[Address, ...]
    subject: str
    message_id: str
    date: datetime
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    html: str = ""
    text: str = ""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    auto_submitted: bool = False
    attachments: tuple[OutgoingPart, ...] = ()
    inline: tuple[OutgoingPart, ...] = ()

    @property
    def parts(self) -> tuple[OutgoingPart, ...]:
        """Everything whose bytes are read while the message is written, in that order."""
        return self.inline + self.attachments


@dataclass(frozen=True, slots=True)
class ComposeMistake:
    """Why a message cannot go out. `field` as in the request: `to[3]`, `subject`, `attachments[0].name`."""

    field: str
    code: str
    detail: str


class ComposeError(Exception):
    """The message cannot be written; a person has to change what `mistakes` name."""

    def __init__(self, mistakes: tuple[ComposeMistake, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(f"{one.field}: {one.detail}" for one in mistakes[:5]))


class ContentChangedError(Exception):
    """An attachment's bytes are not as many as were announced: the message must not be sent.

    `size_bytes` is None where there are more than announced."""

    def __init__(self, part: OutgoingPart, size_bytes: int | None) -> None:
        self.part, self.size_bytes = part, size_bytes
        found = "more" if size_bytes is None else str(size_bytes)
        super().__init__(f"{part.name}: {part.size_bytes} bytes were announced, {found} came")
