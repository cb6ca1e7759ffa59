"""Routes of business units."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.etags import entity_tag
from api.permissions import Permission, needs
from api.problems import Problem
from config_api.mailboxes import IfMatch
from config_api.save_unit import change_unit, create_unit, unit_json
from config_api.unit_form import UnitForm

router = APIRouter(tags=["Business units"])
_BODY_LIMIT_BYTES = 512 * 1024


@router.get("/api/config/business-units", summary="All business units, by name")
@needs(Permission.CONFIGURATIONS_READ)
def list_units(services: ServicesDep) -> dict[str, Any]:
    """Archived ones included."""
    return {"items": [unit_json(row.value) for row in services.units.read_all()], "nextCursor": None}


@router.post("/api/config/business-units", summary="Create a business unit", status_code=201)
@needs(Permission.BUSINESS_UNITS_UPDATE, body_limit_bytes=_BODY_LIMIT_BYTES)
def add_unit(form: UnitForm, services: ServicesDep, caller: CallerDep) -> JSONResponse:
    """Its mail of the look-back window is looked for from now on."""
    saved = create_unit(services, caller, form)
    headers = {"ETag": entity_tag(saved.etag), "Location": f"/api/config/business-units/{saved.value.id}"}
    return JSONResponse(unit_json(saved.value), status_code=201, headers=headers)


@router.get("/api/config/business-units/{unit_id}", summary="A business unit")
@needs(Permission.CONFIGURATIONS_READ)
def read_unit(unit_id: str, services: ServicesDep) -> JSONResponse:
    """With an ETag for the next change."""
    stored = services.units.read(unit_id)
    if stored is None:
        raise Problem.not_found("The business unit")
    return JSONResponse(unit_json(stored.value), headers={"ETag": entity_tag(stored.etag)})


@router.put("/api/config/business-units/{unit_id}", summary="Change a business unit")
@needs(Permission.BUSINESS_UNITS_UPDATE, body_limit_bytes=_BODY_LIMIT_BYTES)
def write_unit(
    unit_id: str, form: UnitForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Needs If-Match. There is no delete; `archived` takes a unit out of use."""
    saved = change_unit(services, caller, unit_id, form, if_match)
    return JSONResponse(unit_json(saved.value), headers={"ETag": entity_tag(saved.etag)})
