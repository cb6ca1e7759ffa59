"""The OpenAPI description: FastAPI's, with each operation's permission, the way of signing in and the problem
shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.csrf import CSRF_HEADER
from api.permissions import Permission, access_of

_TEXT = {"type": "string"}
_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem details (RFC 9457)",
    "required": ["type", "title", "status", "detail", "code", "correlationId"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": {"type": "string", "description": "Stable: programs may rely on it."},
        "correlationId": _TEXT,
        "remedy": {"type": "string", "description": "What to do about it, where somebody can."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": _TEXT, "code": _TEXT, "detail": _TEXT},
            },
        },
    },
}
_PROBLEM = {
    "description": "Refused or failed",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def build_openapi(app: FastAPI, routes: Sequence[APIRoute]) -> dict[str, Any]:
    """The whole description as JSON data."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=(
            "Configuration of the mailbox, and mails of business units. Bodies are JSON with camelCase names;"
            " times "
            f"are UTC (RFC 3339); a write by session cookie needs the header {CSRF_HEADER} (its value is in "
            "/api/me)."
        ),
        routes=list(routes),
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of Microsoft Entra ID, or the session cookie of /.auth/login/aad.",
        }
    }
    for route in routes:
        permission = access_of(route.endpoint).permission
        for method in route.methods or ():
            operation = document.get("paths", {}).get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _describe(operation, permission)
    return document


def _describe(operation: dict[str, Any], permission: Permission) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = _PROBLEM
    operation["x-permission"] = permission.value
    operation["security"] = [] if permission is Permission.OPEN else [{"bearer": []}]
