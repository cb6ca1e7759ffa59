"""A small application of one router, for what all routes have in common."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from api.application import create_app
from api.models import RequestBody
from api.permissions import Permission, needs
from api.settings import ApiSettings
from tests.api.http_app import HttpApp


class Body(RequestBody):
    """One field."""

    count_of_things: int = Field(ge=0)


def probe_router(calls: list[str]) -> APIRouter:
    """Routes that note that they were called."""
    router = APIRouter()

    @router.get("/api/probe")
    @needs(Permission.CONFIGURATIONS_READ)
    def read() -> dict[str, str]:
        calls.append("read")
        return {"got": "it"}

    @router.put("/api/probe")
    @needs(Permission.CONFIGURATIONS_UPDATE, body_limit_bytes=100)
    def write(body: Body) -> dict[str, int]:
        calls.append("write")
        return {"count": body.count_of_things}

    @router.get("/api/broken")
    @needs(Permission.SIGNED_IN)
    def fail() -> None:
        raise RuntimeError("the secret is s3cret")

    return router


def raw_request(
    app: Any, method: str, path: str, headers: dict[str, str], chunks: list[bytes]
) -> tuple[int, dict[str, str], bytes, int]:
    """A request over plain ASGI; answers status, headers, body and how many chunks of the body were read."""
    sent: list[dict[str, Any]] = []
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(app(scope, receive, send))
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], found, body, len(chunks) - len(left)


def probe_app(app: HttpApp, calls: list[str]) -> Any:
    """The application with the probe router alone."""
    return create_app(app.services, [probe_router(calls)], ApiSettings(authentication_on=True))
