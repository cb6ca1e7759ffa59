"""Rows of the activity log. They lie in the partition of what they tell of, and are written in its
transaction.

The key is made of time and content, so that a repeated write ends in the same row. What the log is filtered
by stands beside the entry in properties of its own.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from domain.errors import AdminActionError
from domain.stored import Activity
from store.chunks import join_text, split_text
from store.keys import inverted
from store.record_codec import parse_time, time_text, writable
from store.rows import Replace, Row, Value

PREFIX = "activity;"


def activity_write(partition: str, activity: Activity) -> Replace:
    """The write that goes with the change."""
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
    text = writable(json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=str))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    values: dict[str, Value] = {
        **split_text(text, "d"),
        "actor": filtered(activity.actor),
        "actingFor": filtered(activity.acting_for or ""),
        "action": activity.action,
        "target": activity.target,
    }
    return Replace(Row(partition, f"{PREFIX}{inverted(activity.at)};{digest}", values))


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
