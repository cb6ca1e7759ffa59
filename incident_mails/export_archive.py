"""Writes files into an archive block by block: at most one block and one piece of a file are in memory."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable
from datetime import datetime

from incident_mails.zip_format import Entry, descriptor, dos_time, local_header

BLOCK_BYTES = 4 * 1024 * 1024
_FAST = 1
"""Most of a mail's bytes are base64: more effort wins little."""


class ArchiveWriter:
    """Goes on at `offset`. `stage` sends a block and answers its id."""

    def __init__(self, stage: Callable[[bytes], str], offset: int) -> None:
        self._stage = stage
        self._held = bytearray()
        self.offset = offset
        self.blocks: list[str] = []
        self.entries: list[Entry] = []

    def add(self, name: str, at: datetime, pieces: Iterable[bytes]) -> tuple[str, int]:
        """A file; its SHA-256 and size in bytes."""
        begin, time = self.offset, dos_time(at)
        self.write(local_header(name, time))
        digest, crc, size, start = hashlib.sha256(), 0, 0, self.offset
        deflate = zlib.compressobj(_FAST, zlib.DEFLATED, -zlib.MAX_WBITS)
        for piece in pieces:
            digest.update(piece)
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            self.write(deflate.compress(piece))
        self.write(deflate.flush())
        compressed = self.offset - start
        self.write(descriptor(crc, compressed, size))
        self.entries.append(Entry(name, begin, time, crc, compressed, size))
        return digest.hexdigest(), size

    def write(self, content: bytes) -> None:
        """Bytes as they are."""
        self._held += content
        self.offset += len(content)
        while len(self._held) >= BLOCK_BYTES:
            self.blocks.append(self._stage(bytes(self._held[:BLOCK_BYTES])))
            del self._held[:BLOCK_BYTES]

    def flush(self) -> None:
        """Sends what is left as a block of its own."""
        if self._held:
            self.blocks.append(self._stage(bytes(self._held)))
            self._held.clear()
