"""Reads one part of a stored message, decoded, in bounded memory: any slice of it, of a part of any size."""

from __future__ import annotations

import binascii
import quopri
from collections.abc import Callable, Iterator

from domain.mail import Part
from domain.mime.bodies import decode_bytes

ReadRaw = Callable[[int, int], bytes]
"""`read(offset, length)` of the raw message."""

_STEP_BYTES = 4 * 1024 * 1024
_MAX_WHOLE_BYTES = 30 * 1024 * 1024
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_NOT_BASE64 = bytes(byte for byte in range(256) if byte not in _BASE64)
_PLAIN = ("7bit", "8bit", "binary")


def decoded_size(read: ReadRaw, part: Part) -> int:
    """Exact; encoded parts are read to their end for it."""
    if part.transfer_encoding in _PLAIN:
        return part.length
    return sum(len(piece) for piece in _pieces(read, part))


def decoded_slice(read: ReadRaw, part: Part, offset: int, length: int) -> bytes:
    """`length` decoded bytes from `offset` on (fewer at the part's end)."""
    if part.transfer_encoding in _PLAIN:
        return read(part.offset + offset, min(length, part.length - offset)) if offset < part.length else b""
    found = bytearray()
    at = 0
    for piece in _pieces(read, part):
        begin = max(0, offset - at)
        if begin < len(piece):
            found += piece[begin : begin + length - len(found)]
        at += len(piece)
        if len(found) >= length:
            break
    return bytes(found)


def _pieces(read: ReadRaw, part: Part) -> Iterator[bytes]:
    if part.transfer_encoding == "base64":
        return _base64(_steps(read, part))
    if part.transfer_encoding == "quoted-printable":
        return _quoted_printable(_steps(read, part))
    # uuencode is rare and small; what is larger is shown as far as it goes.
    return iter([decode_bytes(read(part.offset, min(part.length, _MAX_WHOLE_BYTES)), part)])


def _steps(read: ReadRaw, part: Part) -> Iterator[bytes]:
    at = 0
    while at < part.length:
        piece = read(part.offset + at, min(_STEP_BYTES, part.length - at))
        if not piece:
            return
        yield piece
        at += len(piece)


def _base64(pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for piece in pieces:
        clean = left + piece.translate(None, _NOT_BASE64)
        whole = len(clean) - len(clean) % 4
        left = clean[whole:]
        yield binascii.a2b_base64(clean[:whole])
    if len(left) > 1:
        yield binascii.a2b_base64(left + b"=" * (4 - len(left)))


def _quoted_printable(pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for piece in pieces:
        joined = left + piece
        whole = joined.rfind(b"\n") + 1
        left = joined[whole:]
        yield quopri.decodestring(joined[:whole])
    yield quopri.decodestring(left)
