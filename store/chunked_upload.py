"""Any number of bytes into one new blob, in bounded memory.

The blob appears whole, by the last request, or not at all: see `store.raw_blobs` and `store.block_upload`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from store.block_upload import BlockUpload
from store.raw_blobs import RawBlobs

SINGLE_PUT_BYTES = 1024 * 1024
BLOCK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What was given. `taken`: a blob of that name was there, and stays."""

    size_bytes: int
    sha256: str
    taken: bool


def upload(blobs: RawBlobs, name: str, chunks: Iterable[bytes]) -> Uploaded:
    """One request up to 1 MiB; beyond, one for each 4 MiB and two more. At most one block is in memory.

    All chunks are read, also where the name turns out to be taken."""
    digest, size, held = hashlib.sha256(), 0, bytearray()
    blocks: BlockUpload | None = None
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        if blocks is not None and blocks.taken:
            continue
        held += chunk
        if blocks is None and len(held) > SINGLE_PUT_BYTES:
            blocks = BlockUpload(blobs, name)
        while blocks is not None and not blocks.taken and len(held) >= BLOCK_BYTES:
            blocks.stage(bytes(held[:BLOCK_BYTES]))
            del held[:BLOCK_BYTES]
    sha256 = digest.hexdigest()
    if blocks is None:
        if blobs.put(name, bytes(held), sha256):
            return Uploaded(size, sha256, taken=False)
        blocks = BlockUpload(blobs, name)
        # Not there, and yet the name is taken: blocks of an upload that broke off can hold it.
    if held and not blocks.taken:
        blocks.stage(bytes(held))
    return Uploaded(size, sha256, taken=not blocks.commit(sha256))
