"""Routes of the **Business Unit** parameter's name."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.models import RequestBody
from api.permissions import Permission, needs
from config_api.mailboxes import IfMatch
from config_api.mistakes import for_pydantic
from config_api.plain_text import one_line
from config_api.settings_resource import SettingsResource
from domain.configuration import BusinessUnitSettings

router = APIRouter(tags=["Settings"])
_PATH = "/api/config/business-unit-settings"
_MAX_NAME_CHARS = 50
_Name = Annotated[str, AfterValidator(for_pydantic(one_line(_MAX_NAME_CHARS)))]


class BusinessUnitSettingsForm(RequestBody):
    """What users call a business unit. `tabName` follows from it and counts for nothing."""

    parameter_name: _Name = Field(description="In the singular: Business Unit, or Department.")
    parameter_name_plural: _Name | None = Field(
        None, description="In the plural; left out: the name with an s."
    )
    tab_name: Any = Field(None, description="Read-only.")


def _json(settings: BusinessUnitSettings) -> dict[str, object]:
    return {
        "parameterName": settings.parameter_name,
        "parameterNamePlural": settings.parameter_name_plural,
        "tabName": settings.tab_name,
    }


_RESOURCE = SettingsResource(
    BusinessUnitSettings(), "businessUnitSettings", "settings/business-unit-settings", _json, _json
)


@router.get(_PATH, summary="What a business unit is called")
@needs(Permission.CONFIGURATIONS_READ)
def read_business_unit_settings(services: ServicesDep) -> JSONResponse:
    """The name in the singular and plural, and the tab's label that follows from it."""
    return _RESOURCE.answer(_RESOURCE.read(services))


@router.put(_PATH, summary="Name the Business Unit parameter")
@needs(Permission.CONFIGURATIONS_UPDATE)
def write_business_unit_settings(
    form: BusinessUnitSettingsForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Needs If-Match."""
    current = _RESOURCE.read_to_change(services, if_match)
    plural = form.parameter_name_plural or f"{form.parameter_name}s"
    value = BusinessUnitSettings(form.parameter_name, plural)
    return _RESOURCE.answer(_RESOURCE.save(services, caller, current, value))
