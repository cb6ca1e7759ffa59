"""Bytes of a ZIP archive that is written front to back and in several goes. Pure.

Source: PKWARE, ".ZIP File Format Specification" (APPNOTE.TXT) 6.3, sections 4.3 and 4.5.3 (ZIP64). The
standard library's writer cannot go on with an archive that another process began.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

_DEFLATED = 8
_VERSION = 45
_FLAGS = 0x0808
"""Sizes follow the content; names are UTF-8."""
_BIG = 0xFFFFFFFF
_MANY = 0xFFFF
_FIRST_YEAR, _LAST_YEAR = 1980, 2107


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive. `offset`: of its local header; `compressed` and `size` in bytes; `dos_time`:
    date and time as ZIP has them."""

    name: str
    offset: int
    dos_time: int
    crc: int
    compressed: int
    size: int


def dos_time(moment: datetime) -> int:
    """Two seconds exact; what lies outside of 1980 to 2107 is the nearest that ZIP can say."""
    if moment.year < _FIRST_YEAR:
        return 1 << 21 | 1 << 16
    year = min(moment.year, _LAST_YEAR) - _FIRST_YEAR
    date = year << 9 | moment.month << 5 | moment.day
    return date << 16 | moment.hour << 11 | moment.minute << 5 | moment.second // 2


def local_header(name: str, at: int) -> bytes:
    """Before the content. `at`: `dos_time`."""
    encoded = name.encode()
    fields = (0x04034B50, _VERSION, _FLAGS, _DEFLATED, at & 0xFFFF, at >> 16, 0, 0, 0, len(encoded), 0)
    return struct.pack("<IHHHHHIIIHH", *fields) + encoded


def descriptor(crc: int, compressed: int, size: int) -> bytes:
    """After the content, which must be shorter than 4 GiB."""
    return struct.pack("<IIII", 0x08074B50, crc, compressed, size)


def directory(entries: Iterable[Entry], offset: int) -> Iterator[bytes]:
    """The central directory at this offset, and the archive's end."""
    count = length = 0
    for entry in entries:
        piece = _directory_entry(entry)
        count, length = count + 1, length + len(piece)
        yield piece
    end = offset + length
    if count >= _MANY or end >= _BIG:
        yield struct.pack(
            "<IQHHIIQQQQ", 0x06064B50, 44, _VERSION, _VERSION, 0, 0, count, count, length, offset
        )
        yield struct.pack("<IIQI", 0x07064B50, 0, end, 1)
    shown = min(count, _MANY)
    yield struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, shown, shown, min(length, _BIG), min(offset, _BIG), 0)


def _directory_entry(entry: Entry) -> bytes:
    name = entry.name.encode()
    extra = struct.pack("<HHQ", 1, 8, entry.offset) if entry.offset >= _BIG else b""
    fields = struct.pack(
        "<IHHHHHHIIIHHHHHII",
        0x02014B50,
        _VERSION,
        _VERSION,
        _FLAGS,
        _DEFLATED,
        entry.dos_time & 0xFFFF,
        entry.dos_time >> 16,
        entry.crc,
        entry.compressed,
        entry.size,
        len(name),
        len(extra),
        0,
        0,
        0,
        0,
        min(entry.offset, _BIG),
    )
    return fields + name + extra
