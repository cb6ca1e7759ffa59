"""Attachment names that people know again and that no file system takes for anything else.

Source: Microsoft's page "Naming Files, Paths, and Namespaces".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_NAME_BYTES = 180
_MAX_READ_CHARS = 4_000
_MAX_ENDING_BYTES = 24
_WHEN_NOTHING_IS_LEFT = "attachment"
_SEPARATOR = re.compile(r"[/\\\u2215\u2044\uff0f\uff3c]")
_FORBIDDEN = re.compile(r'[<>:"|?*%]')
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Also what turns the direction of text, so that `gpj.exe` would be read as `exe.jpg`."""
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³])(?=\.|\Z)", re.IGNORECASE
)


def safe_file_name(name: str) -> str:
    """The last component of `name` as a plain file name of at most 180 UTF-8 bytes; its ending stays.

    Devices (`con`, `nul.txt`) get an underscore in front, characters that no file name holds become one.
    Never empty; a name that is safe stays as it is.
    """
    text = unicodedata.normalize("NFC", name[-_MAX_READ_CHARS:])
    parts = [plain for part in _SEPARATOR.split(text) if (plain := _plain(part))]
    plain = _shortened(parts[-1]) if parts else _WHEN_NOTHING_IS_LEFT
    return f"_{plain}" if _DEVICE.match(plain.replace(" ", "")) else plain


def distinct_file_names(names: Iterable[str]) -> tuple[str, ...]:
    """Safe names of which no two are the same without regard to case: `a.txt`, `a (2).txt`."""
    taken: set[str] = set()
    found: list[str] = []
    for name in map(safe_file_name, names):
        candidate, count = name, 1
        while candidate.casefold() in taken:
            count += 1
            stem, ending = _split(name)
            candidate = f"{_cut(stem, MAX_NAME_BYTES - len(ending.encode()) - 8)} ({count}){ending}"
        taken.add(candidate.casefold())
        found.append(candidate)
    return tuple(found)


def _plain(part: str) -> str:
    text = " ".join(_FORBIDDEN.sub("_", _INVISIBLE.sub("", part)).split())
    return text.strip(" .")


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_NAME_BYTES - 1:
        return name
    stem, ending = _split(name)
    return _cut(stem, MAX_NAME_BYTES - 1 - len(ending.encode())) + ending


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    if not stem or not ending or " " in ending or len(ending.encode()) > _MAX_ENDING_BYTES:
        return name, ""
    return stem, dot + ending


def _cut(text: str, limit_bytes: int) -> str:
    return text.encode()[:limit_bytes].decode("utf-8", "ignore").rstrip(" .") or "_"
