"""Saves what Respond says about an incident: the same again changes nothing, and open intervals follow its
status.

Row, activity log and pending row are `linking.incidents`' concern. An incident that is created as merged is
created closed first: dies in between, Respond's next PUT of the same merges it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from api.caller import Caller
from api.dependencies import activity
from api.etags import absent_but_matched, check_if_match, entity_tag
from api.models import rfc3339
from api.path_ids import MAX_ID_CHARS
from api.problems import FieldError, Problem
from api.services import Services
from domain.errors import ConflictError, RetryLaterError
from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.stored import Versioned
from incident_mails.incident_form import IncidentForm
from linking.context import link_context
from linking.incidents import MergeRefusedError, merge_incident, save_incident

_TRIES = 5
_NOT_OPEN = (IncidentStatus.CLOSED, IncidentStatus.MERGED)
_REFUSALS = {
    "MergedIntoItself": "An incident cannot be merged into itself.",
    "MergeWouldCircle": "That incident is itself merged into this one, directly or over others.",
    "TooManyMerges": "That incident stands at the end of too many merges.",
}


def incident_json(incident: Incident) -> dict[str, object]:
    """An incident as the API shows it."""
    return {
        "id": incident.id,
        "title": incident.title,
        "type": incident.type,
        "severity": incident.severity,
        "status": incident.status.value,
        "url": incident.url,
        "businessUnits": list(incident.business_units),
        "mergedInto": incident.merged_into,
        "createdAt": rfc3339(incident.created_at),
    }


def stored_incident(services: Services, incident_id: str) -> Versioned[Incident]:
    """Raises 404."""
    stored = services.incidents.read(incident_id) if 0 < len(incident_id) <= MAX_ID_CHARS else None
    if stored is None:
        raise Problem.not_found("The incident")
    return stored


def put_incident(
    services: Services, caller: Caller, incident_id: str, form: IncidentForm, if_match: str | None
) -> tuple[Versioned[Incident], bool]:
    """The incident as it is stored now, and whether it is new. Without `If-Match` the last one wins. Raises
    422, 409, 412 and what storage raises."""
    _check(services, incident_id, form)
    created = False
    for _ in range(_TRIES):
        stored = services.incidents.read(incident_id)
        if stored is None and if_match is not None:
            raise absent_but_matched()
        if stored is not None and if_match is not None and not created:
            check_if_match(if_match, entity_tag(stored.etag), incident_json(stored.value))
        wanted = _wanted(form, incident_id, stored.value if stored else None, services.clock.now())
        if stored is not None and wanted == stored.value:
            return stored, created
        try:
            saved = _save(services, caller, stored, wanted, "mergedInto")
        except ConflictError:
            continue
        created = created or stored is None
        if saved.value == wanted:
            return saved, created
    raise RetryLaterError("StorageUnavailable", "the incident keeps changing")


def put_merge(services: Services, caller: Caller, incident_id: str, into: str) -> Versioned[Incident]:
    """The merged incident. Raises 404, 409 with the reason, 422 and what storage raises."""
    for _ in range(_TRIES):
        stored = stored_incident(services, incident_id)
        if stored.value.merged_into == into:
            return stored
        wanted = replace(
            stored.value,
            status=IncidentStatus.MERGED,
            merged_into=into,
            open_intervals=_intervals(stored.value, IncidentStatus.MERGED, services.clock.now()),
        )
        try:
            return _save(services, caller, stored, wanted, "into")
        except ConflictError:
            continue
    raise RetryLaterError("StorageUnavailable", "the incident keeps changing")


def _save(
    services: Services, caller: Caller, stored: Versioned[Incident] | None, wanted: Incident, field: str
) -> Versioned[Incident]:
    is_merge = wanted.merged_into is not None and (
        stored is None or stored.value.merged_into != wanted.merged_into
    )
    if stored is None and is_merge:
        if services.incidents.read(str(wanted.merged_into)) is None:
            raise _parent_unknown(field)
        wanted, is_merge = replace(wanted, status=IncidentStatus.CLOSED, merged_into=None), False
    action = "incident.created" if stored is None else "incident.merged" if is_merge else "incident.changed"
    before = incident_json(stored.value) if stored else None
    entry = activity(services, caller, action, f"incident/{wanted.id}", before, incident_json(wanted))
    context = link_context(services)
    if not is_merge or stored is None:
        return save_incident(context, wanted, stored.etag if stored else None, entry)
    try:
        return merge_incident(context, wanted, stored.etag, entry)
    except MergeRefusedError as refused:
        if refused.code == "ParentUnknown":
            raise _parent_unknown(field) from None
        raise Problem(409, refused.code, _REFUSALS[refused.code]) from None


def _check(services: Services, incident_id: str, form: IncidentForm) -> None:
    errors = []
    if len(incident_id) > MAX_ID_CHARS:
        errors.append(FieldError("id", "TooLong", f"An id has at most {MAX_ID_CHARS} characters."))
    if form.id is not None and form.id != incident_id:
        errors.append(
            FieldError("id", "NotThePathsId", "This is not the id in the path (encode its % twice there).")
        )
    known = {row.value.id for row in services.units.read_all()} if form.business_units else set()
    errors += [
        FieldError(f"businessUnits.{n}", "UnknownBusinessUnit", "There is no business unit with this id.")
        for n, unit in enumerate(form.business_units)
        if unit not in known
    ]
    if form.merged_into is not None and form.status != "merged":
        errors.append(FieldError("mergedInto", "NotMerged", "Only with the status `merged`."))
    if errors:
        raise Problem.of_fields(errors)


def _wanted(form: IncidentForm, incident_id: str, before: Incident | None, now: datetime) -> Incident:
    status = IncidentStatus(form.status)
    merged_into = form.merged_into
    if before is not None and before.merged_into is not None:
        if status is not IncidentStatus.MERGED:
            raise Problem(
                409,
                "IncidentMerged",
                "This incident is merged, and stays so: its mails show in the other one.",
                members={"mergedInto": before.merged_into},
            )
        merged_into = merged_into or before.merged_into
    if status is IncidentStatus.MERGED and merged_into is None:
        raise Problem.of_fields([FieldError("mergedInto", "Required", "Into which incident is it merged?")])
    return Incident(
        id=incident_id,
        title=form.title,
        status=status,
        created_at=before.created_at if before else now,
        type=form.type or "",
        severity=form.severity or "",
        url=form.url or "",
        business_units=tuple(dict.fromkeys(form.business_units)),
        merged_into=merged_into,
        open_intervals=_intervals(before, status, now),
    )


def _intervals(before: Incident | None, status: IncidentStatus, now: datetime) -> tuple[OpenInterval, ...]:
    intervals = before.open_intervals if before else ()
    is_open = bool(intervals) and intervals[-1].closed_at is None
    if status not in _NOT_OPEN:
        return intervals if is_open else (*intervals, OpenInterval(now))
    return (*intervals[:-1], replace(intervals[-1], closed_at=now)) if is_open else intervals


def _parent_unknown(field: str) -> Problem:
    return Problem.of_fields([FieldError(field, "UnknownIncident", "There is no incident with this id.")])
