"""HTTP triggers: a request becomes an invocation, its result the answer, as the Functions host does both.

Sources: the host's GrpcMessageConversionExtensions (what a worker is given) and Microsoft's "Azure
Functions HTTP trigger", Limits: 100 MB a request, 230 seconds for an answer.
"""

import asyncio
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote

from aiohttp import web

from sandbox.host.errors import WorkerDiedError
from sandbox.host.invoker import Invoker
from sandbox.host.pool import WorkerPool
from sandbox.host.routes import Match, RouteTable, decoded
from sandbox.host.values import Binary, HttpCall, HttpReply, Result, Text

BODY_LIMIT_BYTES = 100 * 1024 * 1024
PATH_CHARACTERS = "/-._~!$&'()*+,;=:@"
ESCAPED = re.compile("(%[0-9A-Fa-f]{2})")
CONNECTION_HEADERS = ("content-length", "transfer-encoding", "connection", "keep-alive", "server", "date")
COOKIE_ATTRIBUTES = {
    "path": "Path",
    "domain": "Domain",
    "expires": "Expires",
    "max-age": "Max-Age",
    "samesite": "SameSite",
}


class HttpTriggers:
    """All HTTP functions of an app; `key` is what functions want that are not anonymous."""

    def __init__(
        self, routes: RouteTable, pool: WorkerPool, invoker: Invoker, *, key: str, answer_limit_s: float
    ) -> None:
        self._routes = routes
        self._pool = pool
        self._invoker = invoker
        self._key = key
        self._answer_limit_s = answer_limit_s
        self._unanswered: set[asyncio.Task[Result]] = set()

    async def handle(self, request: web.Request, headers: Mapping[str, str]) -> web.Response:
        """Answers one request; `headers` are those that the app is to see."""
        path = normal_path(request.raw_path.partition("?")[0])
        if path is None:
            return web.Response(status=400)
        match = self._routes.match(request.method, path)
        if match is None:
            return web.Response(status=404)
        if match.trigger.key_required and not self.key_fits(request):
            return web.Response(status=401)
        if (request.content_length or 0) > BODY_LIMIT_BYTES:
            return web.Response(status=413)
        # The host hands on a body only where its length was announced: a chunked one arrives empty.
        body = await request.read() if request.content_length else b""
        worker = self._pool.pick()
        if worker is None:
            return unavailable()
        call = _call(request, path, headers, match, body)
        reason = "This function was programmatically called via the host APIs."
        task = asyncio.create_task(self._invoker.run(worker, match.function, call, {}, reason))
        self._unanswered.add(task)
        task.add_done_callback(self._unanswered.discard)
        await asyncio.wait({task}, timeout=self._answer_limit_s)
        return _answer(task)

    def key_fits(self, request: web.Request) -> bool:
        """Whether the caller has the function key."""
        given = request.headers.get("x-functions-key") or request.query.get("code") or ""
        return hmac.compare_digest(given.encode(), self._key.encode())


def unavailable() -> web.Response:
    """What App Service answers while no instance can take the request."""
    return web.Response(status=503, headers={"Retry-After": "1"}, text="Service Unavailable\n")


def normal_path(raw_path: str) -> str | None:
    """A request's path as the app sees it: needless escapes and dot segments resolved. None for one that is
    none.
    """
    if not raw_path.startswith("/"):
        return None
    segments: list[str] = []
    parts = [decoded(part) for part in raw_path.split("/")[1:]]
    for position, part in enumerate(parts):
        if "\0" in part:
            return None
        if part == "..":
            segments = segments[:-1]
        elif part != ".":
            segments.append(part)
        if part in (".", "..") and position == len(parts) - 1:
            segments.append("")
    return "/" + "/".join(_escaped(segment) for segment in segments)


def _escaped(segment: str) -> str:
    pieces = ESCAPED.split(segment)  # what is still escaped by now stays so, as ASP.NET's PathString has it
    return "".join(
        piece if position % 2 else quote(piece, safe=PATH_CHARACTERS) for position, piece in enumerate(pieces)
    )


def _call(request: web.Request, path: str, headers: Mapping[str, str], match: Match, body: bytes) -> HttpCall:
    _, mark, query_string = request.raw_path.partition("?")
    query: dict[str, str] = {}
    for name, value in request.query.items():
        if value:
            query[name] = f"{query[name]},{value}" if name in query else value
    return HttpCall(
        method=request.method,
        url=f"{request.scheme}://{request.host}{path}{mark}{query_string}",
        headers=headers,
        params=match.parameters,
        query=query,
        body=body,
    )


def _answer(task: "asyncio.Task[Result]") -> web.Response:
    if not task.done():  # the function runs on; its answer goes nowhere
        return web.Response(status=504, text="504.0 GatewayTimeout\n")
    try:
        result = task.result()
    except WorkerDiedError:
        return unavailable()
    if not result.ok:
        return web.Response(status=500)
    reply = result.returned
    if isinstance(reply, HttpReply):
        return _response(reply)
    if isinstance(reply, Text):
        return web.Response(text=reply.text)
    return web.Response(body=reply.data if isinstance(reply, Binary) else b"")


def _response(reply: HttpReply) -> web.Response:
    response = web.Response(status=reply.status, body=reply.body)
    for name, value in reply.headers.items():
        if name.lower() not in CONNECTION_HEADERS:
            response.headers[name] = value
    for cookie in reply.cookies:
        response.headers.add("Set-Cookie", _set_cookie(cookie))
    return response


def _set_cookie(cookie: Mapping[str, str]) -> str:
    # The host writes cookies anew; ASP.NET escapes their values.
    parts = [f"{cookie['name']}={quote(str(cookie['value']), safe='')}"]
    parts += [f"{shown}={cookie[key]}" for key, shown in COOKIE_ATTRIBUTES.items() if cookie.get(key)]
    parts += [shown for key, shown in (("secure", "Secure"), ("httponly", "HttpOnly")) if cookie.get(key)]
    return "; ".join(parts)
