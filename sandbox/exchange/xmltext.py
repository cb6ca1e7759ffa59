"""Writes text into XML the way Exchange does: escaped, cut where Exchange cuts, forbidden characters as
references.

Exchange emits characters that XML 1.0 forbids as numeric references (``&#x1F;``); a client has to cope with
them.
"""

import re
from datetime import UTC, datetime

SUMMARY_TEXT_LIMIT = 255
"""Characters of a string property in answers of SyncFolderItems and FindItem."""

_SPECIAL = re.compile('[&<>"\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]')
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def _reference(match: re.Match[str]) -> str:
    char = match.group()
    named = _NAMED.get(char)
    if named is not None:
        return named
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    if char == "\x00":
        return ""
    return f"&#x{ord(char):X};"


def escape(text: str) -> str:
    """The text as XML character data or attribute value; NUL is dropped, lone surrogates become U+FFFD."""
    return _SPECIAL.sub(_reference, text) if _SPECIAL.search(text) else text


def element(tag: str, text: str) -> str:
    """``<t:tag>text</t:tag>``."""
    return f"<t:{tag}>{escape(text)}</t:{tag}>"


def timestamp(milliseconds: int) -> str:
    """Milliseconds since 1970 as xs:dateTime in UTC, in whole seconds as Exchange gives item times."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def timestamp_ms(milliseconds: int) -> str:
    """Milliseconds since 1970 as xs:dateTime in UTC, with the milliseconds."""
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{milliseconds % 1000:03d}Z"


def parse_timestamp(text: str) -> int:
    """An xs:dateTime as milliseconds since 1970; without an offset it means UTC.

    Raises ValueError when it is no date.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
