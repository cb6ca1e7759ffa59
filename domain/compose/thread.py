"""Message-IDs and threading fields (RFC 5322, section 3.6.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from domain.compose.addresses import ascii_domain
from domain.mail import Mail

MAX_REFERENCES = 50
MIN_RANDOM_BYTES = 12
"""96 bits: nobody guesses the id of a mail that we sent, and so links nothing by it."""
_MAX_ID_CHARS = 900
"""An id cannot be folded, and a line has at most 998 characters."""
_ID = re.compile(r"<([^<>]+)>")
_SAFE_ID = re.compile(r"[!-;=?-~]+")


@dataclass(frozen=True, slots=True)
class Thread:
    """What a message answers; ids with angle brackets, the parent's last."""

    in_reply_to: str | None = None
    references: tuple[str, ...] = ()


def new_message_id(random_bytes: bytes, domain: str) -> str:
    """`<hex digits@domain>`. Raises `ValueError` for fewer than 12 bytes, `BadAddressError` for no domain."""
    if len(random_bytes) < MIN_RANDOM_BYTES:
        raise ValueError("a Message-ID needs at least 96 random bits")
    return f"<{random_bytes.hex()}@{ascii_domain(domain)}>"


def answer_to(
    message_id: str | None, references: Iterable[str] = (), in_reply_to: Iterable[str] = ()
) -> Thread:
    """The fields of an answer to a message with these fields (ids with or without angle brackets).

    Without References its In-Reply-To counts where it names a single message. Ids that no field can hold are
    left out; of more than 50 the first, which begins the thread, and the last 49 stay.
    """
    parent = _clean(message_id or "")
    earlier = [clean for one in references if (clean := _clean(one))]
    if not earlier:
        named = [clean for one in in_reply_to if (clean := _clean(one))]
        earlier = named if len(named) == 1 else []
    ids = list(dict.fromkeys(one for one in earlier if one != parent))
    if parent:
        ids.append(parent)
    if len(ids) > MAX_REFERENCES:
        ids = ids[:1] + ids[-(MAX_REFERENCES - 1) :]
    return Thread(parent, tuple(ids))


def answer_to_mail(mail: Mail) -> Thread:
    """The fields of an answer to a stored mail, or of it forwarded."""
    evidence = mail.evidence
    return answer_to(mail.internet_message_id, evidence.references, evidence.in_reply_to)


def is_message_id(text: str) -> bool:
    """Can this stand in a header field as it is?"""
    return _clean(text) == text


def _clean(text: str) -> str | None:
    found = _ID.search(text)
    inner = "".join((found[1] if found else text).split())
    if not _SAFE_ID.fullmatch(inner) or len(inner) > _MAX_ID_CHARS:
        return None
    return f"<{inner}>"
