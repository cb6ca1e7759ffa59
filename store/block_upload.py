"""A blob that is too large for one request, sent in blocks and made to appear by the last request.

A crash before `commit` leaves blocks without a blob, which Azure drops after a week. Block ids are random, so
that two fetches of one message, which need not be equal in bytes, never mix."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from store.errors import error_code, storage_errors

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_TAKEN = frozenset({"BlobAlreadyExists", "ConditionNotMet", "InvalidBlockList", "InvalidBlobOrBlock"})
"""What a commit answers where somebody else's came first; theirs dropped our blocks."""


class BlockUpload:
    """One upload. `create_container` is called where the container is missing."""

    def __init__(self, blob: BlobClient, create_container: Callable[[], None]) -> None:
        self._blob = blob
        self._create_container = create_container
        self._upload = uuid.uuid4().hex
        self._blocks: list[str] = []
        with storage_errors():
            self.taken = blob.exists()
            """The blob is there already: nothing needs to be sent."""

    def stage(self, content: bytes) -> None:
        """Sends one block."""
        block_id = f"{self._upload}{len(self._blocks):08d}"
        with storage_errors():
            try:
                self._blob.stage_block(block_id, content, length=len(content))
            except ResourceNotFoundError:
                self._create_container()
                self._blob.stage_block(block_id, content, length=len(content))
        self._blocks.append(block_id)

    def commit(self, sha256: str) -> bool:
        """Makes the blob of the blocks; False where a blob of that name was there first."""
        from azure.storage.blob import BlobBlock

        if self.taken:
            return False
        with storage_errors():
            try:
                self._blob.commit_block_list(
                    [BlobBlock(block_id) for block_id in self._blocks],
                    metadata={"sha256": sha256},
                    match_condition=MatchConditions.IfMissing,
                )
            except HttpResponseError as error:
                if error_code(error) in _TAKEN:
                    return False
                raise
        return True
