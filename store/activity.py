"""Rows of the activity log. They lie in the partition of what they tell of, and are written in its
transaction.

The key is made of time and content, so that a repeated write ends in the same row.
"""

from __future__ import annotations

import hashlib
import json

from domain.ports import Activity
from store.chunks import split_text
from store.keys import inverted
from store.record_codec import time_text, writable
from store.rows import Replace, Row

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
    return Replace(Row(partition, f"{PREFIX}{inverted(activity.at)};{digest}", dict(split_text(text, "d"))))
