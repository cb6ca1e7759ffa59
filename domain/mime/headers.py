"""Header blocks to decoded fields: RFC 5322 with RFC 2047 words, raw 8-bit bytes and every malformation seen
in mail.

Nothing here raises on any input; what cannot be decoded is shown with replacement characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email import utils
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import getaddresses, parsedate_to_datetime

from domain.mail import Address

MAX_RECIPIENTS = 1_000
MAX_REFERENCES = 50
"""How many Message-IDs are kept from each end of a `References` field."""
# Early 3.11 and 3.12 are always lenient and do not know the argument.
_LENIENT = {"strict": False} if getattr(utils, "supports_strict_parsing", False) else {}
_MAX_FIELD_CHARS = 65_536

_FOLD = re.compile(r"\r?\n[ \t]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_WHITE_SPACE = re.compile(r"\s+")
_MESSAGE_ID = re.compile(r"<([^<>]*)>")
_COMMENT = re.compile(r"\([^()]*\)")


class Headers:
    """The fields of one header block, in order. Names match without regard to case."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self.fields = tuple(fields)
        self._first: dict[str, str] = {}
        for name, value in self.fields:
            self._first.setdefault(name.lower(), value)

    def get(self, name: str, default: str = "") -> str:
        """First field of this name, unfolded but not decoded; `default` where there is none."""
        return self._first.get(name.lower(), default)

    def get_all(self, name: str) -> list[str]:
        """All fields of this name, top first."""
        wanted = name.lower()
        return [value for key, value in self.fields if key.lower() == wanted]


def parse_header_block(block: bytes) -> Headers:
    """Splits a header block (with or without its closing blank line). Lines that are no field are skipped."""
    fields: list[tuple[str, str]] = []
    for line in _FOLD.sub(" ", _to_text(block)).splitlines():
        name, colon, value = line.partition(":")
        if colon and name and not name[0].isspace() and " " not in name.rstrip():
            fields.append((name.strip(), _bounded(name.strip(), value.strip())))
    return Headers(fields)


def _bounded(name: str, value: str) -> str:
    """At most 64 Ki characters. Of `References` both ends: what was answered last stands last."""
    if len(value) <= _MAX_FIELD_CHARS or name.lower() != "references":
        return value[:_MAX_FIELD_CHARS]
    half = _MAX_FIELD_CHARS // 2
    first, last = value[:half], value[-half:]
    # An id that is cut in two is no id.
    return f"{first[: first.rfind('>') + 1]} {last[max(0, last.find('<')) :]}"


def _to_text(raw: bytes) -> str:
    """Raw 8-bit headers are UTF-8 (RFC 6532) where they decode as such, else Windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def decode_words(value: str) -> str:
    """RFC 2047 encoded words decoded, control characters replaced by spaces, white space run together."""
    if "=?" in value:
        # A word with broken base64 is shown as it was written.
        with suppress(HeaderParseError, ValueError):
            value = "".join(_decoded(part, charset) for part, charset in decode_header(value))
    return _WHITE_SPACE.sub(" ", _CONTROL.sub(" ", printable(value))).strip()


def _decoded(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    try:
        return part.decode(charset or "ascii")
    except (LookupError, UnicodeDecodeError, ValueError):
        return _to_text(part)


def printable(text: str) -> str:
    """Lone surrogates cannot be stored or sent as UTF-8: they become U+FFFD."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def parse_addresses(values: Iterable[str]) -> tuple[tuple[Address, ...], int]:
    """Address lists to mailboxes with decoded names, and how many beyond the first 1,000 were left out."""
    found: list[Address] = []
    for name, address in getaddresses([value[:_MAX_FIELD_CHARS] for value in values], **_LENIENT):
        if address or name:
            found.append(Address(name=decode_words(name), address=decode_words(address)))
    return tuple(found[:MAX_RECIPIENTS]), max(0, len(found) - MAX_RECIPIENTS)


def parse_date(value: str) -> datetime | None:
    """A `Date` field in UTC; None where it says nothing that is a date."""
    try:
        when = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    try:
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (OverflowError, ValueError):
        return None


def normalise_message_id(value: str) -> str | None:
    """No brackets, comments or white space, the part after `@` in lower case. Empty: None, which matches
    nothing."""
    match = _MESSAGE_ID.search(value)
    text = match.group(1) if match else _COMMENT.sub("", value)
    text = "".join(printable(text).split())[:1_000]
    left, at, right = text.rpartition("@")
    return (f"{left}@{right.lower()}" if at else text) or None


def parse_message_ids(value: str) -> tuple[str, ...]:
    """Every `<id>` of an `In-Reply-To` or `References` field, normalised, the first and the last 50."""
    found = list(_MESSAGE_ID.findall(value)) or value.split()
    ids = list(dict.fromkeys(n for one in found if (n := normalise_message_id(f"<{one.strip('<>')}>"))))
    if len(ids) > 2 * MAX_REFERENCES:
        ids = ids[:MAX_REFERENCES] + ids[-MAX_REFERENCES:]
    return tuple(ids)
