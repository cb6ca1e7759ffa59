"""Finds the parts of a raw message while it streams by: big parts are located, never loaded (RFC 2046).

`MessageScanner.feed` takes chunks of any size and holds at most a header block or one boundary's length of
them. Any bytes are accepted: what misses its boundary ends at the message's end, headers without a blank line
are cut at 256 KiB, and beyond 1,000 parts or 20 levels the rest is one part. An attached message
(message/rfc822) is one part.
"""

from __future__ import annotations

import re
from dataclasses import replace
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from functools import cached_property

from domain.mail import Part
from domain.mime.headers import Headers, decode_words, parse_header_block, printable

MAX_HEADER_BYTES = 262_144
MAX_PARTS = 1_000
MAX_DEPTH = 20
KEPT_TEXT_BYTES = 65_536
"""How much of the first text and the first HTML part is kept, for preview and digest, and of what a report
holds of the mail that it is about."""
_MAX_KEPT = 5
STATUS_TYPES = (
    "message/delivery-status",
    "message/global-delivery-status",
    "message/disposition-notification",
    "message/global-disposition-notification",
)
RETURNED_TYPES = ("text/rfc822-headers", "message/rfc822", "message/global", "message/global-headers")

_TOP_HEADER_END = re.compile(rb"\A\r?\n|\n\r?\n")
_PART_HEADER_END = re.compile(rb"\n\r?\n")
_BOUNDARY_SLACK = 100
_MAX_BOUNDARY_BYTES = 1_000
_PARSER = BytesHeaderParser(policy=compat32)


