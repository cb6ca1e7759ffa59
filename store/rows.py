"""Rows as plain values, and what can be done to them in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | bool | bytes


@dataclass(frozen=True, slots=True)
class Row:
    """An entity. `values` holds strings, integers of 32 bits, truth values and bytes only."""

    partition: str
    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    etag: str = ""

    def text(self, name: str) -> str:
        """A text property, empty where it is missing."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Insert:
    """Conflicts where the row is there."""

    row: Row


@dataclass(frozen=True, slots=True)
class Replace:
    """Writes the whole row; `etag` None: whether or not it is there, else conflicts unless it is still that
    one."""

    row: Row
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """Writes these values whether or not the row is there; its other values stay."""

    row: Row


@dataclass(frozen=True, slots=True)
class Delete:
    """Conflicts where the row is absent, or `etag` (unless None) no longer its own."""

    row: Row
    etag: str | None = None


Operation = Insert | Replace | Merge | Delete
