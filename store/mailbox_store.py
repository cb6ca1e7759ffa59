"""Settings, folder selection, rewalk request and activity log of mailboxes: table `mailboxes`, a partition
each.

Partition `~mailboxes` lists the ids, so that nobody has to read all activity logs to find them. A crash
between the listing and a new mailbox's settings leaves an id for which `read` finds nothing. So does a
removal, on purpose: the removed mailbox's activity log is still found by its listing, and no order of a
removal and a creation at the same time leaves a mailbox unlisted."""

from __future__ import annotations

from datetime import datetime

from domain.errors import ConflictError, RetryLaterError
from domain.mailboxes import DEFAULT_MAILBOX_ID, FolderSelection, MailboxConfiguration, MailboxSettings
from domain.stored import Activity, Versioned
from store.activity import activity_write
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.keys import safe
from store.record_codec import Codec, parse_time, time_text
from store.rows import Delete, Insert, Operation, Replace, Row
from store.table import Table

_LISTING = "~mailboxes"
_SETTINGS, _FOLDERS, _REWALK = "settings", "folders", "rewalk"
_SETTINGS_CODEC = Codec(MailboxSettings)
_SELECTION_CODEC = Codec(FolderSelection)
_TRIES = 5


class TableMailboxStore:
    """`domain.ports.MailboxStore` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, "mailboxes")

    def read_settings(self, mailbox_id: str) -> Versioned[MailboxSettings] | None:
        """One point read."""
        row = self._table.get(safe(mailbox_id), _SETTINGS)
        return Versioned(_settings(row), row.etag) if row else None

    def read(self, mailbox_id: str) -> MailboxConfiguration | None:
        """One query; the activity log sorts before the rows asked for."""
        rows = {row.key: row for row in self._table.range(safe(mailbox_id), _FOLDERS, f"{_SETTINGS};")}
        if (settings := rows.get(_SETTINGS)) is None:
            return None
        folders, rewalk = rows.get(_FOLDERS), rows.get(_REWALK)
        return MailboxConfiguration(
            settings=_settings(settings),
            settings_etag=settings.etag,
            selection=_SELECTION_CODEC.from_text(join_text(folders.values, "d")) if folders else None,
            folders_etag=folders.etag if folders else None,
            rewalk_requested_at=parse_time(rewalk.text("at")) if rewalk else None,
        )

    def list_ids(self) -> list[str]:
        """One query of the listing."""
        ids = [row.text("mailboxId") for row in self._table.range(_LISTING, "", "~~")]
        return sorted(ids, key=lambda mailbox_id: (mailbox_id != DEFAULT_MAILBOX_ID, mailbox_id))

    def save_settings(self, settings: MailboxSettings, etag: str | None, activity: Activity) -> str:
        """A new mailbox is listed first, then written."""
        if etag is None:
            mailbox_id = settings.mailbox_id
            self._table.replace(Row(_LISTING, safe(mailbox_id), {"mailboxId": mailbox_id}))
        return self._save(settings.mailbox_id, _SETTINGS, _SETTINGS_CODEC.to_text(settings), etag, activity)

    def save_selection(
        self, mailbox_id: str, selection: FolderSelection, etag: str | None, activity: Activity
    ) -> str:
        """One transaction."""
        return self._save(mailbox_id, _FOLDERS, _SELECTION_CODEC.to_text(selection), etag, activity)

    def remove(self, mailbox_id: str, etag: str, activity: Activity) -> None:
        """A read and a transaction: what lies beside the settings has to be named to be deleted."""
        partition = safe(mailbox_id)
        rows = self._table.range(partition, _FOLDERS, f"{_SETTINGS};")
        if _SETTINGS not in (row.key for row in rows):
            raise ConflictError("the mailbox is not there")
        deletes: list[Operation] = [
            Delete(Row(partition, row.key), etag if row.key == _SETTINGS else row.etag) for row in rows
        ]
        self._table.transaction([*deletes, activity_write(partition, activity)])

    def request_rewalk(self, mailbox_id: str, at: datetime) -> None:
        """A read and a conditional write, so that an older request never replaces a newer one."""
        row = Row(safe(mailbox_id), _REWALK, {"at": time_text(at)})
        for _ in range(_TRIES):
            there = self._table.get(row.partition, _REWALK)
            if there is not None and parse_time(there.text("at")) >= at:
                return
            try:
                if there is None:
                    self._table.insert(row)
                else:
                    self._table.replace(row, there.etag)
            except ConflictError:
                continue
            return
        raise RetryLaterError("StorageUnavailable", "the rewalk request keeps changing")

    def _save(self, mailbox_id: str, key: str, text: str, etag: str | None, activity: Activity) -> str:
        row = Row(safe(mailbox_id), key, dict(split_text(text, "d")))
        write = Insert(row) if etag is None else Replace(row, etag)
        return self._table.transaction([write, activity_write(row.partition, activity)])[0]


def _settings(row: Row) -> MailboxSettings:
    return _SETTINGS_CODEC.from_text(join_text(row.values, "d"))


def log_partitions(table: Table) -> list[str]:
    """Partitions of table `mailboxes` that hold an activity log: all that were ever listed."""
    return [row.key for row in table.range(_LISTING, "", "~~", select=())]
