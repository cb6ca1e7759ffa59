"""Routes of one mail in an incident's tab: what it is, its content, and what a person does with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from api.caller import Caller
from api.delivery import Besides
from api.dependencies import CallerDep, ServicesDep, SettingsDep
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import Problem, missing_permission
from api.services import Services
from domain.links import LinkedMail
from incident_mails.by_person import Decided, Person, known_incident
from incident_mails.change_form import MailChange
from incident_mails.mail_content import (
    BodyPart,
    Range,
    RemoteImages,
    attachment_answer,
    body_answer,
    raw_answer,
)
from incident_mails.mail_json import history_json, mail_json
from incident_mails.tab import Tab, mail_of, stored_mail, tab_of
from linking.context import link_context
from linking.read_state import mark_read

router = APIRouter(tags=["Business Unit Mails"])


@router.get("/api/incidents/{incident_id}/mails/{mail_id}", summary="A mail of the incident")
@needs(Permission.MAILS_READ)
def read_mail(incident_id: IncidentId, mail_id: str, services: ServicesDep) -> dict[str, Any]:
    """With its history: who or what moved it when, and what can be undone."""
    tab = tab_of(services, incident_id)
    linked = mail_of(services, tab, mail_id)
    besides = Besides(services, tab.incident_ids).of(linked.mail)
    return mail_json(linked.mail, linked.state) | besides | {"history": history_json(linked.state)}


@router.patch("/api/incidents/{incident_id}/mails/{mail_id}", summary="Read state, or another place")
@needs(Permission.MAILS_READ)
def change_mail(
    incident_id: IncidentId, mail_id: str, change: MailChange, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """Everything but `read` needs BusinessUnitMails.Reply. The answer is the mail as it then is, with the id
    that undoes the change in `undo`; an undo may be asked at the incident where the mail was, too."""
    if change.read is None and not caller.may(Permission.MAILS_REPLY):
        raise missing_permission(Permission.MAILS_REPLY)
    tab = tab_of(services, incident_id)
    if change.undo is not None:
        return _answer(Person.of(services, caller).undo(_undoable(services, tab, mail_id), change.undo))
    linked = mail_of(services, tab, mail_id)
    if change.read is not None:
        now = services.clock.now() if change.read else None
        by = (caller.acting_for or caller.name) if change.read else None
        marked = mark_read(link_context(services), mail_id, now, by)
        return mail_json(marked.mail, marked.state)
    return _answer(_change(services, caller, linked, change))


@router.get(
    "/api/incidents/{incident_id}/mails/{mail_id}/body",
    summary="A mail's body, safe to show in a frame",
    response_class=HTMLResponse,
)
@needs(Permission.MAILS_READ)
def read_body(
    request: Request,
    incident_id: IncidentId,
    mail_id: str,
    services: ServicesDep,
    settings: SettingsDep,
    part: BodyPart = None,
    remote_images: RemoteImages = False,
) -> Response:
    """An HTML document, for `Accept: application/json` the same as JSON. 200 for every mail of the tab; one
    that could not be read says so. Remote images are left out and counted, unless `remoteImages=1`."""
    mail = mail_of(services, tab_of(services, incident_id), mail_id).mail
    path = f"/api/incidents/{quote(incident_id, safe='')}/mails/{mail.id}"
    return body_answer(request, services, settings, mail, path=path, part=part, remote_images=remote_images)


@router.get(
    "/api/incidents/{incident_id}/mails/{mail_id}/raw",
    summary="The raw message, byte for byte",
    response_class=Response,
)
@needs(Permission.MAILS_READ)
def read_raw(
    request: Request,
    incident_id: IncidentId,
    mail_id: str,
    services: ServicesDep,
    range_header: Range = None,
) -> Response:
    """As the server gave it the first time. Over 30 MB in ranges only."""
    mail = mail_of(services, tab_of(services, incident_id), mail_id).mail
    return raw_answer(request, services, mail, range_header)


@router.get(
    "/api/incidents/{incident_id}/mails/{mail_id}/attachments/{position}",
    summary="An attachment, decoded",
    response_class=Response,
)
@needs(Permission.MAILS_READ)
def read_attachment(
    request: Request,
    incident_id: IncidentId,
    mail_id: str,
    position: str,
    services: ServicesDep,
    range_header: Range = None,
) -> Response:
    """`position` counts in the mail's `attachments`, from 0. Over 30 MB in ranges only."""
    mail = mail_of(services, tab_of(services, incident_id), mail_id).mail
    return attachment_answer(request, services, mail, position, range_header)


def _change(services: Services, caller: Caller, linked: LinkedMail, change: MailChange) -> Decided:
    person = Person.of(services, caller)
    if change.incident is not None:
        return person.place(linked, known_incident(services, change.incident), "mail.moved")
    if change.suggestion == "accept":
        return person.accept(linked)
    if change.suggestion == "refuse":
        return person.refuse(linked)
    return person.unlink(linked)


def _undoable(services: Services, tab: Tab, mail_id: str) -> LinkedMail:
    """A mail that is or was in this tab. Raises 404."""
    linked = stored_mail(services, mail_id)
    if not tab.shows(linked) and not set(linked.state.placed_before) & set(tab.incident_ids):
        raise Problem.not_found("The mail")
    return linked


def _answer(decided: Decided) -> dict[str, Any]:
    return mail_json(decided.mail.mail, decided.mail.state) | {"undo": decided.change}
