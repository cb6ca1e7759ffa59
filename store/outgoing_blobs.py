"""What outgoing mails are made of: blobs of the container `outbox`, each written once and never changed.

`{entry}/message.json` is the message; attachments lie under keys of whoever uploads them. A blob appears
whole, by one request that is refused where the name is taken; a crash before it leaves nothing, or blocks
that Azure drops after a week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from domain.errors import NotFoundError
from store.chunked_upload import upload
from store.connection import StorageConnection
from store.raw_blobs import RawBlobs

CONTAINER = "outbox"
_READ_BYTES = 4 * 1024 * 1024


class OutgoingBlobs:
    """`domain.sending_ports.OutgoingContents` on Blob Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._blobs = RawBlobs(connection, CONTAINER)

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """One request up to 1 MiB; beyond, one for each 4 MiB and two more."""
        return upload(self._blobs, key, chunks).size_bytes

    def read(self, key: str) -> Iterator[bytes]:
        """One request for each 4 MiB, at most that much in memory."""
        offset = 0
        while True:
            piece = self._blobs.read(key, offset, _READ_BYTES)
            if piece is None:
                raise NotFoundError(key)
            if piece:
                yield piece
            offset += len(piece)
            if len(piece) < _READ_BYTES:
                return

    def delete(self, key: str) -> None:
        """One request."""
        self._blobs.delete(key)
