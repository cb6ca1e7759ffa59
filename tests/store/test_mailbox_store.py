"""Settings, selection and rewalk requests of mailboxes, each change with its entry in the activity log."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.errors import ConflictError
from domain.mailboxes import AuthenticationType, FolderSelection, MailboxSettings, SecretRef, SelectedFolder
from store.connection import StorageConnection, StoreSettings
from store.mailbox_store import TableMailboxStore
from tests.store.support import ACTIVITY, NOW, all_rows, watched

SETTINGS = MailboxSettings(
    "default",
    "c0ffee",
    "soc@corp.example",
    "outlook.office365.com",
    "app",
    "tenant",
    authentication_type=AuthenticationType.BASIC,
    enabled=True,
    look_back_days=30,
    authserv_id="mx.corp.example",
    secret=SecretRef("mailbox-c0ffee", "version", NOW, "ann@corp.example", date(2027, 1, 2)),
)
SELECTION = FolderSelection((SelectedFolder("AAMk=", "Inbox/Fälle"), SelectedFolder("AAMl=", "Sent Items")))


@pytest.fixture
def store(connection: StorageConnection) -> TableMailboxStore:
    return TableMailboxStore(connection)


def test_a_mailbox_that_nobody_configured_is_not_there(store: TableMailboxStore) -> None:
    assert store.read("default") is None
    assert store.list_ids() == []


def test_all_that_a_sync_needs_is_one_query_however_long_the_activity_log(
    settings: StoreSettings, store: TableMailboxStore
) -> None:
    etag = store.save_settings(SETTINGS, None, ACTIVITY)
    for days in range(5):
        later = replace(ACTIVITY, at=NOW + timedelta(days=days))
        etag = store.save_settings(replace(SETTINGS, look_back_days=days + 1), etag, later)
    folders_etag = store.save_selection("default", SELECTION, None, ACTIVITY)
    store.request_rewalk("default", NOW)
    connection, transport = watched(settings)
    found = TableMailboxStore(connection).read("default")
    assert found is not None
    assert (found.settings, found.settings_etag) == (replace(SETTINGS, look_back_days=5), etag)
    assert (found.selection, found.folders_etag) == (SELECTION, folders_etag)
    assert found.rewalk_requested_at == NOW
    assert len(transport.requests) == 1


def test_nothing_selected_yet_is_told_from_no_folder_selected(store: TableMailboxStore) -> None:
    store.save_settings(SETTINGS, None, ACTIVITY)
    before = store.read("default")
    store.save_selection("default", FolderSelection(()), None, ACTIVITY)
    after = store.read("default")
    assert before is not None
    assert after is not None
    assert (before.selection, after.selection) == (None, FolderSelection(()))


def test_default_is_listed_first(store: TableMailboxStore) -> None:
    for name in ("zeta", "alpha", "default"):
        store.save_settings(replace(SETTINGS, mailbox_id=name), None, ACTIVITY)
    assert store.list_ids() == ["default", "alpha", "zeta"]


def test_a_change_on_top_of_somebody_elses_is_refused_and_leaves_no_log_entry(
    connection: StorageConnection, store: TableMailboxStore
) -> None:
    etag = store.save_settings(SETTINGS, None, ACTIVITY)
    store.save_settings(replace(SETTINGS, enabled=False), etag, replace(ACTIVITY, action="mine"))
    rows = all_rows(connection)
    with pytest.raises(ConflictError):
        store.save_settings(SETTINGS, etag, replace(ACTIVITY, action="theirs"))
    with pytest.raises(ConflictError):
        store.save_settings(SETTINGS, None, replace(ACTIVITY, action="theirs"))
    assert all_rows(connection) == rows


def test_every_change_leaves_an_entry_in_the_log_newest_first(
    connection: StorageConnection, store: TableMailboxStore
) -> None:
    etag = store.save_settings(SETTINGS, None, ACTIVITY)
    store.save_settings(SETTINGS, etag, replace(ACTIVITY, at=NOW + timedelta(seconds=1), action="newer"))
    log = [
        row["d0"] for (_, _, key), row in sorted(all_rows(connection).items()) if key.startswith("activity;")
    ]
    assert ['"action":"newer"' in entry for entry in log] == [True, False]
    assert '"after":{"secretKey":"changed"}' in log[0]


def test_a_later_rewalk_request_replaces_an_earlier_one_and_never_the_other_way_round(
    store: TableMailboxStore,
) -> None:
    store.save_settings(SETTINGS, None, ACTIVITY)
    for at in (NOW, NOW + timedelta(hours=1), NOW - timedelta(hours=1), NOW):
        store.request_rewalk("default", at)
    found = store.read("default")
    assert found is not None
    assert found.rewalk_requested_at == NOW + timedelta(hours=1)


def test_removal_takes_settings_selection_and_rewalk_and_leaves_the_log(
    store: TableMailboxStore, connection: StorageConnection
) -> None:
    etag = store.save_settings(SETTINGS, None, ACTIVITY)
    store.save_selection("default", SELECTION, None, ACTIVITY)
    store.request_rewalk("default", NOW)
    with pytest.raises(ConflictError):
        store.remove("default", "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\"", ACTIVITY)
    assert store.read("default") is not None

    store.remove("default", etag, replace(ACTIVITY, at=NOW + timedelta(seconds=1)))

    assert (store.read("default"), store.read_settings("default")) == (None, None)
    keys = [key for table, partition, key in all_rows(connection) if partition == "default"]
    assert keys
    assert all(key.startswith("activity;") for key in keys)
    with pytest.raises(ConflictError):
        store.remove("default", etag, ACTIVITY)
    assert store.save_settings(SETTINGS, None, ACTIVITY)
