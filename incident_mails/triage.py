"""Routes of triage: the mails that wait for an incident, which one it may be, and what a person decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from api.dependencies import CallerDep, ServicesDep, SettingsDep
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from api.services import Services
from domain.linking.candidates import Candidate
from domain.linking_ports import TriageView
from domain.links import LinkedMail
from incident_mails.by_person import Person, known_incident
from incident_mails.change_form import TriageAction, TriageActions
from incident_mails.mail_content import (
    BodyPart,
    Range,
    RemoteImages,
    attachment_answer,
    body_answer,
    raw_answer,
)
from incident_mails.mail_json import history_json, mail_json
from incident_mails.tab import stored_mail
from incident_mails.triage_actions import act, act_on_all, decided_json
from linking.context import link_context
from linking.find_candidates import find_candidates

router = APIRouter(tags=["Triage"])
_MAX_ID_CHARS = 200
_MAX_CURSOR_CHARS = 2_000


@router.get("/api/triage", summary="Mails of business units that belong to no incident, newest first")
@needs(Permission.MAILS_READ)
def list_triage(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=_MAX_CURSOR_CHARS)] = None,
    unit: Annotated[str | None, Query(max_length=_MAX_ID_CHARS, description="Id of a business unit.")] = None,
    view: TriageView = TriageView.WAITING,
) -> dict[str, Any]:
    """A page with the candidates of each mail; `nextCursor` is null at the end. `suggested`: those that are
    in an incident's tab because of their business unit alone."""
    try:
        page = services.mails.triage(
            limit=limit, cursor=cursor or None, business_unit=unit or None, which=view
        )
    except ValueError:
        raise Problem.of_fields(
            [FieldError("cursor", "BadCursor", "This is no cursor of this list.")]
        ) from None
    found = _candidates(services, list(services.links.read(one.mail.id for one in page.mails).values()))
    items = [
        mail_json(one.mail, one.state) | {"candidates": found.get(one.mail.id, [])} for one in page.mails
    ]
    return {"items": items, "nextCursor": page.cursor}


@router.post("/api/triage", summary="Link, dismiss or undo for several mails at once")
@needs(Permission.MAILS_REPLY)
def act_on_mails(actions: TriageActions, services: ServicesDep, caller: CallerDep) -> dict[str, Any]:
    """A result each, in the order asked. One change id stands for all of them."""
    return {"items": act_on_all(services, Person.of(services, caller), actions), "nextCursor": None}


@router.get("/api/triage/{mail_id}", summary="A mail")
@needs(Permission.MAILS_READ)
def read_mail(mail_id: str, services: ServicesDep) -> dict[str, Any]:
    """Envelope, attachments, what is known about it, and its history."""
    linked = stored_mail(services, mail_id)
    found = _candidates(services, [linked])
    return mail_json(linked.mail, linked.state) | {
        "candidates": found[mail_id],
        "history": history_json(linked.state),
    }


@router.post("/api/triage/{mail_id}", summary="Link, dismiss or undo")
@needs(Permission.MAILS_REPLY)
def act_on_mail(
    mail_id: str, action: TriageAction, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """The mail as it then is; `undo` is the change's id. 409 where the mail is in an incident."""
    linked = stored_mail(services, mail_id)
    if action.incident is not None:
        known_incident(services, action.incident)
    return decided_json(act(Person.of(services, caller), linked, action))


@router.get(
    "/api/triage/{mail_id}/body",
    summary="A mail's body, safe to show in a frame",
    response_class=HTMLResponse,
)
@needs(Permission.MAILS_READ)
def read_body(
    request: Request,
    mail_id: str,
    services: ServicesDep,
    settings: SettingsDep,
    part: BodyPart = None,
    remote_images: RemoteImages = False,
) -> Response:
    """An HTML document, for `Accept: application/json` the same as JSON. 200 for every stored mail; one that
    could not be read says so. Remote images are left out and counted, unless `remoteImages=1`."""
    mail = stored_mail(services, mail_id).mail
    path = f"/api/triage/{mail.id}"
    return body_answer(request, services, settings, mail, path=path, part=part, remote_images=remote_images)


@router.get("/api/triage/{mail_id}/raw", summary="The raw message, byte for byte", response_class=Response)
@needs(Permission.MAILS_READ)
def read_raw(request: Request, mail_id: str, services: ServicesDep, range_header: Range = None) -> Response:
    """As the server gave it the first time. Over 30 MB in ranges only."""
    return raw_answer(request, services, stored_mail(services, mail_id).mail, range_header)


@router.get(
    "/api/triage/{mail_id}/attachments/{position}", summary="An attachment, decoded", response_class=Response
)
@needs(Permission.MAILS_READ)
def read_attachment(
    request: Request, mail_id: str, position: str, services: ServicesDep, range_header: Range = None
) -> Response:
    """`position` counts in the mail's `attachments`, from 0. Over 30 MB in ranges only."""
    return attachment_answer(request, services, stored_mail(services, mail_id).mail, position, range_header)


def _candidates(services: Services, mails: Sequence[LinkedMail]) -> dict[str, list[dict[str, object]]]:
    """By mail id; incidents with their title, so that a person can choose."""
    found = find_candidates(link_context(services), mails)
    ids = {one.incident_id for candidates in found.values() for one in candidates}
    titles = {one.id: one for one in services.incidents.read_many(sorted(ids)).values()} if ids else {}

    def shown(candidate: Candidate) -> dict[str, object]:
        incident = titles.get(candidate.incident_id)
        return {
            "incident": candidate.incident_id,
            "title": incident.title if incident else None,
            "status": incident.status.value if incident else None,
            "reasons": [reason.value for reason in candidate.reasons],
        }

    return {mail_id: [shown(one) for one in candidates] for mail_id, candidates in found.items()}
