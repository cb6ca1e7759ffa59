"""Routes of the application itself: who am I, liveness, the API's description and its readable page."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse

from api.csrf import CSRF_HEADER, csrf_token
from api.dependencies import CallerDep, ServicesDep, SettingsDep
from api.docs_page import DOCS_CSP, docs_page
from api.permissions import Permission, needs
from domain.configuration import BusinessUnitSettings

router = APIRouter()
_AUTHENTICATION_OFF = (
    "Authentication is not switched on for this app (WEBSITE_AUTH_ENABLED and AUTHENTICATION_REQUIRED must "
    "both be true), so every request is refused."
)


@router.get("/api/me", summary="Who is signed in, and what they may do", tags=["Service"])
@needs(Permission.SIGNED_IN)
def read_me(request: Request, caller: CallerDep, services: ServicesDep) -> dict[str, Any]:
    """The caller, their permissions, the CSRF token for writes by session cookie, and what users call a
    business unit, for pages of people who may not read the settings."""
    stored = services.settings.read(BusinessUnitSettings)
    names = stored.value if stored else BusinessUnitSettings()
    headers = {name: value for name, value in request.headers.items() if name == "cookie"}
    return {
        "id": caller.id,
        "name": caller.name,
        "kind": "application" if caller.is_application else "user",
        "actingFor": caller.acting_for,
        "permissions": sorted(caller.roles),
        "csrf": {"header": CSRF_HEADER, "token": csrf_token(headers)},
        "businessUnitNames": {
            "parameterName": names.parameter_name,
            "parameterNamePlural": names.parameter_name_plural,
            "tabName": names.tab_name,
        },
    }


@router.get("/api/health", summary="Liveness", tags=["Service"])
@needs(Permission.OPEN)
async def read_health(settings: SettingsDep) -> dict[str, Any]:
    """Answers while the app runs, and says so where authentication is not on and every request is refused."""
    if settings.authentication_on:
        return {"status": "ok", "authentication": "on", "detail": None}
    return {
        "status": "refusing",
        "authentication": "off",
        "detail": _AUTHENTICATION_OFF,
    }


@router.get("/api/openapi.json", summary="This description", tags=["Service"])
@needs(Permission.OPEN)
async def read_openapi(request: Request) -> JSONResponse:
    """OpenAPI 3.1."""
    return JSONResponse(request.app.state.openapi)


@router.get("/api/docs", summary="This description, readable", tags=["Service"], response_class=HTMLResponse)
@needs(Permission.OPEN)
async def read_docs(request: Request) -> HTMLResponse:
    """One page without scripts that loads nothing from anywhere."""
    page = docs_page(request.app.state.openapi)
    return HTMLResponse(page, headers={"Content-Security-Policy": DOCS_CSP})
