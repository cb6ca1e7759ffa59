"""Business units: table `businessunits`, one partition with the units and their activity log.

A save writes a pending row first, then claims the addresses, then writes the unit's row under its ETag
together with the log entry, then gives back the addresses that it no longer has. The pending row goes when
the mailboxes have been asked to walk their window again (`request_rewalks`), or at once where the save gave
the unit nothing new. A crash on any line leaves the pending row, and `resume_rewalks` (or the next save of
that unit) does the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from domain.business_units import BusinessUnit
from domain.errors import ConflictError
from domain.stored import Activity, AddressTakenError, Versioned
from store.activity import activity_write
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.keys import safe
from store.record_codec import Codec, parse_time, time_text
from store.rows import Insert, Replace, Row
from store.table import Table, key_range
from store.unit_addresses import UnitAddresses, entries

if TYPE_CHECKING:
    from domain.ports import MailboxStore

_PARTITION = "units"
_PENDING = "rewalk"
_ALL = "all"
_CODEC = Codec(BusinessUnit)
SAVE_LIMIT = timedelta(minutes=5)
"""No save takes longer: an HTTP request ends after 230 seconds."""


class TableBusinessUnitStore:
    """`domain.ports.BusinessUnitStore` on Table Storage."""

    def __init__(self, connection: StorageConnection, mailboxes: MailboxStore) -> None:
        self._connection = connection
        self._table = Table(connection, "businessunits")
        self._pending = Table(connection, "pending")
        self._mailboxes = mailboxes
        self._addresses = UnitAddresses(connection, self._value, self._may_be_saving)

    def read_all(self, *, include_archived: bool = True) -> list[Versioned[BusinessUnit]]:
        """One query."""
        rows = self._table.range(_PARTITION, *key_range("unit;"))
        units = [Versioned(_unit(row), row.etag) for row in rows]
        wanted = (unit for unit in units if include_archived or not unit.value.archived)
        return sorted(wanted, key=lambda unit: (unit.value.name.casefold(), unit.value.id))

    def read(self, unit_id: str) -> Versioned[BusinessUnit] | None:
        """One point read."""
        row = self._table.get(_PARTITION, _unit_key(unit_id))
        return Versioned(_unit(row), row.etag) if row else None

    def save(self, unit: BusinessUnit, etag: str | None, activity: Activity) -> Versioned[BusinessUnit]:
        """Leaves the pending row where mail can be the unit's that was not before: `request_rewalks` comes
        next."""
        old = self.read(unit.id)
        if (old.etag if old else None) != etag:
            raise ConflictError(f"business unit {unit.id}")
        pending_key = f"unit;{safe(unit.id)}"
        earlier = self._pending.get(_PENDING, pending_key)
        self._pending.replace(Row(_PENDING, pending_key, {"at": time_text(activity.at), "unit": unit.id}))
        try:
            claimed = self._addresses.claim(unit)
            try:
                new_etag = self._write(unit, etag, activity)
            except ConflictError:
                self._addresses.release(unit.id, claimed)
                raise
        except (ConflictError, AddressTakenError):
            if earlier is None:
                self._pending.delete(_PENDING, pending_key)
            raise
        before = old.value if old else None
        self._addresses.release(unit.id, entries(before) - entries(unit) if before else ())
        if earlier is None and not unit.matches() - (before.matches() if before else set()):
            self._pending.delete(_PENDING, pending_key)
        return Versioned(unit, new_etag)

    def request_rewalks(self, at: datetime) -> None:
        """Also takes away the pending rows of the saves that this answers: those that were there when it
        began."""
        self._pending.replace(Row(_PENDING, _ALL, {"at": time_text(at)}))
        self._rewalk_all(at, self._pending.range(_PENDING, "", "~"))

    def resume_rewalks(self, now: datetime) -> int:
        """One query where nothing is pending. What is younger than five minutes may still be under way and
        waits."""
        rows = self._pending.range(_PENDING, "", "~")
        old = [row for row in rows if parse_time(row.text("at")) <= now - SAVE_LIMIT]
        if not old:
            return 0
        for row in old:
            if unit_id := row.text("unit"):
                self._repair(unit_id)
        self._rewalk_all(now, old)
        return len(old)

    def _rewalk_all(self, at: datetime, answered: list[Row]) -> None:
        self._connection.parallel(
            lambda mailbox_id: self._mailboxes.request_rewalk(mailbox_id, at), self._mailboxes.list_ids()
        )
        for row in answered:
            try:
                self._pending.delete(row.partition, row.key, row.etag)
            except ConflictError:
                continue  # written again meanwhile: a later request answers that

    def _repair(self, unit_id: str) -> None:
        there = self.read(unit_id)
        self._addresses.repair(there.value if there else BusinessUnit(unit_id, "", "", archived=True))

    def _write(self, unit: BusinessUnit, etag: str | None, activity: Activity) -> str:
        row = Row(_PARTITION, _unit_key(unit.id), dict(split_text(_CODEC.to_text(unit), "d")))
        write = Insert(row) if etag is None else Replace(row, etag)
        return self._table.transaction([write, activity_write(_PARTITION, activity)])[0]

    def _value(self, unit_id: str) -> BusinessUnit | None:
        there = self.read(unit_id)
        return there.value if there else None

    def _may_be_saving(self, unit_id: str) -> bool:
        row = self._pending.get(_PENDING, f"unit;{safe(unit_id)}")
        return row is not None and parse_time(row.text("at")) > datetime.now(UTC) - SAVE_LIMIT


def _unit(row: Row) -> BusinessUnit:
    return _CODEC.from_text(join_text(row.values, "d"))


def _unit_key(unit_id: str) -> str:
    return f"unit;{safe(unit_id)}"
