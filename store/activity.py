"""Rows of the activity log. They lie in the partition of what they tell of, and are written in its
transaction.

The key is made of time and content, so that a repeated write ends in the same row. What the log is filtered
by stands beside the entry in properties of its own. Lists that are too long for one entity are cut to what
changed, and the entry says how much it leaves out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from domain.errors import AdminActionError
from domain.stored import Activity
from store.chunks import join_text, split_text, utf16_bytes
from store.keys import inverted
from store.record_codec import parse_time, time_text, writable
from store.rows import Replace, Row, Value

PREFIX = "activity;"
_MAX_BYTES = 900_000
"""Of the 1 MiB that an entity may have: the properties for filters stand beside the text."""
_MOST_ENTRIES = 100
"""Of a list, in an entry that would be longer: four lists of the longest addresses, twice, have 420 KB."""


def activity_write(partition: str, activity: Activity, change: str | None = None) -> Replace:
    """The write that goes with the change. `change`: an id that makes the entry the same one however often
    it is written, in place of its content."""
    fields = {
        "v": 1,
        "at": time_text(activity.at),
        "actor": activity.actor,
        "actingFor": activity.acting_for,
        "action": activity.action,
        "target": activity.target,
        "before": dict(activity.before) if activity.before is not None else None,
        "after": dict(activity.after) if activity.after is not None else None,
    }
    text = _text(fields)
    if utf16_bytes(text) > _MAX_BYTES:
        before, after = activity.before or {}, activity.after or {}
        fields["before"] = _cut(before, after) if activity.before is not None else None
        fields["after"] = _cut(after, before) if activity.after is not None else None
        text = _text(fields)
    digest = hashlib.sha256((text if change is None else writable(change)).encode()).hexdigest()[:16]
    values: dict[str, Value] = {
        **split_text(text, "d"),
        "actor": filtered(activity.actor),
        "actingFor": filtered(activity.acting_for or ""),
        "action": activity.action,
        "target": activity.target,
    }
    return Replace(Row(partition, f"{PREFIX}{inverted(activity.at)};{digest}", values))


def _text(fields: Mapping[str, object]) -> str:
    return writable(json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=str))


def _cut(side: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """One side of a change that is too long for one row: of each long list the entries that the other side
    lacks, as many as fit, and last how many were left out."""
    found: dict[str, object] = {}
    for name, value in side.items():
        if isinstance(value, list) and len(value) > _MOST_ENTRIES:
            theirs = other.get(name)
            there = set(map(str, theirs)) if isinstance(theirs, list) else set()
            shown = [one for one in value if str(one) not in there][:_MOST_ENTRIES]
            found[name] = [*shown, f"({len(value) - len(shown)} more entries are not shown here)"]
        else:
            found[name] = value
    return found


def filtered(name: str) -> str:
    """A person's or application's name as filters compare it: in any case."""
    return writable(name).casefold()


def activity_of(row: Row) -> Activity:
    """Raises `AdminActionError` where the row is not what `activity_write` writes."""
    try:
        fields: dict[str, Any] = json.loads(join_text(row.values, "d") or "")
        if fields.pop("v") != 1:
            raise ValueError("another version")
        return Activity(
            at=parse_time(fields["at"]),
            actor=fields["actor"],
            acting_for=fields["actingFor"],
            action=fields["action"],
            target=fields["target"],
            before=fields["before"],
            after=fields["after"],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AdminActionError("StorageRowUnreadable", "Activity") from error
