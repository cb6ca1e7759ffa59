"""Header fields as bytes: encoded words, quoted names, parameters, folded lines (RFC 5322, 2047, 2231, 6532).

Nothing here checks for line breaks: what is written was checked by `domain.compose.mistakes`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from domain.compose.addresses import outgoing_address
from domain.mail import Address

_LINE_CHARS = 76
_MAX_WORD_CHARS = 900
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_WORD_OVERHEAD = len("=?utf-8?B??=")
_PARAMETER_CHARS = 50


def text_field(name: str, value: str) -> bytes:
    """An unstructured field such as Subject. Words in front that need no encoding, such as `Re:` and the
    incident's token, stay as they are, for servers and people that read raw fields."""
    words = value.strip(" ").split(" ")
    plain = next((n for n, word in enumerate(words) if not _is_plain(word)), len(words))
    lines = _folded(f"{name}:", words[:plain])
    if plain < len(words):
        rest = " ".join(words[plain:])
        column = len(lines[-1]) + 1
        if column > _LINE_CHARS // 2 and plain:
            lines.append("")
            column = 1
        lines[-1] += f" {_encoded_words(rest, column)}"
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def address_field(name: str, people: Iterable[Address]) -> bytes:
    """An address list, one mailbox a line. Addresses in other scripts stay as UTF-8 (RFC 6532)."""
    written = [_mailbox(one, len(name) + 2 if n == 0 else 1) for n, one in enumerate(people)]
    return (f"{name}: " + ",\r\n ".join(written) + "\r\n").encode()


def ids_field(name: str, ids: Iterable[str]) -> bytes:
    """Message-IDs, one a line."""
    return (f"{name}: " + "\r\n ".join(ids) + "\r\n").encode("ascii")


def date_field(when: datetime) -> bytes:
    """`Date` in UTC."""
    return f"Date: {format_datetime(when.astimezone(UTC))}\r\n".encode("ascii")


def parameter(name: str, value: str) -> str:
    """A parameter of Content-Type or Content-Disposition, to be put behind what stands before it."""
    if value.isascii():
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f';\r\n {name}="{quoted}"'
    pieces = _percent_encoded(value)
    if len(pieces) == 1:
        return f";\r\n {name}*=utf-8''{pieces[0]}"
    numbered = ("utf-8''" + piece if n == 0 else piece for n, piece in enumerate(pieces))
    return "".join(f";\r\n {name}*{n}*={piece}" for n, piece in enumerate(numbered))


def _mailbox(person: Address, first_column: int) -> str:
    address = outgoing_address(person.address)
    if not person.name:
        return address
    name = person.name
    if not name.isascii() or "=?" in name:
        return f"{_encoded_words(name, first_column)}\r\n <{address}>"
    if not _PHRASE.fullmatch(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def _encoded_words(text: str, first_column: int) -> str:
    """RFC 2047, section 2: words of at most 75 characters, whole characters in each, lines of at most 76."""
    words: list[str] = []
    room = (_LINE_CHARS - first_column - _WORD_OVERHEAD) // 4 * 3
    piece = b""
    for char in text:
        encoded = char.encode("utf-8")
        if len(piece) + len(encoded) > room:
            words.append(_encoded_word(piece))
            piece, room = b"", (_LINE_CHARS - 1 - _WORD_OVERHEAD) // 4 * 3
        piece += encoded
    words.append(_encoded_word(piece))
    return "\r\n ".join(words)


def _encoded_word(piece: bytes) -> str:
    return f"=?utf-8?B?{base64.b64encode(piece).decode('ascii')}?="


def _percent_encoded(value: str) -> list[str]:
    pieces = [""]
    for char in value:
        encoded = quote(char, safe="")
        if len(pieces[-1]) + len(encoded) > _PARAMETER_CHARS:
            pieces.append("")
        pieces[-1] += encoded
    return pieces


def _is_plain(word: str) -> bool:
    return word.isascii() and 0 < len(word) <= _MAX_WORD_CHARS and "=?" not in word


def _folded(head: str, words: list[str]) -> list[str]:
    lines = [head]
    for word in words:
        # The first word stays beside the name: a line of white space alone may not be.
        if len(lines[-1]) + 1 + len(word) > _LINE_CHARS and lines != [head]:
            lines.append("")
        lines[-1] += f" {word}"
    return lines
