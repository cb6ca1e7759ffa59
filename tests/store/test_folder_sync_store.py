"""Checkpoints: the row's ETag is the fence, sync states of any real size fit, the overview leaves them
out."""

from __future__ import annotations

import base64
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import AdminActionError, ConflictError
from domain.folder_sync import FolderCounts, FolderError, FolderSync, ItemRetry, Rewalk
from store.connection import StorageConnection, StoreSettings
from store.folder_sync_store import TableFolderSyncStore
from tests.store.support import NOW, watched

FULL = FolderSync(
    "default",
    "AAMk/Folder+id==",
    "Inbox/Ärger 日本",
    NOW - timedelta(days=7),
    sync_state="H4sIAAAA",
    walking=False,
    walk_started_at=NOW,
    walk_total=10,
    walk_seen=4,
    commit_time="2026-03-04T05:06:07.123Z",
    synced_at=NOW,
    claimed_until=NOW + timedelta(minutes=3),
    handled_items=("aa", "bb"),
    retries=(ItemRetry("cc", 2, datetime(2026, 11, 24, 12, 1, tzinfo=UTC)),),
    counts=FolderCounts(seen=5, tracked=1, unreadable=2),
    error=FolderError("ErrorServerBusy", "later", NOW, NOW),
    gone_since=NOW,
    rewalk=Rewalk(NOW, NOW - timedelta(days=7), before=NOW, found=3),
    rewalked_at=NOW,
)


def sync_state(size: int) -> str:
    """Base64 of noise, as Exchange's are."""
    return base64.b64encode(random.Random(size).randbytes(size * 3 // 4)).decode()


@pytest.fixture
def store(connection: StorageConnection) -> TableFolderSyncStore:
    return TableFolderSyncStore(connection)


def test_a_checkpoint_is_read_back_as_it_was_saved(store: TableFolderSyncStore) -> None:
    saved = store.save(FULL, None)
    found = store.read("default", FULL.folder_id)
    assert found == saved
    assert found is not None
    assert found.value == FULL


@pytest.mark.parametrize("size", [0, 1, 64_000, 64_001, 128_004, 900_000])
def test_sync_states_of_every_size_up_to_900_kb_survive(store: TableFolderSyncStore, size: int) -> None:
    sync = replace(FULL, sync_state=sync_state(size))
    saved = store.save(replace(sync, sync_state="short"), None)
    store.save(sync, saved.etag)
    found = store.read("default", FULL.folder_id)
    assert found is not None
    assert found.value == sync


def test_a_sync_state_beyond_that_is_the_admins_to_know(store: TableFolderSyncStore) -> None:
    with pytest.raises(AdminActionError, match="StorageRefused: checkpoint"):
        store.save(replace(FULL, sync_state=sync_state(1_200_000)), None)


def test_a_shorter_sync_state_leaves_nothing_of_a_longer_one(store: TableFolderSyncStore) -> None:
    saved = store.save(replace(FULL, sync_state=sync_state(300_000)), None)
    saved = store.save(replace(FULL, sync_state="s"), saved.etag)
    assert store.read("default", FULL.folder_id) == saved
    store.save(replace(FULL, sync_state=None), saved.etag)
    found = store.read("default", FULL.folder_id)
    assert found is not None
    assert found.value.sync_state is None


def test_all_folders_of_a_mailbox_are_one_query_without_their_sync_states(
    settings: StoreSettings, store: TableFolderSyncStore
) -> None:
    for number in range(20):
        store.save(replace(FULL, folder_id=f"folder {number}", sync_state=sync_state(90_000)), None)
    store.save(replace(FULL, mailbox_id="other"), None)
    connection, transport = watched(settings)
    found = TableFolderSyncStore(connection).read_all("default")
    assert {one.value.folder_id for one in found} == {f"folder {number}" for number in range(20)}
    assert all(one.value.sync_state is None for one in found)
    assert len(transport.requests) == 1


def test_the_etag_of_the_overview_fences_too(store: TableFolderSyncStore) -> None:
    store.save(FULL, None)
    [seen] = store.read_all("default")
    store.save(replace(FULL, walk_seen=5), seen.etag)
    with pytest.raises(ConflictError):
        store.save(replace(FULL, walk_seen=6), seen.etag)


def test_of_two_who_read_one_checkpoint_the_second_to_write_has_lost(store: TableFolderSyncStore) -> None:
    first = store.save(FULL, None)
    store.save(replace(FULL, sync_state="mine"), first.etag)
    with pytest.raises(ConflictError):
        store.save(replace(FULL, sync_state="theirs"), first.etag)
    with pytest.raises(ConflictError):
        store.save(replace(FULL, sync_state="theirs"), None)
    found = store.read("default", FULL.folder_id)
    assert found is not None
    assert found.value.sync_state == "mine"


def test_a_forgotten_checkpoint_is_gone_for_its_last_reader_too(store: TableFolderSyncStore) -> None:
    saved = store.save(FULL, None)
    store.delete("default", FULL.folder_id)
    store.delete("default", FULL.folder_id)
    assert store.read("default", FULL.folder_id) is None
    with pytest.raises(ConflictError):
        store.save(FULL, saved.etag)
