"""Route of an incident's export: asks for it, tells how far it is, and serves it.

The row comes first, then the message. Dies in between, or the message is lost: the next request for the
export finds it waiting for too long, or its claim run out, and sends another.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from api.caller import Caller
from api.dependencies import CallerDep, ServicesDep
from api.models import rfc3339
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import Problem
from api.ranges import ranged_response
from api.services import Services
from domain.errors import ConflictError, RetryLaterError
from domain.exports import ExportProgress, ExportState
from incident_mails.downloads import content_disposition, safe_file_name
from incident_mails.export_job import MAIL_EXPORT_QUEUE, export_message
from incident_mails.mail_content import Range
from incident_mails.tab import Tab, tab_of

router = APIRouter(tags=["Business Unit Mails"])
_LOST_AFTER = timedelta(minutes=2)
_TRIES = 5


@router.get(
    "/api/incidents/{incident_id}/mails/export",
    summary="The incident's correspondence as one archive",
    response_class=Response,
    responses={202: {"description": "Being written", "content": {"application/json": {}}}},
)
@needs(Permission.MAILS_READ)
def read_export(
    request: Request,
    incident_id: IncidentId,
    services: ServicesDep,
    caller: CallerDep,
    export: Annotated[
        str | None,
        Query(max_length=64, description="Of an answer before: this one, whatever has come since."),
    ] = None,
    range_header: Range = None,
) -> Response:
    """202 with the progress until the archive is written, then the archive (`.eml` files, `index.json`,
    `index.csv`, `SHA256SUMS`) in ranges of at most 30 MB. Where the tab has changed since, a new one is
    begun."""
    tab = tab_of(services, incident_id)
    if not tab.incident_ids:
        raise Problem(
            409,
            "IncidentMerged",
            "This incident's mails show in the one that it is merged into: export that one.",
            members={"mergedInto": tab.merged_into},
        )
    state = _wanted(services, caller, tab, export)
    path = f"/api/incidents/{quote(incident_id, safe='')}/mails/export?export={state.id}"
    if state.progress is not ExportProgress.DONE:
        return JSONResponse(
            _progress_json(state, path), status_code=202, headers={"Location": path, "Retry-After": "2"}
        )
    name = safe_file_name(f"{incident_id} mails.zip", "mails.zip")
    return ranged_response(
        lambda offset, length: services.exports.read_archive(state, offset, length),
        state.size_bytes,
        range_header,
        media_type="application/zip",
        headers={
            "Content-Disposition": content_disposition("attachment", name),
            "Content-Location": path,
            "ETag": f'"{state.id}"',
        },
        send_body=not request.scope.get("respond_mailbox.head", False),
    )


def _wanted(services: Services, caller: Caller, tab: Tab, export_id: str | None) -> ExportState:
    """The export, asked for where nobody does it. Raises 404 for one that is not there."""
    incident = tab.incident.value
    wanted = export_id or _id_of(services, tab)
    for _ in range(_TRIES):
        now = services.clock.now()
        stored = services.exports.read(incident.id, wanted)
        if stored is None and export_id is not None:
            raise Problem.not_found("The export")
        if stored is not None and not _is_lost(stored.value, now - _LOST_AFTER, now):
            return stored.value
        state = stored.value if stored else _new(services, caller, tab, wanted)
        try:
            asked = services.exports.save(
                replace(state, queued_at=now, claimed_until=None, progress=ExportProgress.WAITING),
                stored.etag if stored else None,
            )
        except ConflictError:
            continue
        services.queue.send(MAIL_EXPORT_QUEUE, export_message(asked.value))
        return asked.value
    raise RetryLaterError("StorageUnavailable", "the export keeps changing")


def _id_of(services: Services, tab: Tab) -> str:
    version = services.incident_mails.version(tab.incident_ids)
    return hashlib.sha256(f"{version}\0{tab.incident.value.title}".encode("utf-8", "replace")).hexdigest()[
        :32
    ]


def _is_lost(state: ExportState, long_ago: datetime, now: datetime) -> bool:
    """Whether nobody works on it any more."""
    if state.progress is ExportProgress.DONE:
        return False
    if state.claimed_until is not None:
        return state.claimed_until <= now
    return state.queued_at is None or state.queued_at < long_ago


def _new(services: Services, caller: Caller, tab: Tab, export_id: str) -> ExportState:
    return ExportState(
        incident_id=tab.incident.value.id,
        id=export_id,
        title=tab.incident.value.title,
        incident_ids=tab.incident_ids,
        requested_at=services.clock.now(),
        requested_by=caller.acting_for or caller.name,
        mails_total=int(services.incident_mails.counts(tab.incident_ids).get("mails", 0)),
    )


def _progress_json(state: ExportState, path: str) -> dict[str, object]:
    return {
        "id": state.id,
        "state": state.progress.value,
        "mailsDone": state.mails_done,
        "mailsTotal": state.mails_total,
        "requestedAt": rfc3339(state.requested_at),
        "requestedBy": state.requested_by,
        "url": path,
    }
