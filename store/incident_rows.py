"""Rows of table `incidents`, partition `incidents`: all that a save of one writes in one transaction. Pure.

| row | is |
|---|---|
| `incident;{id}` | the incident |
| `list;{inverted ms of its creation};{digest}` | the same, in the order of lists |
| `folded;{id without case};{digest}` | its id, for who knows it in another case |
| `child;{digest of the parent};{digest}` | its id, among those merged into another |

Partition `units` has a row `{digest of the unit};{digest}` for every unit that it impacts or did once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from domain.incidents import Incident
from store.chunks import join_text, split_text
from store.keys import inverted, safe
from store.record_codec import Codec, writable
from store.rows import Delete, Insert, Operation, Replace, Row

PARTITION = "incidents"
UNITS_PARTITION = "units"
LINKS_PARTITION = "links"
"""Holds entries of the activity log alone: of what people decided about mails."""
TABLE = "incidents"
LISTED = "list;"
INCIDENTS = "incident;"
_CODEC = Codec(Incident)
_DIGEST_CHARS = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def incident_key(incident_id: str) -> str:
    """Of its own row."""
    return INCIDENTS + safe(incident_id)


def folded_prefix(incident_id: str) -> str:
    """Of the rows of all ids that are equal to it but for case."""
    return f"folded;{safe(incident_id.casefold())};"


def child_prefix(incident_id: str) -> str:
    """Of the rows of the incidents merged into it."""
    return f"child;{digest(incident_id)};"


def unit_prefix(unit_id: str) -> str:
    """Of a unit's rows."""
    return f"{digest(unit_id)};"


def incident_of(row: Row) -> Incident:
    """Of its own row or its row in the list. Raises `AdminActionError("StorageRowUnreadable")`."""
    return _CODEC.from_text(join_text(row.values, "d"))


def id_in(row: Row) -> str:
    """Of the rows that hold an id alone."""
    return row.text("incident")


def unit_rows(incident: Incident) -> list[Row]:
    """One for each unit."""
    value = {"incident": incident.id}
    return [
        Row(UNITS_PARTITION, unit_prefix(unit) + digest(incident.id), value)
        for unit in dict.fromkeys(incident.business_units)
    ]


def writes(incident: Incident, old: Incident | None, etag: str | None) -> list[Operation]:
    """Its rows as they are to be, its own first; what `old` had and it has not goes."""
    row = Row(PARTITION, incident_key(incident.id), dict(split_text(_CODEC.to_text(incident), "d")))
    operations: list[Operation] = [Insert(row) if etag is None else Replace(row, etag)]
    others = _others(incident)
    for key, gone in _others(old).items() if old is not None else ():
        if key not in others:
            operations.append(Delete(gone))
    return [*operations, *(Replace(other) for other in others.values())]


def digest(text: str) -> str:
    """Of an id, for keys that hold two."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]


def _others(incident: Incident) -> dict[str, Row]:
    own, named = digest(incident.id), {"incident": incident.id}
    created = inverted(max(incident.created_at, _EPOCH))
    listed = {
        **split_text(_CODEC.to_text(incident), "d"),
        "status": incident.status.value,
        "incident": writable(incident.id),
    }
    rows = [
        Row(PARTITION, f"{LISTED}{created};{own}", dict(listed)),
        Row(PARTITION, folded_prefix(incident.id) + own, dict(named)),
    ]
    if incident.merged_into is not None:
        rows.append(Row(PARTITION, child_prefix(incident.merged_into) + own, dict(named)))
    return {row.key: row for row in rows}
