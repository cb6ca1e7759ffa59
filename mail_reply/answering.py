"""Routes of who is answering which mail just now."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import CallerDep, ServicesDep
from api.models import rfc3339
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import Problem
from api.services import Services
from domain.drafts import PRESENCE, Presence
from mail_reply.people import owner_of, shown_person
from mail_reply.sources import incident_of, shown_incidents

router = APIRouter(tags=["Replies"])
_PATH = "/api/incidents/{incident_id}/mails/{mail_id}/answering"
_MAX_ID_CHARS = 200


@router.put(_PATH, summary="I am answering this mail")
@needs(Permission.MAILS_REPLY)
def say_answering(
    incident_id: IncidentId, mail_id: str, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """Counts for a minute: say it again while it holds. Answers with all who are answering the mail."""
    incident = incident_of(services, incident_id)
    ids = shown_incidents(services, incident)
    found = services.links.read([mail_id]) if len(mail_id) <= _MAX_ID_CHARS else {}
    linked = found.get(mail_id)
    if linked is None or linked.state.link is None or linked.state.link.incident_id not in ids:
        raise Problem.not_found("The mail")
    presence = Presence(mail_id, shown_person(caller), services.clock.now() + PRESENCE)
    services.presence.note(incident_id, owner_of(caller), presence)
    return _listed(services, incident_id, mail_id)


@router.delete(_PATH, summary="I no longer answer this mail", status_code=204)
@needs(Permission.MAILS_REPLY)
def stop_answering(
    incident_id: IncidentId, mail_id: str, services: ServicesDep, caller: CallerDep
) -> Response:
    """Absent is fine."""
    incident_of(services, incident_id)
    if len(mail_id) <= _MAX_ID_CHARS:
        services.presence.leave(incident_id, owner_of(caller), mail_id)
    return Response(status_code=204)


@router.get("/api/incidents/{incident_id}/replies/answering", summary="Who is answering which mail")
@needs(Permission.MAILS_READ)
def list_answering(incident_id: IncidentId, services: ServicesDep) -> dict[str, Any]:
    """In the whole incident, as of now."""
    incident_of(services, incident_id)
    return _listed(services, incident_id, None)


def _listed(services: Services, incident_id: str, mail_id: str | None) -> dict[str, Any]:
    found = services.presence.of_incident(incident_id, services.clock.now())
    return {
        "items": [
            {
                "id": f"{one.mail_id}:{one.name}",
                "mail": one.mail_id,
                "by": one.name,
                "until": rfc3339(one.until),
            }
            for one in found
            if mail_id in (None, one.mail_id)
        ],
        "nextCursor": None,
    }
