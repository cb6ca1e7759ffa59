"""A blob that is too large for one request, sent in blocks and made to appear by the last request.

A crash before `commit` leaves blocks without a blob, which Azure drops after a week. Block ids are random, so
that two fetches of one message, which need not be equal in bytes, never mix."""

from __future__ import annotations

import uuid

from store.raw_blobs import RawBlobs


class BlockUpload:
    """One upload."""

    def __init__(self, blobs: RawBlobs, name: str) -> None:
        self._blobs = blobs
        self._name = name
        self._upload = uuid.uuid4().hex
        self._blocks: list[str] = []
        self.taken = blobs.describe(name) is not None
        """The blob is there already: nothing needs to be sent."""

    def stage(self, content: bytes) -> None:
        """Sends one block."""
        block_id = f"{self._upload}{len(self._blocks):08d}"
        self._blobs.put_block(self._name, block_id, content)
        self._blocks.append(block_id)

    def commit(self, sha256: str) -> bool:
        """Makes the blob of the blocks; False where a blob of that name was there first."""
        return not self.taken and self._blobs.put_block_list(self._name, self._blocks, sha256)
