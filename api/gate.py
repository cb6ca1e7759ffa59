"""The first layer of the application: finds the route, then refuses caller, permission and body, in this
order.

Plain ASGI, since `BaseHTTPMiddleware` does not go with the Functions worker. No byte of a body is read before
the caller was let in. Whatever fails behind it becomes problem details with a correlation id; no exception
leaves it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message as ContentTypeParser

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.caller import identify_caller
from api.csrf import check_csrf
from api.permissions import Access, Permission, access_of
from api.problem_page import PAGE_SCOPE_KEY, answer_problem
from api.problems import Problem, correlation_id, missing_permission
from api.settings import ApiSettings

_LOG = logging.getLogger(__name__)
_DEFAULT_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(frozen=True, slots=True)
class _Entry:
    route: APIRoute
    access: Access


class RouteTable:
    """All routes with their permissions. Raises `MissingPermissionError` for a route that declares none."""

    def __init__(self, routes: Sequence[APIRoute]) -> None:
        self._entries = [_Entry(route, access_of(route.endpoint)) for route in routes]

    def find(self, scope: Scope) -> tuple[_Entry | None, set[str]]:
        """The route of this request, and all methods that its path takes."""
        methods: set[str] = set()
        found = None
        for entry in self._entries:
            match, _ = entry.route.matches(dict(scope))
            if match is not Match.NONE:
                methods |= entry.route.methods or set()
            if match is Match.FULL and found is None:
                found = entry
        return found, methods


class Gate:
    """Wraps the application; see the module."""

    def __init__(self, app: ASGIApp, *, routes: RouteTable, settings: ApiSettings) -> None:
        self._app = app
        self._routes = routes
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers HTTP requests; there is nothing to do for a lifespan, and websockets are not served."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        answer = _Answer(send, is_head=is_head)
        inner = dict(scope, method="GET") if is_head else dict(scope)
        inner["respond_mailbox.head"] = is_head
        correlation_id(inner)
        entry, methods = self._routes.find(inner)
        inner[PAGE_SCOPE_KEY] = entry is not None and entry.access.page
        try:
            receive = await self._admit(inner, receive, entry, methods)
            await self._app(inner, receive, answer.send)
        except Problem as problem:
            await answer_problem(problem, inner)(inner, receive, answer.send)
        except Exception:
            # The last line of defence: anything unforeseen is logged with its trace and answered without it.
            _LOG.exception("unforeseen failure, correlation id %s", correlation_id(inner))
            if answer.started:
                raise
            unforeseen = Problem(
                500, "InternalError", ("Something went wrong here. Report the correlation id.")
            )
            await answer_problem(unforeseen, inner)(inner, receive, answer.send)

    async def _admit(
        self, scope: Scope, receive: Receive, entry: _Entry | None, methods: set[str]
    ) -> Receive:
        headers = _headers(scope)
        permission = entry.access.permission if entry else Permission.SIGNED_IN
        if permission is not Permission.OPEN:
            caller = identify_caller(headers, self._settings)
            if not caller.may(permission):
                raise missing_permission(permission.value)
            scope["respond_mailbox.caller"] = caller
            check_csrf(scope["method"], headers)
        if entry is None:
            raise _no_route(methods)
        return await _bounded_body(entry, headers, receive)


class _Answer:
    """Passes an answer on, adds the headers that every answer carries, and drops the body of one to HEAD."""

    def __init__(self, send: Send, *, is_head: bool) -> None:
        self._send = send
        self._is_head = is_head
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            present = {name.lower() for name, _ in message["headers"]}
            missing = [header for header in _DEFAULT_HEADERS if header[0] not in present]
            message = {**message, "headers": [*message["headers"], *missing]}
        elif message["type"] == "http.response.body" and self._is_head:
            message = {**message, "body": b""}
        await self._send(message)


def _headers(scope: Scope) -> dict[str, str]:
    """Names in lower case; repeated ones joined by commas, so that two principals are none."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _no_route(methods: set[str]) -> Problem:
    if not methods:
        return Problem(404, "NotFound", "There is nothing at this address. /api/docs lists what there is.")
    allowed = sorted(methods | ({"HEAD"} if "GET" in methods else set()))
    return Problem(
        405,
        "MethodNotAllowed",
        f"This address takes {', '.join(allowed)}.",
        headers={"Allow": ", ".join(allowed)},
    )


async def _bounded_body(entry: _Entry, headers: dict[str, str], receive: Receive) -> Receive:
    """Reads the body of a route that takes one, within its limit, and hands it on; raises 400, 413 and
    415."""
    limit = entry.access.body_limit_bytes
    announced = headers.get("content-length", "0")
    if not announced.isascii() or not announced.isdigit() or len(announced) > 18:
        raise Problem(400, "BadContentLength", "Content-Length is not a number.")
    if int(announced) > limit:
        raise _too_large(limit)
    if entry.route.body_field is None:
        return receive
    _check_content_type(headers.get("content-type", ""), entry.access.media_type)
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Problem(400, "BodyCutOff", "The request ended before its body did.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise _too_large(limit)
    if not body.strip():
        raise Problem(400, "BodyMissing", "A JSON object is expected as the body.")
    return _replay(bytes(body), receive)


def _replay(body: bytes, receive: Receive) -> Receive:
    handed_on = False

    async def replayed() -> Message:
        nonlocal handed_on
        if handed_on:
            return await receive()
        handed_on = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _check_content_type(content_type: str, wanted: str) -> None:
    parser = ContentTypeParser()
    parser["content-type"] = content_type or "none/none"
    charset = parser.get_content_charset("utf-8")
    if parser.get_content_type() != wanted or charset not in ("utf-8", "us-ascii"):
        raise Problem(415, "UnsupportedMediaType", f"Send JSON, with Content-Type: {wanted}.")


def _too_large(limit: int) -> Problem:
    return Problem(
        413, "BodyTooLarge", f"The body may have at most {limit} bytes.", members={"limitBytes": limit}
    )
