"""Routes of what bounds sending: the switch that stops it all, and how many mails an incident may send."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.models import RequestBody
from api.permissions import Permission, needs
from config_api.mailboxes import IfMatch
from config_api.settings_resource import SettingsResource
from domain.configuration import SendingLimits

router = APIRouter(tags=["Settings"])
_PATH = "/api/config/sending"
_MAX_A_MINUTE = 100


class SendingForm(RequestBody):
    """What is left out has its default."""

    stopped: bool = Field(False, description="true: nothing goes out; what is queued waits for a person.")
    max_mails_per_minute: Annotated[int, Field(ge=1, le=_MAX_A_MINUTE)] = Field(
        30, description="Of one incident, whoever sends them."
    )


def _json(limits: SendingLimits) -> dict[str, object]:
    return {"stopped": limits.is_stopped, "maxMailsPerMinute": limits.max_mails_per_minute}


_RESOURCE = SettingsResource(SendingLimits(), "sending", "settings/sending", _json, _json)


@router.get(_PATH, summary="What bounds sending")
@needs(Permission.CONFIGURATIONS_READ)
def read_sending(services: ServicesDep) -> JSONResponse:
    """Not stopped until an admin says so."""
    return _RESOURCE.answer(_RESOURCE.read(services))


@router.put(_PATH, summary="Stop all sending, or bound it")
@needs(Permission.CONFIGURATIONS_UPDATE)
def write_sending(
    form: SendingForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Needs If-Match. What is being submitted to the mail server at that moment still leaves."""
    current = _RESOURCE.read_to_change(services, if_match)
    value = SendingLimits(form.stopped, form.max_mails_per_minute)
    return _RESOURCE.answer(_RESOURCE.save(services, caller, current, value))
