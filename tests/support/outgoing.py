"""An outgoing message to vary, and its bytes read again by the standard library's parsers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from domain.compose.message import OutgoingMessage, OutgoingPart
from domain.compose.mime import compose
from domain.mail import Address

PLAIN = OutgoingMessage(
    sender=Address("SOC", "soc@corp.example"),
    to=(Address("Ann", "ann@fin.example"),),
    subject="Re: [INC-1042 k7fq2m9x] Invoice",
    message_id="<000102030405060708090a0b@corp.example>",
    date=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
    html="<p>Thank you.</p>",
    text="Thank you.\n",
)


def changed(**changes: object) -> OutgoingMessage:
    """`PLAIN` with other values."""
    return replace(PLAIN, **changes)  # type: ignore[arg-type]


def file(key: str, content: bytes, name: str, content_type: str = "application/pdf") -> OutgoingPart:
    """An attachment that announces `content`."""
    return OutgoingPart(key, name, content_type, len(content))


def composed(message: OutgoingMessage, contents: Mapping[str, bytes] | None = None) -> bytes:
    """The message's bytes, every content read in chunks of 1,000 bytes."""
    known = contents or {}
    return b"".join(
        compose(message, lambda key: [known[key][at : at + 1_000] for at in range(0, len(known[key]), 1_000)])
    )


def parsed(raw: bytes) -> EmailMessage:
    """As a strict reader sees it; defects anywhere are a failure."""
    message: EmailMessage = message_from_bytes(raw, policy=policy.default)
    for part in message.walk():
        assert not part.defects, part.defects
    return message
