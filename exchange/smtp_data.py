"""A message as it goes over the wire after DATA (RFC 5321, section 4.5.2): every line that begins with a dot
gets another one, and the last line has an end.

Streams: a chunk and no more is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

END_OF_DATA = b".\r\n"
_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Spooled:
    """What was written. `size_bytes`: of the message itself, as RFC 1870 counts it: without the added
    dots."""

    size_bytes: int
    is_ascii: bool


def spool_message(chunks: Iterable[bytes], spool: IO[bytes]) -> Spooled:
    """Writes the message for the wire into a file, without `END_OF_DATA`."""
    size, is_ascii, starts_line = 0, True, True
    for chunk in chunks:
        if not chunk:
            continue
        size += len(chunk)
        is_ascii = is_ascii and chunk.isascii()
        if starts_line and chunk.startswith(b"."):
            spool.write(b".")
        # A lone LF counts as the end of a line too: some servers take it for one (SMTP smuggling).
        spool.write(chunk.replace(b"\n.", b"\n.."))
        starts_line = chunk.endswith(b"\n")
    if not starts_line:
        size += spool.write(b"\r\n")
    return Spooled(size, is_ascii)


def chunks_of(spool: IO[bytes]) -> Iterator[bytes]:
    """What was spooled, from the beginning."""
    spool.seek(0)
    while chunk := spool.read(_CHUNK_BYTES):
        yield chunk
