"""Properties from a message's bytes, however broken they are: what Exchange promotes from MIME when mail
arrives.

Nothing here raises for what a message holds. Headers are read from the first 256 KiB only.
"""

import binascii
import email.errors
import email.utils
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC
from email.header import decode_header
from email.utils import getaddresses, parsedate_to_datetime

HEADER_LIMIT_BYTES = 262_144

_HEADER_END = re.compile(rb"\r?\n\r?\n|\A\r?\n")
_HEADER = re.compile(r"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_LINE = re.compile(r"\r\n|\n")
_MESSAGE_ID = re.compile(r"<[^<>]*>")
_ATTACHED = re.compile(rb"^content-disposition:\s*attachment|^content-type:\s*message/rfc822", re.I | re.M)
_CALENDAR = re.compile(
    rb"^content-type:\s*text/calendar(?:[^\r\n]|\r?\n[ \t])*?method=\"?([a-z]+)", re.I | re.M
)
_PARTSTAT = re.compile(rb"PARTSTAT=([A-Z-]+)")
_SUBJECT_PREFIX = re.compile(r"^\s*(?:\w{1,3}(?:\[\d+\])?\s*:\s*)+")

# Early 3.11 and 3.12 are always lenient and do not know the argument.
_LENIENT = {"strict": False} if getattr(email.utils, "supports_strict_parsing", False) else {}

Address = tuple[str, str]
"""Display name and SMTP address; either may be empty."""


@dataclass(frozen=True, slots=True)
class Headers:
    """A message's header fields in their order: names as written, values unfolded but not decoded."""

    fields: list[tuple[str, str]]

    def first(self, name: str) -> str | None:
        """The first value of a field, not decoded."""
        wanted = name.lower()
        return next((value for key, value in self.fields if key.lower() == wanted), None)

    def text(self, name: str) -> str:
        """The first value of a field with its encoded words decoded, empty where there is none."""
        value = self.first(name)
        return "" if value is None else decoded(value)

    def addresses(self, name: str) -> list[Address]:
        """All addresses in all fields of this name."""
        wanted = name.lower()
        values = [value for key, value in self.fields if key.lower() == wanted]
        try:
            found = getaddresses(values, **_LENIENT)
        except (ValueError, IndexError, RecursionError):
            return []
        return [(decoded(display), address) for display, address in found if display or address]


@dataclass(frozen=True, slots=True)
class MailProperties:
    """What the server knows of a message besides its bytes. Times are milliseconds since 1970."""

    item_class: str
    subject: str
    topic: str
    message_id: str | None
    in_reply_to: str | None
    reference_ids: str | None
    sent_at: int | None
    importance: str
    has_attachments: bool
    sender: Address | None
    author: Address | None
    recipients: dict[str, list[Address]] = field(default_factory=dict)

    @property
    def conversation(self) -> bytes:
        """The conversation id: from the normalised subject, so it collides where subjects do."""
        return hashlib.md5(
            self.topic.strip().lower().encode("utf-8", "replace"), usedforsecurity=False
        ).digest()


def header_block(raw: bytes) -> bytes:
    """The bytes before the first empty line, at most 256 KiB."""
    start = raw[:HEADER_LIMIT_BYTES]
    end = _HEADER_END.search(start)
    return start[: end.start()] if end else start


def read_headers(raw: bytes) -> Headers:
    """The header fields; lines that are none are passed over."""
    block = header_block(raw)
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError:
        text = block.decode("latin-1")
    logical: list[str] = []
    for line in _LINE.split(text):
        if line[:1] in (" ", "\t") and logical:
            logical[-1] += line
        else:
            logical.append(line)
    fields = [(match[1], match[2].strip()) for line in logical if (match := _HEADER.match(line))]
    return Headers(fields)


def decoded(value: str) -> str:
    """A header value with its RFC 2047 encoded words decoded, as far as they can be."""
    if "=?" not in value:
        return value
    try:
        parts = decode_header(value)
    except (email.errors.HeaderParseError, binascii.Error, ValueError):
        return value
    text = "".join(one if isinstance(one, str) else _decode_bytes(one, charset) for one, charset in parts)
    return text.encode("utf-8", "replace").decode("utf-8")  # some charsets bring lone surrogates


def _decode_bytes(chunk: bytes, charset: str | None) -> str:
    try:
        return chunk.decode(charset or "ascii", "replace")
    except (LookupError, ValueError):
        return chunk.decode("latin-1")


def normalised_subject(subject: str) -> str:
    """The subject without prefixes of up to three letters (Re:, AW:, WG:), Exchange's conversation topic."""
    return _SUBJECT_PREFIX.sub("", subject).strip()


def read_properties(raw: bytes, *, internal_domain: str) -> MailProperties:
    """Everything that the server promotes from a message's bytes."""
    headers = read_headers(raw)
    subject = headers.text("Subject")
    authors = headers.addresses("From")
    senders = headers.addresses("Sender") or authors
    author = authors[0] if authors else (senders[0] if senders else None)
    return MailProperties(
        item_class=_item_class(raw, headers, author, internal_domain),
        subject=subject,
        topic=normalised_subject(subject),
        message_id=_message_id(headers.first("Message-ID")),
        in_reply_to=headers.first("In-Reply-To") or None,
        reference_ids=headers.first("References") or None,
        sent_at=_sent_at(headers.first("Date")),
        importance=_importance(headers),
        has_attachments=_ATTACHED.search(raw) is not None,
        sender=senders[0] if senders else None,
        author=author,
        recipients={
            "to": headers.addresses("To"),
            "cc": headers.addresses("Cc"),
            "bcc": headers.addresses("Bcc"),
            "reply_to": headers.addresses("Reply-To"),
        },
    )


def _message_id(value: str | None) -> str | None:
    if not value:
        return None
    found = _MESSAGE_ID.search(value)
    return found.group() if found else value


def _sent_at(value: str | None) -> int | None:
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        milliseconds = int(moment.timestamp() * 1000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return milliseconds if 0 <= milliseconds < 32_503_680_000_000 else None


def _importance(headers: Headers) -> str:
    value = (headers.first("Importance") or "").strip().lower()
    if value in ("high", "low"):
        return value.capitalize()
    priority = (headers.first("X-Priority") or "").strip()[:1]
    return {"1": "High", "2": "High", "4": "Low", "5": "Low"}.get(priority, "Normal")


def _item_class(raw: bytes, headers: Headers, author: Address | None, internal_domain: str) -> str:
    content_type = (headers.first("Content-Type") or "").lower()
    if content_type.startswith("multipart/report"):
        if "delivery-status" in content_type:
            return (
                "REPORT.IPM.Note.NDR"
                if re.search(rb"^action:\s*failed", raw, re.I | re.M)
                else "REPORT.IPM.Note.DR"
            )
        if "disposition-notification" in content_type:
            return "REPORT.IPM.Note.IPNRN"
    if content_type.startswith("multipart/signed"):
        return "IPM.Note.SMIME.MultipartSigned"
    if content_type.startswith(("application/pkcs7-mime", "application/x-pkcs7-mime")):
        return "IPM.Note.SMIME"
    if b"text/calendar" in raw or b"text/Calendar" in raw or b"TEXT/CALENDAR" in raw:
        meeting = _meeting_class(raw)
        if meeting is not None:
            return meeting
    if (headers.first("Auto-Submitted") or "").lower().startswith("auto-replied"):
        internal = author is not None and author[1].lower().endswith("@" + internal_domain)
        if internal or headers.first("X-MS-Exchange-Inbox-Rules-Loop") is not None:
            return "IPM.Note.Rules.OofTemplate.Microsoft"
    return "IPM.Note"


def _meeting_class(raw: bytes) -> str | None:
    found = _CALENDAR.search(raw)
    method = found.group(1).upper() if found else b""
    if method == b"REQUEST":
        return "IPM.Schedule.Meeting.Request"
    if method == b"CANCEL":
        return "IPM.Schedule.Meeting.Canceled"
    if method == b"REPLY":
        status = _PARTSTAT.search(raw)
        answer = {b"DECLINED": "Neg", b"TENTATIVE": "Tent"}.get(status.group(1) if status else b"", "Pos")
        return f"IPM.Schedule.Meeting.Resp.{answer}"
    return None
