"""Partition and row keys: fixed-width times, escapes for what keys may not hold, and short hashes.

Keys may not hold `/ \\ # ?` nor control characters and at most 1 KiB (Microsoft: "Understanding the Table
service data model"). `;` separates the parts of a key and `<`, its successor, ends a range over all keys with
a part."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from domain.identity import item_hash

SEPARATOR = ";"
AFTER_SEPARATOR = "<"
MAX_TEXT = 400
_LAST_MILLISECOND = 10**16 - 1
_PLAIN = re.compile(r"[a-z0-9@._*-]", re.ASCII)

__all__ = [
    "AFTER_SEPARATOR",
    "SEPARATOR",
    "inverted",
    "item_hash",
    "key_time",
    "partition_of",
    "safe",
    "split_id",
]


def key_time(moment: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def inverted(moment: datetime) -> str:
    """16 digits which sort newest first, by the millisecond."""
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{_LAST_MILLISECOND - since_epoch // timedelta(milliseconds=1):016d}"


def safe(text: str) -> str:
    """`text` as part of a key: all but lower-case letters, digits and `@._*-` as `=XX` (UTF-8, hexadecimal).

    What grows beyond 400 characters becomes `~` and its SHA-256 instead.
    """
    escaped = "".join(
        c if _PLAIN.fullmatch(c) else "".join(f"={byte:02X}" for byte in c.encode("utf-8", "replace"))
        for c in text
    )
    return (
        escaped
        if len(escaped) <= MAX_TEXT
        else f"~{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"
    )


def split_id(mail_id: str) -> tuple[str, str]:
    """A mail's id as (mailbox id, hexadecimal identity). Raises `ValueError`."""
    mailbox_id, dot, identity = mail_id.rpartition(".")
    if (
        not dot
        or not re.fullmatch(r"[0-9a-f]{32}", identity)
        or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", mailbox_id)
    ):
        raise ValueError("not a mail id")
    return mailbox_id, identity


def partition_of(mail_id: str) -> str:
    """The partition of a mail's row, `{mailbox}-{0..3}`."""
    mailbox_id, identity = split_id(mail_id)
    return f"{mailbox_id}-{quarter(identity)}"


def quarter(digest: str) -> str:
    """Which of four partitions a hexadecimal digest belongs to, by its first two bits."""
    return str(int(digest[0], 16) >> 2)


def by_quarter(kind: str, hashes: Iterable[str]) -> dict[str, list[str]]:
    """Keyed hashes by the partition `{kind}-{quarter}` that they lie in, each once and in order."""
    found: dict[str, list[str]] = {}
    for one in sorted(set(hashes)):
        found.setdefault(f"{kind}-{quarter(one)}", []).append(one)
    return found
