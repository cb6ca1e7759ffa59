"""Writes a message as MIME (RFC 2045, 2046, 2387): chunks with CRLF line ends, every body in base64.

Attachments stream through: no more than about a hundred kilobytes of one are held at a time. The same message
and the same attachments always become the same bytes, so that a repeated delivery writes the same draft.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from domain.compose.fields import address_field, date_field, ids_field, parameter, text_field
from domain.compose.message import ComposeError, ContentChangedError, OutgoingMessage, OutgoingPart
from domain.compose.mistakes import find_header_mistakes
from domain.compose.parts import media_type

ReadContent = Callable[[str], Iterable[bytes]]
"""The bytes of the attachment or image with this `OutgoingPart.key`, in chunks of any size."""

_LINE_BYTES = 57
_STEP_BYTES = _LINE_BYTES * 1_024


@dataclass(frozen=True, slots=True)
class _Content:
    """Where a part's encoded bytes belong."""

    part: OutgoingPart


_Piece = bytes | _Content


def compose(message: OutgoingMessage, read: ReadContent) -> Iterator[bytes]:
    """The message's bytes, `bcc` not among them.

    Raises `ComposeError` before the first byte where a field cannot be written, `ContentChangedError` before
    the last where an attachment's bytes are not as many as announced; what `read` raises goes on up.
    """
    if mistakes := find_header_mistakes(message):
        raise ComposeError(mistakes)
    return _written(message, read)


def encoded_size_bytes(message: OutgoingMessage) -> int:
    """How many bytes `compose` will yield, exactly, without an attachment being read. Raises
    `ComposeError`."""
    if mistakes := find_header_mistakes(message):
        raise ComposeError(mistakes)
    return sum(
        len(piece) if isinstance(piece, bytes) else _encoded_length(piece.part.size_bytes)
        for piece in _pieces(message)
    )


def header_bytes(message: OutgoingMessage) -> bytes:
    """The message's own header as it goes out, for the preview. Raises `ComposeError`."""
    if mistakes := find_header_mistakes(message):
        raise ComposeError(mistakes)
    return _header(message)


def _written(message: OutgoingMessage, read: ReadContent) -> Iterator[bytes]:
    for piece in _pieces(message):
        if isinstance(piece, bytes):
            yield piece
        else:
            yield from _encoded(_counted(piece.part, read(piece.part.key)))


def _pieces(message: OutgoingMessage) -> Iterator[_Piece]:
    yield _header(message)
    body = _alternative(message)
    if message.attachments:
        attached = [_part(one, "attachment") for one in message.attachments]
        body = _multipart(message, "mixed", [body, *attached])
    yield from body


def _header(message: OutgoingMessage) -> bytes:
    fields = [address_field("From", [message.sender])]
    fields += [
        address_field(name, people) for name, people in (("To", message.to), ("Cc", message.cc)) if people
    ]
    fields += [
        text_field("Subject", message.subject),
        date_field(message.date),
        ids_field("Message-ID", [message.message_id]),
    ]
    if message.in_reply_to:
        fields.append(ids_field("In-Reply-To", [message.in_reply_to]))
    if message.references:
        fields.append(ids_field("References", message.references))
    if message.auto_submitted:
        # RFC 3834, section 5, and MS-OXCMAIL, "X-Auto-Response-Suppress".
        fields += [b"Auto-Submitted: auto-generated\r\n", b"X-Auto-Response-Suppress: All\r\n"]
    return b"".join((*fields, b"MIME-Version: 1.0\r\n"))


def _alternative(message: OutgoingMessage) -> Iterator[_Piece]:
    bodies = [_body("plain", message.text)] if message.text or not message.html else []
    if message.html:
        bodies.append(_related_html(message))
    return bodies[0] if len(bodies) == 1 else _multipart(message, "alternative", bodies)


def _related_html(message: OutgoingMessage) -> Iterator[_Piece]:
    html = _body("html", message.html)
    if not message.inline:
        return html
    return _multipart(message, "related", [html, *(_part(one, "inline") for one in message.inline)])


def _multipart(message: OutgoingMessage, subtype: str, parts: list[Iterator[_Piece]]) -> Iterator[_Piece]:
    # RFC 2045, section 6.7: "=_" stands in no base64 body.
    digest = hashlib.sha256(f"{subtype} {message.message_id}".encode()).hexdigest()[:24]
    boundary = f"=_{subtype}_{digest}"
    root = ';\r\n type="text/html"' if subtype == "related" else ""
    yield f'Content-Type: multipart/{subtype}{root};\r\n boundary="{boundary}"\r\n\r\n'.encode("ascii")
    for part in parts:
        yield f"--{boundary}\r\n".encode("ascii")
        yield from part
    yield f"--{boundary}--\r\n".encode("ascii")


def _body(subtype: str, text: str) -> Iterator[_Piece]:
    yield f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    yield from _encoded([("\r\n".join(lines) + "\r\n" * bool(lines[-1])).encode("utf-8", "replace")])


def _part(part: OutgoingPart, disposition: str) -> Iterator[_Piece]:
    head = f"Content-Type: {media_type(part.content_type)}{parameter('name', part.name)}\r\n"
    head += "Content-Transfer-Encoding: base64\r\n"
    if part.content_id:
        head += f"Content-ID: <{part.content_id}>\r\n"
    head += f"Content-Disposition: {disposition}{parameter('filename', part.name)}"
    head += f";\r\n size={part.size_bytes}\r\n"
    yield head.encode("ascii") + b"\r\n"
    yield _Content(part)


def _counted(part: OutgoingPart, chunks: Iterable[bytes]) -> Iterator[bytes]:
    count = 0
    for chunk in chunks:
        count += len(chunk)
        if count > part.size_bytes:
            raise ContentChangedError(part, None)
        yield chunk
    if count != part.size_bytes:
        raise ContentChangedError(part, count)


def _encoded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Base64 in lines of 76 characters."""
    left = b""
    for chunk in chunks:
        for at in range(0, len(chunk), _STEP_BYTES):
            left += chunk[at : at + _STEP_BYTES]
            whole = len(left) - len(left) % _LINE_BYTES
            if whole:
                yield _lines(left[:whole])
                left = left[whole:]
    if left:
        yield _lines(left)


def _lines(data: bytes) -> bytes:
    pieces = (data[at : at + _LINE_BYTES] for at in range(0, len(data), _LINE_BYTES))
    return b"".join(binascii.b2a_base64(piece, newline=False) + b"\r\n" for piece in pieces)


def _encoded_length(size_bytes: int) -> int:
    characters = -(-size_bytes // 3) * 4
    return characters + 2 * -(-characters // 76)
