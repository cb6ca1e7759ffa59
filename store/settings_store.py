"""Settings of the whole installation and their activity log: table `settings`, partition `configuration`.

A value and the entry that tells of it change in one transaction: a crash leaves both or neither."""

from __future__ import annotations

from typing import Any, TypeVar

from domain.configuration import (
    BusinessUnitSettings,
    EmailServer,
    NotificationProcess,
    Retention,
    SendingLimits,
)
from domain.notification_template import NotificationTemplate
from domain.stored import Activity, Versioned
from store.activity import activity_write
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.record_codec import Codec
from store.rows import Delete, Insert, Operation, Replace, Row
from store.table import Table

T = TypeVar("T")

TABLE, PARTITION = "settings", "configuration"
_KEYS: dict[type[Any], str] = {
    BusinessUnitSettings: "value;businessUnits",
    EmailServer: "value;emailServer",
    NotificationProcess: "value;notificationProcess",
    NotificationTemplate: "value;notificationTemplate",
    Retention: "value;retention",
    SendingLimits: "value;sending",
}


class TableSettingsStore:
    """`domain.configuration_ports.SettingsStore` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, TABLE)

    def read(self, kind: type[T]) -> Versioned[T] | None:
        """One point read."""
        row = self._table.get(PARTITION, _KEYS[kind])
        return Versioned(Codec(kind).from_text(join_text(row.values, "d")), row.etag) if row else None

    def save(self, value: object, etag: str | None, activity: Activity) -> str:
        """One transaction."""
        text = Codec(type(value)).to_text(value)
        row = Row(PARTITION, _KEYS[type(value)], dict(split_text(text, "d")))
        write: Operation = Insert(row) if etag is None else Replace(row, etag)
        return self._table.transaction([write, activity_write(PARTITION, activity)])[0]

    def reset(self, kind: type[object], etag: str, activity: Activity) -> None:
        """One transaction."""
        gone = Delete(Row(PARTITION, _KEYS[kind]), etag)
        self._table.transaction([gone, activity_write(PARTITION, activity)])