class MessageScanner:
    """Feed it the message's bytes in order, then `close`; the results are in its attributes.

    `parts`: leaves in order. `header_block`: the message's own header, raw. `texts`: index into `parts` to
    the first 64 KiB of the encoded body, for the bodies found (`text_part`, `html_part`) and the first parts
    of reports and attached messages.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.header_block = b""
        self.header_bytes = 0
        self.content_type = "text/plain"
        self.report_type: str | None = None
        self.text_part: int | None = None
        self.html_part: int | None = None
        self.texts: dict[int, bytes] = {}
        self.size_bytes = 0
        self._buffer = b""
        self._buffer_at = 0
        self._in_header = True
        self._at_top = True
        self._multiparts: list[tuple[bytes, str]] = []
        self._boundary: re.Pattern[bytes] | None = None
        self._slack = 0
        self._leaf: Part | None = None
        self._in_preamble = False
        self._kept: bytearray | None = None

    @cached_property
    def headers(self) -> Headers:
        """The message's own header, parsed; to be asked for once `header_block` is there."""
        return parse_header_block(self.header_block)

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the message."""
        self.size_bytes += len(chunk)
        self._buffer = self._buffer + chunk if self._buffer else chunk
        self._advance(at_end=False)

    def close(self) -> None:
        """The message is over: whatever is open ends here."""
        self._advance(at_end=True)
        if self._in_header and (self._at_top or self._buffer.strip()):
            self._begin_part(self._buffer, len(self._buffer))
        self._take(len(self._buffer))
        self._end_leaf(self.size_bytes)

    def _advance(self, *, at_end: bool) -> None:
        while self._read_header(at_end) if self._in_header else self._read_body(at_end):
            pass

    def _take(self, count: int) -> None:
        if self._kept is not None and len(self._kept) < KEPT_TEXT_BYTES:
            begin = max(0, (self._leaf.offset if self._leaf else 0) - self._buffer_at)
            self._kept += self._buffer[begin : min(count, begin + KEPT_TEXT_BYTES - len(self._kept))]
        self._buffer = self._buffer[count:]
        self._buffer_at += count

    def _read_header(self, at_end: bool) -> bool:
        end = (_TOP_HEADER_END if self._at_top else _PART_HEADER_END).search(self._buffer)
        boundary = self._find_boundary(at_end, end.end() if end else None)
        if boundary and (end is None or boundary.start() < end.start()):
            # The part ends inside its own header: its body is empty.
            self._begin_part(self._buffer[: boundary.start()], boundary.start() - 1)
            return True
        if end is not None:
            # The blank line's own line feed stays: a boundary may follow at once.
            self._begin_part(self._buffer[: end.start() + 1], end.end() - 1)
            self._shift_leaf(1)
            return True
        if len(self._buffer) >= MAX_HEADER_BYTES:
            self._begin_part(self._buffer[:MAX_HEADER_BYTES], MAX_HEADER_BYTES)
            return True
        return False

    def _read_body(self, at_end: bool) -> bool:
        found = self._find_boundary(at_end)
        if found:
            content_end = found.start() - 1
            if content_end > 0 and self._buffer[content_end - 1] == 0x0D:
                content_end -= 1
            absolute_end = self._buffer_at + content_end
            self._take(content_end)
            if self._in_preamble:
                self._in_preamble, self._leaf, self._kept = False, None, None
            self._end_leaf(absolute_end)
            # The boundary line's own line feed stays: another boundary may follow at once.
            line_feed = found.group().endswith(b"\n")
            self._take(found.end() - content_end - line_feed)
            self._step_to(found.group(1), closing=bool(found.group(2)))
            return True
        if self._boundary is None:
            self._take(len(self._buffer))
        else:
            last_line = self._buffer.rfind(b"\n", max(0, len(self._buffer) - self._slack))
            safe = last_line if last_line >= 0 else len(self._buffer)
            # A carriage return waits for its line feed: both belong to the boundary that may follow.
            self._take(safe - 1 if self._buffer[safe - 1 : safe] == b"\r" else safe)
        return False

    def _find_boundary(self, at_end: bool, limit: int | None = None) -> re.Match[bytes] | None:
        if self._boundary is None:
            return None
        at = self._buffer.find(b"\n--", 0, limit)
        while at >= 0:
            found = self._boundary.match(self._buffer, at + 1)
            if found:
                # Without its line feed the line may go on in the next chunk.
                return found if at_end or found.group().endswith(b"\n") else None
            at = self._buffer.find(b"\n--", at + 3, limit)
        return None

    def _step_to(self, boundary: bytes, *, closing: bool) -> None:
        while self._multiparts[-1][0] != boundary:
            self._multiparts.pop()
        if closing:
            self._multiparts.pop()
        else:
            self._in_header = True
        self._compile_boundaries()

    def _compile_boundaries(self) -> None:
        names = sorted({name for name, _ in self._multiparts}, key=len, reverse=True)
        self._slack = max((len(name) for name in names), default=0) + _BOUNDARY_SLACK
        choice = b"|".join(map(re.escape, names))
        self._boundary = re.compile(rb"--(" + choice + rb")(--)?[ \t]*\r?(?:\n|\Z)") if names else None

    def _begin_part(self, block: bytes, consumed: int) -> None:
        head = _PARSER.parsebytes(block.lstrip(b"\r\n"))
        in_digest = bool(self._multiparts) and self._multiparts[-1][1] == "multipart/digest"
        content_type = _content_type(head, "message/rfc822" if in_digest else "text/plain")
        self._take(consumed)
        self._in_header = False
        if self._at_top:
            self._at_top, self.header_block, self.content_type = False, block, content_type
            self.header_bytes = len(block)
            report_type = head.get_param("report-type")
            self.report_type = report_type.lower() if isinstance(report_type, str) else None
        boundary = _boundary_of(head)
        room = len(self._multiparts) < MAX_DEPTH and len(self.parts) < MAX_PARTS
        if content_type.startswith("multipart/") and boundary and room:
            self._multiparts.append((boundary, content_type))
            self._compile_boundaries()
            if not self.parts and len(self._multiparts) == 1:
                # Shown as the text where no boundary ever comes.
                self._in_preamble, self._kept = True, bytearray()
                self._leaf = Part(offset=self._buffer_at, length=0)
        else:
            self._begin_leaf(head, content_type)

    def _begin_leaf(self, head: Message, content_type: str) -> None:
        if len(self.parts) >= MAX_PARTS:
            return
        disposition = head.get_content_disposition()
        self._leaf = Part(
            offset=self._buffer_at,
            length=0,
            content_type=content_type,
            charset=_parameter(head, "charset"),
            transfer_encoding=_transfer_encoding(head),
            disposition=disposition,
            filename=_filename(head),
            content_id=_content_id(head),
        )
        if disposition != "attachment" and self._leaf.filename is None:
            if content_type == "text/plain" and self.text_part is None:
                self.text_part, self._kept = len(self.parts), bytearray()
            elif content_type == "text/html" and self.html_part is None:
                self.html_part, self._kept = len(self.parts), bytearray()
        if content_type in STATUS_TYPES + RETURNED_TYPES and len(self.texts) < _MAX_KEPT:
            self._kept = bytearray()

    def _shift_leaf(self, count: int) -> None:
        if self._leaf is not None:
            self._leaf = replace(self._leaf, offset=self._leaf.offset + count)

    def _end_leaf(self, end: int) -> None:
        if self._leaf is None:
            return
        if self._in_preamble:
            self.text_part = len(self.parts)
        if self._kept is not None:
            self.texts[len(self.parts)] = bytes(self._kept)
        offset = min(self._leaf.offset, self.size_bytes)
        self.parts.append(replace(self._leaf, offset=offset, length=max(0, end - offset)))
        self._leaf = self._kept = None


def _content_type(head: Message, default: str) -> str:
    value = head.get("Content-Type")
    return printable(head.get_content_type())[:200] if value is not None else default


def _boundary_of(head: Message) -> bytes | None:
    text = _parameter(head, "boundary")
    if not text:
        return None
    return text.rstrip().encode("ascii", "surrogateescape")[:_MAX_BOUNDARY_BYTES] if text.isascii() else None


def _parameter(head: Message, name: str) -> str | None:
    try:
        value = head.get_param(name)
    except (ValueError, LookupError):
        return None
    if isinstance(value, tuple):
        value = value[2]
    return printable(value)[:1_000] if isinstance(value, str) and value else None


def _transfer_encoding(head: Message) -> str:
    value = str(head.get("Content-Transfer-Encoding", "7bit"))
    return (value.split() or ["7bit"])[0].strip(";").lower()[:40]


def _filename(head: Message) -> str | None:
    try:
        name = head.get_filename()
    except (ValueError, LookupError, TypeError):
        return None
    return (decode_words(name)[:500] or None) if isinstance(name, str) else None


def _content_id(head: Message) -> str | None:
    text = str(head.get("Content-ID", "")).strip().strip("<>").strip()
    return printable(text)[:500] or None
