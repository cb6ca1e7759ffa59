"""What a person is told before a message is queued: mistakes in its fields, no recipients, its size."""

from __future__ import annotations

from dataclasses import dataclass

from domain.compose.addresses import needs_smtputf8
from domain.compose.message import ComposeMistake, OutgoingMessage
from domain.compose.mime import encoded_size_bytes
from domain.compose.mistakes import find_header_mistakes

MAX_BODY_CHARS = 5_000_000
DEFAULT_CONTENT_BYTES = 25 * 1024 * 1024
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """`content_bytes`: bodies and files as they are; `encoded_bytes`: the message as the server counts it,
    None where it has told no limit."""

    content_bytes: int = DEFAULT_CONTENT_BYTES
    encoded_bytes: int | None = None


def find_mistakes(message: OutgoingMessage, limits: SizeLimits) -> tuple[ComposeMistake, ...]:
    """Everything that is wrong with it; empty: it can go out. No attachment is read."""
    found = list(find_header_mistakes(message))
    if not (message.to or message.cc or message.bcc):
        found.append(ComposeMistake("to", "Required", "Enter at least one recipient."))
    for field, body in (("html", message.html), ("text", message.text)):
        if len(body) > MAX_BODY_CHARS:
            found.append(ComposeMistake(field, "TooLong", f"This has more than {MAX_BODY_CHARS} characters."))
    total = content_size_bytes(message)
    if total > limits.content_bytes:
        found.append(_too_large(total, limits.content_bytes))
    elif limits.encoded_bytes is not None and not found:
        encoded = encoded_size_bytes(message)
        if encoded > limits.encoded_bytes:
            found.append(_too_large(encoded, limits.encoded_bytes))
    return tuple(found)


def smtputf8_addresses(message: OutgoingMessage) -> tuple[str, ...]:
    """Addresses that only a server with SMTPUTF8 (RFC 6531) can take, the sender's included."""
    people = (message.sender, *message.to, *message.cc, *message.bcc)
    return tuple(dict.fromkeys(one.address for one in people if needs_smtputf8(one.address)))


def content_size_bytes(message: OutgoingMessage) -> int:
    """Bodies, inline images and attachments before they are encoded."""
    bodies = len(message.html.encode("utf-8", "replace")) + len(message.text.encode("utf-8", "replace"))
    return bodies + sum(part.size_bytes for part in message.parts)


def _too_large(size_bytes: int, limit_bytes: int) -> ComposeMistake:
    detail = f"The mail has {size_bytes / _MEGABYTE:.1f} MB of at most {limit_bytes / _MEGABYTE:.1f} MB."
    return ComposeMistake("attachments", "TooLarge", detail)
