"""Addresses and domains are unique across business units: table `buaddresses`, a row an entry which names its
unit.

A row is inserted where absent before the unit's row names the entry, and deleted after the unit's row no
longer does. A crash in between leaves rows of entries that their unit does not have; while the unit's pending
row is young they count as taken (a save may be under way), afterwards anybody may take them over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from domain.business_units import BusinessUnit, normalise_address, normalise_domain
from domain.errors import ConflictError, RetryLaterError
from domain.stored import AddressTakenError
from store.connection import StorageConnection
from store.keys import safe
from store.rows import Row
from store.table import Table

_TRIES = 5


class UnitAddresses:
    """Who has which entry."""

    def __init__(
        self,
        connection: StorageConnection,
        unit: Callable[[str], BusinessUnit | None],
        may_be_saving: Callable[[str], bool],
    ) -> None:
        """`unit` reads a unit; `may_be_saving` tells whether a save of it may be under way."""
        self._connection = connection
        self._table = Table(connection, "buaddresses")
        self._unit = unit
        self._may_be_saving = may_be_saving

    def claim(self, unit: BusinessUnit) -> list[str]:
        """Makes every entry this unit's; the entries that were not before. Raises `AddressTakenError`, after
        giving back what this call claimed."""
        claimed: list[str] = []
        try:
            for entry in sorted(entries(unit)):
                if self._claim(entry, unit.id):
                    claimed.append(entry)
        except AddressTakenError:
            self.release(unit.id, claimed)
            raise
        return claimed

    def release(self, unit_id: str, released: Iterable[str]) -> None:
        """Deletes the rows of these entries that are this unit's."""
        for entry in released:
            row = self._table.get(*_key(entry))
            if row is not None and row.text("unit") == unit_id:
                try:
                    self._table.delete(row.partition, row.key, row.etag)
                except ConflictError:
                    continue  # somebody else took it over in this moment: it is theirs

    def repair(self, unit: BusinessUnit) -> None:
        """Deletes this unit's rows that it has no entry for, and adds those that are missing."""
        own = entries(unit)
        rows = [row for kind in ("address", "domain") for row in self._table.range(kind, "", "~~")]
        left_over = {row.text("entry") for row in rows if row.text("unit") == unit.id} - own
        self.release(unit.id, sorted(left_over))
        self.claim(unit)

    def _claim(self, entry: str, unit_id: str) -> bool:
        partition, key = _key(entry)
        row = Row(partition, key, {"unit": unit_id, "entry": entry})
        for _ in range(_TRIES):
            try:
                there = self._table.get(partition, key)
                if there is None:
                    self._table.insert(row)
                    return True
                owner_id = there.text("unit")
                if owner_id == unit_id:
                    return False
                owner = self._unit(owner_id)
                if (owner is not None and entry in entries(owner)) or self._may_be_saving(owner_id):
                    raise AddressTakenError(entry, owner_id, owner.name if owner else owner_id)
                self._table.replace(row, there.etag)
            except ConflictError:
                continue
            return True
        raise RetryLaterError("StorageUnavailable", "the address row keeps changing")


def entries(unit: BusinessUnit) -> set[str]:
    """Normalised addresses and domains of a unit; an archived unit has none."""
    if unit.archived:
        return set()
    domains = (
        f"*.{normalise_domain(domain[2:])}" if domain.startswith("*.") else normalise_domain(domain)
        for domain in unit.domains
    )
    return {*(normalise_address(address) for address in unit.addresses), *domains}


def _key(entry: str) -> tuple[str, str]:
    return "address" if "@" in entry else "domain", safe(entry)
