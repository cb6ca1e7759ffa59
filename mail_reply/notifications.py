"""Routes of an incident's notifications: who was told, and telling the impacted units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from api.caller import Caller
from api.dependencies import CallerDep, ServicesDep
from api.models import RequestBody
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from api.services import Services
from domain.business_units import BusinessUnit, UnitDirectory
from domain.compose.addresses import BadAddressError, outgoing_address
from domain.compose.build import Composed
from domain.incidents import Incident
from domain.notification_template import NotificationTemplate, find_mistakes
from mail_reply.enqueue import digest_of, entry_id_of
from mail_reply.notify import (
    Notice,
    NotNotifiedError,
    is_open,
    notification_id,
    notify_unit,
    process_of,
    saved_template,
    spaced,
    written_notification,
)
from mail_reply.replies import IdempotencyKey, key_reused, needed_key, preview_json
from mail_reply.reply_json import reply_json
from mail_reply.sources import incident_of, sending_incident, shown_incidents
from mail_reply.timeline import timeline_json
from mail_reply.write_reply import safe_fragment

router = APIRouter(tags=["Notifications"])
_PATH = "/api/incidents/{incident_id}/notifications"
_BODY_LIMIT_BYTES = 1024 * 1024
_MAX_UNITS = 500
_Unit = Annotated[str, Field(min_length=1, max_length=200)]


class NotificationForm(RequestBody):
    """`{}`: every impacted unit that was not notified yet, with the saved template."""

    business_units: Annotated[list[_Unit], Field(max_length=_MAX_UNITS)] | None = Field(
        None, description="Impacted units; left out: all of them."
    )
    subject: str | None = Field(None, description="Edited; may hold the template's placeholders.")
    html: str | None = None
    text: str | None = None
    recipients: Annotated[dict[str, list[str]], Field(max_length=_MAX_UNITS)] | None = Field(
        None, description="By unit id, where others than the unit's own get the mail."
    )
    confirm_recipients: bool = Field(False, description="Yes, also to recipients outside the unit.")


@dataclass(frozen=True, slots=True)
class _Request:
    incident: Incident
    units: tuple[BusinessUnit, ...]
    template: NotificationTemplate


@router.get(_PATH, summary="Who was notified, and who has answered")
@needs(Permission.MAILS_READ)
def read_timeline(incident_id: IncidentId, services: ServicesDep) -> dict[str, Any]:
    """One item for each impacted unit, with its mails, and numbers over all of them."""
    incident = incident_of(services, incident_id)
    ids = shown_incidents(services, incident)
    return timeline_json(services, incident, ids, _impacted(services, incident))


@router.post(_PATH, summary="Notify business units", status_code=202)
@needs(Permission.MAILS_REPLY, body_limit_bytes=_BODY_LIMIT_BYTES)
def notify_units(
    incident_id: IncidentId,
    form: NotificationForm,
    services: ServicesDep,
    caller: CallerDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """One mail for each unit, so that units do not see each other; a unit that was notified before is not
    notified again and shows what it got. 409 while the process is off or the incident closed."""
    name = entry_id_of(caller.id, caller.acting_for or "", needed_key(key))
    digest = f"{name}{digest_of(form.model_dump(mode='json', exclude={'confirm_recipients'}))[:32]}"
    request = _read(services, incident_id, form)
    _check_key(services, request, name, digest)
    if not process_of(services).enabled:
        raise Problem(409, "NotificationsOff", "The Incident Notification process is off.")
    if not is_open(request.incident):
        raise Problem(409, "IncidentClosed", "Nobody is notified about a closed incident.")
    _check_recipients(services, request, form)
    items = []
    for place, unit in enumerate(request.units):
        notice = _notice(services, caller, request, form, unit, digest, place)
        items.append(_notified(services, request.incident, unit, notice))
    return JSONResponse({"items": items, "nextCursor": None}, status_code=202)


@router.post(f"{_PATH}/preview", summary="The mails that would notify")
@needs(Permission.MAILS_REPLY, body_limit_bytes=_BODY_LIMIT_BYTES)
def preview_notifications(
    incident_id: IncidentId, form: NotificationForm, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """Nothing is stored or sent. One item for each unit; show `html` in a sandboxed frame."""
    request = _read(services, incident_id, form)
    items: list[dict[str, Any]] = []
    for place, unit in enumerate(request.units):
        notice = _notice(services, caller, request, form, unit, "", place)
        item: dict[str, Any] = {"id": unit.id, "businessUnit": unit.id, "mail": None, "refused": None}
        try:
            message = written_notification(services, request.incident, unit, notice)
            item["mail"] = preview_json(Composed(message))
        except NotNotifiedError as refused:
            item["refused"] = {"code": refused.code, "detail": str(refused)}
        items.append(item)
    return {"items": items, "nextCursor": None}


def _notified(services: Services, incident: Incident, unit: BusinessUnit, notice: Notice) -> dict[str, Any]:
    item: dict[str, Any] = {"id": unit.id, "businessUnit": unit.id, "reply": None, "refused": None}
    before = services.outbox.read(notification_id(incident.id, unit.id)) is not None
    try:
        item["reply"] = reply_json(notify_unit(services, incident, unit, notice))
    except NotNotifiedError as refused:
        item["refused"] = {"code": refused.code, "detail": str(refused)}
    return item | {"notifiedBefore": before}


def _read(services: Services, incident_id: str, form: NotificationForm) -> _Request:
    incident = sending_incident(services, incident_id)
    impacted = {unit.id: unit for unit in _impacted(services, incident)}
    wanted = list(impacted) if form.business_units is None else list(dict.fromkeys(form.business_units))
    errors = [
        FieldError(f"businessUnits.{n}", "NotImpacted", "The incident does not impact this business unit.")
        for n, unit_id in enumerate(wanted)
        if unit_id not in impacted
    ]
    for unit_id, people in (form.recipients or {}).items():
        for n, address in enumerate(people):
            try:
                outgoing_address(address)
            except BadAddressError as error:
                errors.append(FieldError(f"recipients.{unit_id}.{n}", error.code, str(error)))
    template = _template(services, form)
    errors += [FieldError(one.field, one.code, one.detail) for one in find_mistakes(template)[:50]]
    if errors:
        raise Problem.of_fields(errors)
    return _Request(incident, tuple(impacted[one] for one in wanted), template)


def _template(services: Services, form: NotificationForm) -> NotificationTemplate:
    saved = saved_template(services)
    subject = saved.subject if form.subject is None else form.subject
    if form.html is None and form.text is None:
        return NotificationTemplate(subject, saved.html, saved.text)
    return NotificationTemplate(subject, safe_fragment(form.html or "", "html"), form.text or "")


def _notice(
    services: Services,
    caller: Caller,
    request: _Request,
    form: NotificationForm,
    unit: BusinessUnit,
    digest: str,
    place: int,
) -> Notice:
    edited = (form.recipients or {}).get(unit.id)
    return Notice(
        caller.name,
        digest,
        request.template,
        acting_for=caller.acting_for,
        recipients=tuple(edited) if edited is not None else None,
        send_after=spaced(services, place),
    )


def _check_key(services: Services, request: _Request, name: str, digest: str) -> None:
    """Raises 422 where the key came with another body."""
    for unit in request.units:
        stored = services.outbox.read(notification_id(request.incident.id, unit.id))
        known = stored.value.request_digest if stored is not None else ""
        if known.startswith(name) and known != digest:
            raise key_reused()


def _check_recipients(services: Services, request: _Request, form: NotificationForm) -> None:
    """Raises 409 where somebody outside the unit would get its mail."""
    units = UnitDirectory([row.value for row in services.units.read_all(include_archived=False)])
    strangers = [
        address
        for unit_id, people in (form.recipients or {}).items()
        for address in people
        if units.unit_of(address) != unit_id
    ]
    if strangers and not form.confirm_recipients:
        about = {
            "code": "UnknownRecipients",
            "confirm": "confirmRecipients",
            "detail": f"{len(strangers)} recipients are not of the business unit.",
            "about": strangers[:20],
        }
        raise Problem(
            409,
            "UnknownRecipients",
            str(about["detail"]),
            title="Confirm this first",
            members={"confirmations": [about]},
        )


def _impacted(services: Services, incident: Incident) -> tuple[BusinessUnit, ...]:
    found = {row.value.id: row.value for row in services.units.read_all(include_archived=False)}
    return tuple(found[one] for one in incident.business_units if one in found)
