"""The requests by which bytes become a blob that never changes, is described and read (Microsoft: "Put Blob",
"Put Block", "Put Block List", "Get Blob Properties", "Get Blob", "Delete Blob", "Create Container").

Each is whole or not at all. Blocks that no list names are dropped by Azure after a week.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from store.connection import StorageConnection
from store.storage_requests import Answer, StorageRequests

CONTAINER = "mails"
_OCTETS = "application/octet-stream"
_IF_ABSENT = {"If-None-Match": "*"}
_MISSING = 404
_BEYOND_THE_END = 416
_TAKEN_CODES = frozenset({"BlobAlreadyExists", "ConditionNotMet", "InvalidBlockList", "InvalidBlobOrBlock"})
"""What a commit answers where somebody else's came first; theirs dropped our blocks."""


@dataclass(frozen=True, slots=True)
class BlobDescription:
    """A blob that is there. `sha256` is empty where it has none, and so is not ours."""

    size_bytes: int
    sha256: str


class RawBlobs:
    """Blobs of one container, which is made where a write finds it missing."""

    def __init__(self, connection: StorageConnection, container: str = CONTAINER) -> None:
        self._container = container
        self._requests = StorageRequests(connection, "blob")

    def describe(self, name: str) -> BlobDescription | None:
        """One request. None: there is no such blob."""
        answer = self._requests.send("HEAD", self._path(name), expected=frozenset({200, _MISSING}))
        if answer.status == _MISSING:
            return None
        digest = answer.headers.get("x-ms-meta-sha256", "")
        return BlobDescription(int(answer.headers["Content-Length"]), digest)

    def put(self, name: str, content: bytes, sha256: str) -> bool:
        """One request. False: the name is taken."""
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-meta-sha256": sha256, "Content-Type": _OCTETS}
        answer = self._write(name, {}, {**headers, **_IF_ABSENT}, content, frozenset({201, 409}))
        return answer.status == 201

    def put_block(self, name: str, block_id: str, content: bytes) -> None:
        """One request."""
        query = {"comp": "block", "blockid": _encoded(block_id)}
        self._write(name, query, {"Content-Type": _OCTETS}, content, frozenset({201}))

    def put_block_list(self, name: str, block_ids: Sequence[str], sha256: str) -> bool:
        """One request, by which the blob appears. False: another of that name was there first."""
        listed = "".join(f"<Latest>{_encoded(block_id)}</Latest>" for block_id in block_ids)
        answer = self._requests.send(
            "PUT",
            self._path(name),
            query={"comp": "blocklist"},
            headers={"x-ms-meta-sha256": sha256, "Content-Type": "application/xml", **_IF_ABSENT},
            content=f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode(),
            expected=frozenset({201}),
            expected_codes=_TAKEN_CODES,
        )
        return answer.status == 201

    def read(self, name: str, offset: int, length: int) -> bytes | None:
        """One request: at most `length` bytes from `offset` on. None: there is no such blob."""
        answer = self._requests.send(
            "GET",
            self._path(name),
            headers={"x-ms-range": f"bytes={offset}-{offset + length - 1}"},
            expected=frozenset({200, 206, _MISSING, _BEYOND_THE_END}),
        )
        if answer.status == _MISSING:
            return None
        return b"" if answer.status == _BEYOND_THE_END else answer.content

    def delete(self, name: str) -> None:
        """One request; absent is fine."""
        self._requests.send("DELETE", self._path(name), expected=frozenset({202, _MISSING}))

    def _path(self, name: str) -> str:
        return f"{self._container}/{name}"

    def _write(
        self,
        name: str,
        query: dict[str, str],
        headers: dict[str, str],
        content: bytes,
        expected: frozenset[int],
    ) -> Answer:
        path = self._path(name)
        answer = self._requests.send(
            "PUT", path, query=query, headers=headers, content=content, expected=expected | {_MISSING}
        )
        if answer.status != _MISSING:
            return answer
        self._requests.send(
            "PUT", self._container, query={"restype": "container"}, expected=frozenset({201, 409})
        )
        return self._requests.send(
            "PUT", path, query=query, headers=headers, content=content, expected=expected
        )


def _encoded(block_id: str) -> str:
    return base64.b64encode(block_id.encode()).decode()
