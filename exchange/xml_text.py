"""Text in and out of XML 1.0: escaping what we send, and forgiving what Exchange sends though XML forbids it.

Exchange writes control characters of subjects and headers as references (`&#x1F;`) that XML 1.0 section 2.2
forbids; a strict parser would refuse the whole page of changes because of one subject.
"""

from __future__ import annotations

import codecs
import re

_CONTROLS = bytes(code for code in range(0x20) if code not in (0x09, 0x0A, 0x0D))
_CONTROLS_TO_SPACE = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,12})|([0-9]{1,12}));")
_LONGEST_REFERENCE = 16
_ESCAPES: dict[int, str | None] = dict.fromkeys(_CONTROLS)
_ESCAPES |= {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}


def escape(text: str) -> str:
    """Text for an element or a quoted attribute; characters that XML 1.0 cannot carry are left out."""
    return text.translate(_ESCAPES).encode("utf-8", "ignore").decode("utf-8")


def is_allowed(code: int) -> bool:
    """Production [2] Char of XML 1.0."""
    if code < 0x20:
        return code in (0x09, 0x0A, 0x0D)
    return code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


def incomplete_end(data: bytes) -> int:
    """Where a reference begins at the end of `data` that may go on in the next piece; else `len(data)`."""
    begin = data.rfind(b"&", max(0, len(data) - _LONGEST_REFERENCE))
    return begin if begin >= 0 and b";" not in data[begin:] else len(data)


class Cleaner:
    """Turns pieces of a UTF-8 document into pieces that an XML parser accepts; cuts inside a character are
    fine.

    References must not be cut (`incomplete_end`). Forbidden characters become a space, broken UTF-8 U+FFFD.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._mid_character = False

    def clean(self, data: bytes) -> bytes:
        """The piece as an XML parser takes it."""
        data = data.translate(_CONTROLS_TO_SPACE)
        if b"&#" in data:
            data = _REFERENCE.sub(_allowed_reference, data)
        if data.isascii() and not self._mid_character:
            return data
        text = self._decoder.decode(data)
        self._mid_character = bool(self._decoder.getstate()[0])
        if "\ufffe" in text or "\uffff" in text:
            text = text.replace("\ufffe", " ").replace("\uffff", " ")
        return text.encode("utf-8")


def _allowed_reference(found: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = found.groups()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return found[0] if is_allowed(code) else b" "
