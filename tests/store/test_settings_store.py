"""Settings of the installation: each value under its ETag, with its entry in the log or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.configuration import (
    BusinessUnitSettings,
    EmailServer,
    NotificationProcess,
    NotificationTrigger,
    PasswordRef,
    Retention,
    SmtpSecurity,
    SmtpServer,
)
from domain.errors import ConflictError
from domain.notification_template import NotificationTemplate
from store.connection import StorageConnection, StoreSettings
from store.settings_store import TableSettingsStore
from tests.store.support import ACTIVITY, NOW, DiedError, all_rows, watched

PASSWORD = PasswordRef("email-server-1", "v1", NOW, "ann@corp.example")
VALUES = [
    BusinessUnitSettings("Abteilung", "Abteilungen"),
    EmailServer(SmtpServer("smtp.corp.example", 465, SmtpSecurity.TLS, "soc", PASSWORD), "SOC", "Grüße\n"),
    EmailServer(sender_name="SOC"),
    NotificationProcess(True, NotificationTrigger.AUTOMATIC, (4, 24), False),
    NotificationTemplate("{{incident.id}}", "<p>\U0001f600</p>" * 2_400, "x" * 32_000),
    Retention(1, 1, 365, 36_500),
    Retention(),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was_saved(connection: StorageConnection, value: object) -> None:
    store = TableSettingsStore(connection)
    assert store.read(type(value)) is None
    etag = store.save(value, None, ACTIVITY)
    found = store.read(type(value))
    assert found is not None
    assert (found.value, found.etag) == (value, etag)


def test_a_change_on_top_of_somebody_elses_is_refused_and_leaves_no_log_entry(
    connection: StorageConnection,
) -> None:
    store = TableSettingsStore(connection)
    etag = store.save(Retention(1), None, ACTIVITY)
    store.save(Retention(2), etag, replace(ACTIVITY, action="mine"))
    rows = all_rows(connection)
    theirs = replace(ACTIVITY, action="theirs")
    for stale in (etag, None):
        with pytest.raises(ConflictError):
            store.save(Retention(3), stale, theirs)
    with pytest.raises(ConflictError):
        store.reset(Retention, etag, theirs)
    assert all_rows(connection) == rows


def test_reset_removes_the_value_and_is_logged(connection: StorageConnection) -> None:
    store = TableSettingsStore(connection)
    etag = store.save(Retention(1), None, ACTIVITY)
    store.save(NotificationProcess(), None, replace(ACTIVITY, action="other"))
    store.reset(Retention, etag, replace(ACTIVITY, action="reset"))
    assert store.read(Retention) is None
    assert store.read(NotificationProcess) is not None
    assert sum('"action":"reset"' in str(row.get("d0")) for row in all_rows(connection).values()) == 1


@pytest.mark.parametrize("after_it_was_made", [False, True])
def test_a_crash_leaves_value_and_log_entry_or_neither(
    settings: StoreSettings, connection: StorageConnection, after_it_was_made: bool
) -> None:
    TableSettingsStore(connection).save(NotificationProcess(), None, ACTIVITY)
    before = all_rows(connection)
    dying, _ = watched(settings, die_at=1, after_it_was_made=after_it_was_made)
    with pytest.raises(DiedError):
        TableSettingsStore(dying).save(Retention(1), None, replace(ACTIVITY, action="crashed"))
    new = {key: row for key, row in all_rows(connection).items() if key not in before}
    assert len(new) == (2 if after_it_was_made else 0)
