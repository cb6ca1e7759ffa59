"""Routes of incidents: what Respond tells of them, and lists."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.etags import entity_tag
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from api.services import Services
from domain.subject_token import make_token
from incident_mails.incident_form import IncidentForm, MergeForm
from incident_mails.save_incident import incident_json, put_incident, put_merge, stored_incident

router = APIRouter(tags=["Incidents"])
_MAX_TEXT_CHARS = 200
_MAX_CURSOR_CHARS = 4_000
_BODY_LIMIT_BYTES = 512 * 1024


@router.get("/api/incidents", summary="Incidents, newest first")
@needs(Permission.MAILS_READ)
def list_incidents(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=_MAX_CURSOR_CHARS)] = None,
    status: Annotated[Literal["open", "closed", "merged", "untriaged"] | None, Query()] = None,
    text: Annotated[
        str | None, Query(max_length=_MAX_TEXT_CHARS, description="In id or title, in any case.")
    ] = None,
) -> dict[str, Any]:
    """`nextCursor` is null at the end."""
    try:
        found, after = services.incidents.page(
            limit=limit, cursor=cursor or None, status=status, text=text or None
        )
    except ValueError:
        raise Problem.of_fields(
            [FieldError("cursor", "BadCursor", "This is no cursor of this list.")]
        ) from None
    return {"items": [incident_json(one) for one in found], "nextCursor": after}


@router.get("/api/incidents/{incident_id}", summary="An incident")
@needs(Permission.MAILS_READ)
def read_incident(incident_id: IncidentId, services: ServicesDep) -> JSONResponse:
    """With an ETag, and in `subjectToken` what makes a mail's subject the incident's: whoever writes about it
    by other ways can put it there. null for an id that is too long for a subject."""
    stored = stored_incident(services, incident_id)
    shown = incident_json(stored.value) | {"subjectToken": _subject_token(services, incident_id)}
    return JSONResponse(shown, headers={"ETag": entity_tag(stored.etag)})


@router.put(
    "/api/incidents/{incident_id}",
    summary="Create or change an incident",
    responses={201: {"description": "It is new", "content": {"application/json": {}}}},
)
@needs(Permission.INCIDENTS_UPDATE, body_limit_bytes=_BODY_LIMIT_BYTES)
def write_incident(
    incident_id: IncidentId,
    form: IncidentForm,
    services: ServicesDep,
    caller: CallerDep,
    if_match: Annotated[str | None, Header(alias="If-Match")] = None,
) -> JSONResponse:
    """201 where it is new, else 200; the same again changes nothing. `If-Match` is not needed; where it is
    sent it counts. Mails follow within seconds."""
    saved, created = put_incident(services, caller, incident_id, form, if_match)
    return JSONResponse(
        incident_json(saved.value),
        status_code=201 if created else 200,
        headers={"ETag": entity_tag(saved.etag)},
    )


@router.post("/api/incidents/{incident_id}/merge", summary="Merge an incident into another one")
@needs(Permission.INCIDENTS_UPDATE)
def merge(incident_id: IncidentId, form: MergeForm, services: ServicesDep, caller: CallerDep) -> JSONResponse:
    """Its mails show in the other one's tab from then on. The same again changes nothing; 409 where the merge
    would go in a circle."""
    saved = put_merge(services, caller, incident_id, form.into)
    return JSONResponse(incident_json(saved.value), headers={"ETag": entity_tag(saved.etag)})


def _subject_token(services: Services, incident_id: str) -> str | None:
    try:
        return make_token(incident_id, services.token_keys.keys()[0])
    except ValueError:
        return None
