"""Cursors of an incident's tab: where a page ended, and as of which change the walk sees each partition.

Opaque to callers, checked, and bound to what was asked (incidents, filter, kind of list): for anything
else they are refused. They hold no mail's content. What a forged one can name is another place in the same
list."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from domain.linking_ports import MailFilter
from store.tab_keys import MAX_SEQUENCE, partition_of_incident

MAX_CURSOR_CHARS = 32_000
_PLACE = r"\d{16};(?:[0-9a-f]{32}|[A-Za-z0-9_-]{1,100}\.[0-9a-f]{32})"
_PAGE = re.compile(rf"([0-9a-f]{{16}}) ({_PLACE})((?: \d{{1,10}})*)", re.ASCII)
_NUMBERED = re.compile(r"([0-9a-f]{16})=(\d{1,10})", re.ASCII)


@dataclass(frozen=True, slots=True)
class PageCursor:
    """`after`: the last place that was read. `snapshot`: for each partition the sequence that the walk sees;
    empty where the list is not walked as of a moment."""

    after: str
    snapshot: tuple[int, ...] = ()


def binding(view: str, incident_ids: Sequence[str], where: MailFilter | None = None, of: str = "") -> str:
    """What a cursor is bound to."""
    asked = json.dumps([view, list(incident_ids), astuple(where) if where else None, of])
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def written(cursor: PageCursor, bound_to: str) -> str:
    """The cursor as callers get it."""
    return _encoded(" ".join((bound_to, cursor.after, *map(str, cursor.snapshot))))


def read(text: str, bound_to: str, partitions: int) -> PageCursor:
    """`partitions`: how many the snapshot must be of (0: none). Raises `ValueError`."""
    found = _PAGE.fullmatch(_decoded(text))
    if found is None or found[1] != bound_to:
        raise ValueError("cursor")
    snapshot = tuple(_sequence(number) for number in found[3].split())
    if len(snapshot) != partitions:
        raise ValueError("cursor")
    return PageCursor(found[2], snapshot)


def written_changes(read_to: Mapping[str, int]) -> str:
    """A cursor of the change log: up to which number each incident's changes are read. Incidents that are
    merged in later are read from their first."""
    return _encoded(" ".join(f"{_short(incident)}={number}" for incident, number in read_to.items()))


def read_changes(text: str, incident_ids: Sequence[str]) -> dict[str, int]:
    """Raises `ValueError`."""
    numbers: dict[str, int] = {}
    for piece in _decoded(text).split(" "):
        found = _NUMBERED.fullmatch(piece)
        if found is None:
            raise ValueError("cursor")
        numbers[found[1]] = _sequence(found[2])
    known = {incident: numbers.get(_short(incident), 0) for incident in incident_ids}
    if not any(_short(incident) in numbers for incident in incident_ids):
        raise ValueError("cursor")
    return known


def _short(incident_id: str) -> str:
    return hashlib.sha256(partition_of_incident(incident_id).encode()).hexdigest()[:16]


def _sequence(digits: str) -> int:
    if (number := int(digits)) > MAX_SEQUENCE:
        raise ValueError("cursor")
    return number


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(text: str) -> str:
    if len(text) > MAX_CURSOR_CHARS:
        raise ValueError("cursor")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError as error:
        raise ValueError("cursor") from error
