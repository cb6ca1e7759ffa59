"""Builds the one FastAPI application behind all HTTP functions, from the routers that the composition root
hands in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.gate import Gate, RouteTable
from api.openapi import build_openapi
from api.problem_page import answer_problem
from api.problems import Problem
from api.services import Services
from api.settings import ApiSettings
from api.system import router as system_router
from api.validation import problem_of
from domain.errors import BoundaryError, NotFoundError


def create_app(services: Services, routers: Sequence[APIRouter], settings: ApiSettings) -> FastAPI:
    """Raises `MissingPermissionError` where a route declares no permission, so that nothing is served
    unguarded."""
    app = FastAPI(
        title="Respond mailbox",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services, app.state.settings = services, settings
    all_routers = (system_router, *routers)
    routes: list[APIRoute] = []
    for router in all_routers:
        app.include_router(router)
        routes += _api_routes(router)
    app.add_middleware(Gate, routes=RouteTable(routes), settings=settings)
    for kind, handler in (
        (Problem, _on_problem),
        (RequestValidationError, _on_validation_error),
        (HTTPException, _on_http_exception),
        (BoundaryError, _on_boundary_error),
        (NotFoundError, _on_not_found),
    ):
        app.add_exception_handler(kind, handler)
    app.state.openapi = build_openapi(app, routes)
    return app


def _api_routes(router: APIRouter) -> list[APIRoute]:
    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    if len(routes) != len(router.routes):
        raise TypeError("a router may hold plain API routes only: the permission check looks at each of them")
    return routes


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer_problem(error, request.scope)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors: Sequence[Any] = error.errors()
    return answer_problem(problem_of(errors), request.scope)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:
        return answer_problem(Problem(400, "BadJson", "The body is not JSON in UTF-8."), request.scope)
    code = "NotFound" if error.status_code == 404 else f"HTTP{error.status_code}"
    return answer_problem(
        Problem(error.status_code, code, error.detail, headers=dict(error.headers or {})), request.scope
    )


async def _on_boundary_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BoundaryError)
    return answer_problem(Problem.of_boundary(error), request.scope)


async def _on_not_found(request: Request, error: Exception) -> Response:
    return answer_problem(Problem.not_found("What you ask for"), request.scope)
