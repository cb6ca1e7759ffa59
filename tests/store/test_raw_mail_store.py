"""Raw messages: byte for byte, whole or not at all, the first one stays, memory bounded."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256

import pytest

from domain.errors import NotFoundError, RetryLaterError
from domain.stored import StoredRaw
from store.chunked_upload import BLOCK_BYTES, SINGLE_PUT_BYTES
from store.connection import StorageConnection, StoreSettings
from store.raw_mail_store import BlobRawMailStore
from tests.store.support import all_blobs, mail, watched

MAIL_ID = mail(1).id
SIZES = [
    0,
    1,
    37_000,
    SINGLE_PUT_BYTES,
    SINGLE_PUT_BYTES + 1,
    BLOCK_BYTES,
    BLOCK_BYTES + 1,
    2 * BLOCK_BYTES + 12_345,
]


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def chunked(data: bytes, size: int = 65_536) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.fixture
def store(connection: StorageConnection) -> BlobRawMailStore:
    return BlobRawMailStore(connection)


@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_size_comes_back_byte_for_byte(store: BlobRawMailStore, size: int) -> None:
    data = noise(size)
    assert store.put(MAIL_ID, chunked(data)) == StoredRaw(size, sha256(data).hexdigest(), already_there=False)
    assert b"".join(store.stream(MAIL_ID)) == data
    assert store.read(MAIL_ID) == data
    assert store.size(MAIL_ID) == size


@pytest.mark.parametrize("size", [37_000, 2 * BLOCK_BYTES])
@pytest.mark.parametrize("second_size", [500, 37_000, 3 * BLOCK_BYTES])
def test_what_was_fetched_first_stays_and_is_described(
    store: BlobRawMailStore, size: int, second_size: int
) -> None:
    first = noise(size)
    stored = store.put(MAIL_ID, chunked(first))
    chunks = chunked(noise(second_size) + b"rebuilt")
    assert store.put(MAIL_ID, chunks) == StoredRaw(size, stored.sha256, already_there=True)
    assert next(chunks, None) is None, "the message on the connection must be read to its end"
    assert b"".join(store.stream(MAIL_ID)) == first


def test_ranges_are_read_alone(settings: StoreSettings, store: BlobRawMailStore) -> None:
    data = noise(2 * BLOCK_BYTES)
    store.put(MAIL_ID, chunked(data))
    connection, transport = watched(settings)
    reading = BlobRawMailStore(connection)
    assert reading.read(MAIL_ID, BLOCK_BYTES - 5, 10) == data[BLOCK_BYTES - 5 : BLOCK_BYTES + 5]
    assert len(transport.requests) == 1
    assert reading.read(MAIL_ID, len(data) - 3, 10) == data[-3:]
    assert reading.read(MAIL_ID, len(data) + 3, 10) == b""


@pytest.mark.parametrize("missing", [mail(2).id, "x", "default.zz", "../secrets"])
def test_what_is_not_stored_is_not_found(store: BlobRawMailStore, missing: str) -> None:
    store.put(MAIL_ID, [b"x"])
    with pytest.raises(NotFoundError):
        store.read(missing)
    with pytest.raises(NotFoundError):
        list(store.stream(missing))
    with pytest.raises(NotFoundError):
        store.size(missing)


@pytest.mark.parametrize("size", [100, 9 * 1024 * 1024])
def test_a_message_whose_connection_breaks_leaves_nothing(
    connection: StorageConnection, store: BlobRawMailStore, size: int
) -> None:
    def broken() -> Iterator[bytes]:
        yield from chunked(noise(size))
        raise RetryLaterError("ConnectionReset")

    with pytest.raises(RetryLaterError):
        store.put(MAIL_ID, broken())
    assert all_blobs(connection) == {}
    assert not store.put(MAIL_ID, [b"whole"]).already_there


@pytest.mark.parametrize("sent_before", [2_000_000, 5_000_000])
def test_of_two_that_send_one_large_message_at_once_the_first_to_finish_stays(
    store: BlobRawMailStore, sent_before: int
) -> None:
    mine, theirs = noise(9_000_000), noise(9_000_001)

    def mine_with_theirs_in_the_middle() -> Iterator[bytes]:
        yield mine[:sent_before]
        assert not store.put(MAIL_ID, chunked(theirs)).already_there
        yield mine[sent_before:]

    described = store.put(MAIL_ID, mine_with_theirs_in_the_middle())
    assert described == StoredRaw(len(theirs), sha256(theirs).hexdigest(), already_there=True)
    assert b"".join(store.stream(MAIL_ID)) == theirs


def test_an_upload_that_breaks_off_in_the_middle_of_another_leaves_no_block_in_it(
    store: BlobRawMailStore,
) -> None:
    def broken() -> Iterator[bytes]:
        yield noise(9_000_001)
        raise RetryLaterError("ConnectionReset")

    def with_a_broken_one_in_the_middle() -> Iterator[bytes]:
        yield mine[:5_000_000]
        with pytest.raises(RetryLaterError):
            store.put(MAIL_ID, broken())
        yield mine[5_000_000:]

    mine = noise(9_000_000)
    assert not store.put(MAIL_ID, with_a_broken_one_in_the_middle()).already_there
    assert b"".join(store.stream(MAIL_ID)) == mine


def test_a_small_message_is_one_request(settings: StoreSettings, store: BlobRawMailStore) -> None:
    store.put(MAIL_ID, [b"the container is there"])
    connection, transport = watched(settings)
    BlobRawMailStore(connection).put(mail(2).id, [noise(37_000)])
    assert len(transport.requests) == 1


def test_a_large_message_takes_the_memory_of_a_few_blocks(store: BlobRawMailStore) -> None:
    store.put(mail(3).id, [bytes(SINGLE_PUT_BYTES + 1)])
    block = bytes(65_536)
    gc.collect()
    tracemalloc.start()
    try:
        stored = store.put(MAIL_ID, (block for _ in range(800)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert stored.size_bytes == 800 * 65_536
    assert peak < 4 * BLOCK_BYTES
