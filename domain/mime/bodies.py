"""Parts' bytes to text: transfer encodings and charsets as they come, never an exception (RFC 2045, RFC
2046)."""

from __future__ import annotations

import binascii
import codecs
import html
import quopri
import re

from domain.mail import Part
from domain.mime.headers import printable

PREVIEW_CHARS = 200
_PREVIEW_SOURCE_CHARS = 20_000

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_HIDDEN = re.compile(
    r"<(style|script|head|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL
)
_BREAK = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h\d)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_WHITE_SPACE = re.compile(r"\s+")
_ENDLESS_NUMBER = re.compile(r"&#[0-9]{20,};?")


def decode_bytes(encoded: bytes, part: Part) -> bytes:
    """Undoes the part's transfer encoding. Broken base64 is decoded as far as it goes."""
    match part.transfer_encoding:
        case "base64":
            clean = _NOT_BASE64.sub(b"", encoded)
            clean = clean[: len(clean) - (len(clean) % 4 == 1)]
            return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
        case "quoted-printable":
            return quopri.decodestring(encoded)
        case "x-uuencode" | "uuencode" | "x-uue":
            return _decode_uu(encoded)
        case _:
            return encoded


def _decode_uu(encoded: bytes) -> bytes:
    out = bytearray()
    for line in encoded.splitlines():
        if line.startswith((b"begin ", b"end")) or not line:
            continue
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            # Writers that pad wrongly: the length byte says how much of the line counts.
            count = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out += binascii.a2b_uu(line[:count])
            except binascii.Error:
                continue
    return bytes(out)


def decode_text(encoded: bytes, part: Part) -> str:
    """The part's text. An unknown or wrong charset falls back to UTF-8, then Windows-1252; no lone
    surrogates."""
    data = decode_bytes(encoded, part)
    for charset in (part.charset, "utf-8"):
        try:
            if charset and codecs.lookup(charset)._is_text_encoding:
                return printable(data.decode(charset))
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("cp1252", "replace")


def html_to_text(markup: str) -> str:
    """A rough text of an HTML body, for previews and search only: tags out, entities resolved."""
    return unescape(_TAG.sub("", _BREAK.sub(" ", _HIDDEN.sub(" ", markup))))


def unescape(text: str) -> str:
    """HTML's character references resolved; numbers that no character has become U+FFFD."""
    # Python refuses to convert numbers of thousands of digits, with an exception.
    return html.unescape(_ENDLESS_NUMBER.sub("\ufffd", text))


def to_preview(text: str) -> str:
    """The first 200 characters, white space run together."""
    return _WHITE_SPACE.sub(" ", text[:_PREVIEW_SOURCE_CHARS]).strip()[:PREVIEW_CHARS]
