"""Changes of incidents and units, and the re-decision of the mails that they touch.

The pending row is written first, then the change, then the message; `relink` removes the row when it is done.
Dies after the row: the sweep sends the message. Dies after the change: likewise. What is re-decided twice
ends the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from domain.errors import ConflictError
from domain.incidents import MAX_MERGES, Incident, IncidentStatus, root_of
from domain.linking_ports import PendingWork
from domain.stored import Activity, Versioned
from linking.context import INCIDENT_CHANGED_QUEUE, LinkContext
from linking.messages import changed_message


class MergeRefusedError(Exception):
    """`code`: `MergedIntoItself`, `MergeWouldCircle`, `ParentUnknown`, `TooManyMerges`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def save_incident(
    context: LinkContext, incident: Incident, etag: str | None, activity: Activity
) -> Versioned[Incident]:
    """Saves what Respond says and lets the mails follow, where it concerns them. `etag` None: there must be
    none. Raises `ConflictError`."""
    before = context.incidents.read(incident.id) if etag is not None else None
    if etag is not None and before is None:
        raise ConflictError("the incident is not there")
    old_units = before.value.business_units if before else ()
    units = {*old_units, *incident.business_units}
    work = _pending(context, "incident", incident.id, units, is_new=etag is None)
    saved = context.incidents.save(incident, etag, activity)
    if before is not None and _what_links_see(before.value) == _what_links_see(incident):
        context.pending.done(work)
    else:
        context.queue.send(INCIDENT_CHANGED_QUEUE, changed_message(work))
    return saved


def _what_links_see(incident: Incident) -> tuple[object, ...]:
    return set(incident.business_units), incident.open_intervals, incident.merged_into


def merge_incident(
    context: LinkContext, incident: Incident, etag: str, activity: Activity
) -> Versioned[Incident]:
    """`incident`: with status `MERGED` and `merged_into`. Raises `MergeRefusedError`, `ConflictError`."""
    parent = incident.merged_into
    if incident.status is not IncidentStatus.MERGED or parent is None or parent == incident.id:
        raise MergeRefusedError("MergedIntoItself")
    if context.incidents.read(parent) is None:
        raise MergeRefusedError("ParentUnknown")
    merged = context.incidents.merged([parent])
    if root_of(parent, merged) == incident.id or incident.id in merged:
        raise MergeRefusedError("MergeWouldCircle")
    if len(merged) >= MAX_MERGES:
        raise MergeRefusedError("TooManyMerges")
    return save_incident(context, incident, etag, activity)


def unit_changed(context: LinkContext, unit_id: str) -> PendingWork:
    """To be called before a unit's change is saved; `announce` the answer afterwards."""
    return _pending(context, "unit", unit_id, {unit_id})


def announce(context: LinkContext, work: PendingWork) -> None:
    """The change is saved: its mails are re-decided."""
    context.queue.send(INCIDENT_CHANGED_QUEUE, changed_message(work))


def _pending(
    context: LinkContext, kind: str, subject: str, units: Iterable[str], *, is_new: bool = False
) -> PendingWork:
    """`is_new`: whoever does something about new incidents is told so by the row."""
    before: dict[str, object] = {"units": sorted(units)}
    if is_new:
        before["isNew"] = True
    work = PendingWork(kind, subject, context.new_id(), context.clock.now(), before)
    context.pending.put(work)
    return work
