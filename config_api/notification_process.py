"""Routes of the **Incident Notification** process."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.models import RequestBody
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from config_api.mailboxes import IfMatch
from config_api.mistakes import FieldMistakeError, for_pydantic
from config_api.settings_resource import SettingsResource
from domain.configuration import (
    MAX_FOLLOW_UP_HOURS,
    MAX_FOLLOW_UPS,
    NotificationProcess,
    NotificationTrigger,
)

router = APIRouter(tags=["Settings"])
_PATH = "/api/config/notification-process"


def _trigger(value: str) -> str:
    if value not in tuple(NotificationTrigger):
        raise FieldMistakeError("UnknownTrigger", "Choose automatic or manual.")
    return value


class NotificationProcessForm(RequestBody):
    """What is left out has its default."""

    enabled: bool = Field(False, description="Off: nobody is notified, by hand neither.")
    on_new_incident: Annotated[str, AfterValidator(for_pydantic(_trigger))] = Field(
        "manual", description="`automatic`: the units are notified at once; `manual`: an analyst does it."
    )
    follow_up_after_hours: list[int] = Field(
        [],
        description=f"Each follow-up's distance from the primary notification in hours, ascending, 1 to "
        f"{MAX_FOLLOW_UP_HOURS}; at most {MAX_FOLLOW_UPS}, none: no follow-ups.",
    )
    stop_when_answered: bool = Field(True, description="No more follow-ups to a unit that has answered.")


def _json(process: NotificationProcess) -> dict[str, object]:
    return {
        "enabled": process.enabled,
        "onNewIncident": process.on_new_incident.value,
        "followUpAfterHours": list(process.follow_up_after_hours),
        "stopWhenAnswered": process.stop_when_answered,
    }


_RESOURCE = SettingsResource(
    NotificationProcess(), "notificationProcess", "settings/notification-process", _json, _json
)


@router.get(_PATH, summary="When incident notifications and follow-ups go out")
@needs(Permission.CONFIGURATIONS_READ)
def read_notification_process(services: ServicesDep) -> JSONResponse:
    """Off and by hand until an admin says otherwise."""
    return _RESOURCE.answer(_RESOURCE.read(services))


@router.put(_PATH, summary="Set the Incident Notification process")
@needs(Permission.CONFIGURATIONS_UPDATE)
def write_notification_process(
    form: NotificationProcessForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Needs If-Match."""
    current = _RESOURCE.read_to_change(services, if_match)
    if errors := _follow_up_errors(form.follow_up_after_hours):
        raise Problem.of_fields(errors)
    value = NotificationProcess(
        enabled=form.enabled,
        on_new_incident=NotificationTrigger(form.on_new_incident),
        follow_up_after_hours=tuple(form.follow_up_after_hours),
        stop_when_answered=form.stop_when_answered,
    )
    return _RESOURCE.answer(_RESOURCE.save(services, caller, current, value))


def _follow_up_errors(hours: list[int]) -> list[FieldError]:
    if len(hours) > MAX_FOLLOW_UPS:
        return [
            FieldError("followUpAfterHours", "TooMany", f"There are at most {MAX_FOLLOW_UPS} follow-ups.")
        ]
    errors = []
    for position, hour in enumerate(hours):
        field = f"followUpAfterHours.{position}"
        if not 1 <= hour <= MAX_FOLLOW_UP_HOURS:
            detail = f"A follow-up comes 1 to {MAX_FOLLOW_UP_HOURS} hours after the primary notification."
            errors.append(FieldError(field, "OutOfRange", detail))
        elif position and hour <= hours[position - 1]:
            detail = "Each follow-up comes later than the one before it."
            errors.append(FieldError(field, "NotAscending", detail))
    return errors
