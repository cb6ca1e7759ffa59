"""Sync states of SyncFolderItems and SyncFolderHierarchy: opaque to clients, checked when they come back.

A state of a folder with many items is longer than 64 KiB, as Exchange's can be.
"""

import base64
import binascii
import hashlib
import struct
import zlib
from dataclasses import dataclass

from sandbox.exchange.errors import ItemError

LONG_STATE_BYTES = 52_000
"""Bytes that pad a long state: over 64 KiB of base64."""

LONG_FROM_ITEMS = 5_000

_HEAD = struct.Struct(">4sQQQI")
_ITEMS = b"H4sA"
_FOLDERS = b"H4sF"


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far a client has come.

    scope: number of the folder (items) or mailbox (folders). seen: number of the last change given.
    first_until: where the first walk began; deletions and updates up to there need not be told.
    """

    scope: int
    seen: int
    first_until: int

    def text(self, *, folders: bool = False, items: int = 0) -> str:
        """The state as a client gets it; items: how many the folder holds."""
        head = _HEAD.pack(_FOLDERS if folders else _ITEMS, self.scope, self.seen, self.first_until, 0)[:-4]
        head += struct.pack(">I", zlib.crc32(head))
        padding = b""
        if items >= LONG_FROM_ITEMS:
            block = hashlib.sha512(head).digest()
            padding = block * (LONG_STATE_BYTES // len(block))
        return base64.b64encode(head + padding).decode("ascii")


def parse_sync_state(text: str, scope: int, *, folders: bool = False) -> SyncState:
    """A state that a client sent. Raises ItemError(ErrorInvalidSyncStateData) unless it is one of
    this scope.
    """
    try:
        raw = base64.b64decode(text, validate=True)
        magic, number, seen, first_until, check = _HEAD.unpack_from(raw)
    except (binascii.Error, struct.error, ValueError) as error:
        raise ItemError("ErrorInvalidSyncStateData") from error
    good = magic == (_FOLDERS if folders else _ITEMS) and check == zlib.crc32(raw[: _HEAD.size - 4])
    if not good or number != scope:
        raise ItemError("ErrorInvalidSyncStateData")
    return SyncState(scope, seen, first_until)
