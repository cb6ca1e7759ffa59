"""Raw messages in the blob container `mails`, named `{mailbox}/{identity}.eml`, written once and never
changed.

A blob appears whole, with its SHA-256, by one request that is refused where the name is taken. A crash before
it leaves nothing, or blocks that belong to no blob and that Azure drops after a week."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from domain.errors import AdminActionError, NotFoundError
from domain.stored import StoredRaw
from store.chunked_upload import upload
from store.connection import StorageConnection
from store.errors import error_code, storage_errors
from store.keys import split_id
from store.raw_blobs import CONTAINER, RawBlobs

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient


class BlobRawMailStore:
    """`domain.ports.RawMailStore` on Blob Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._blobs = RawBlobs(connection)
        self._lock = threading.Lock()
        self._made: ContainerClient | None = None

    def put(self, mail_id: str, chunks: Iterable[bytes]) -> StoredRaw:
        """One request up to 1 MiB; beyond, one for each 4 MiB and two more. At most one block is in
        memory."""
        done = upload(self._blobs, _name(mail_id), chunks)
        if done.taken:
            return self._describe(mail_id)
        return StoredRaw(done.size_bytes, done.sha256, already_there=False)

    def read(self, mail_id: str, offset: int = 0, length: int | None = None) -> bytes:
        """One request for each 4 MiB or so."""
        with storage_errors(), _missing(mail_id):
            try:
                content: bytes = self._reader(mail_id).download_blob(offset=offset, length=length).readall()
            except HttpResponseError as error:
                if error_code(error) == "InvalidRange":
                    return b""
                raise
        return content

    def stream(self, mail_id: str) -> Iterator[bytes]:
        """One request for each 4 MiB, at most that much in memory."""
        with storage_errors(), _missing(mail_id):
            yield from self._reader(mail_id).download_blob().chunks()

    def size(self, mail_id: str) -> int:
        """One request."""
        return self._describe(mail_id).size_bytes

    def _describe(self, mail_id: str) -> StoredRaw:
        found = self._blobs.describe(_name(mail_id))
        if found is None:
            raise NotFoundError(mail_id)
        if not found.sha256:
            raise AdminActionError("StorageRowUnreadable", "a raw message without its digest")
        return StoredRaw(found.size_bytes, found.sha256, already_there=True)

    def _reader(self, mail_id: str) -> BlobClient:
        name = _name(mail_id)
        with self._lock:
            if self._made is None:
                self._made = self._connection.container(CONTAINER)
        return self._made.get_blob_client(name)


def _name(mail_id: str) -> str:
    try:
        mailbox_id, identity = split_id(mail_id)
    except ValueError as error:
        raise NotFoundError(mail_id) from error
    return f"{mailbox_id}/{identity}.eml"


@contextlib.contextmanager
def _missing(mail_id: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        raise NotFoundError(mail_id) from error
