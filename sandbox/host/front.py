"""The one address that callers see: App Service's front with authentication, then the Functions host behind
it.

Unauthenticated requests go through ("AllowAnonymous"), without any identity header; the app decides.
"""

import json
from typing import Any

from aiohttp import web

from sandbox.host.functions import Function, HttpTrigger, QueueTrigger, TimerTrigger
from sandbox.host.host import FunctionsHost
from sandbox.host.http_trigger import BODY_LIMIT_BYTES, unavailable
from sandbox.host.principal import principal_headers, without_platform_headers
from sandbox.host.sign_in import Authentication
from sandbox.tokens import InvalidTokenError

HEADER_LIMIT_BYTES = 32 * 1024
MANUAL_INPUT_LIMIT_BYTES = 64 * 1024


def front_app(host: FunctionsHost, authentication: Authentication) -> web.Application:
    """The front as an aiohttp application."""
    front = Front(host, authentication)
    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    app.router.add_route("*", "/{path:.*}", front.handle)
    return app


def front_runner(app: web.Application) -> web.AppRunner:
    """The server for it: bodies as they come, headers as large as Azure takes them."""
    return web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,
        max_field_size=HEADER_LIMIT_BYTES,
        max_line_size=HEADER_LIMIT_BYTES,
        shutdown_timeout=2.0,
    )


class Front:
    """Answers every request."""

    def __init__(self, host: FunctionsHost, authentication: Authentication) -> None:
        self._host = host
        self._authentication = authentication

    async def handle(self, request: web.Request) -> web.Response:
        """Signs the caller in, then lets the part answer that the path belongs to."""
        path = request.path.lower()
        if path.startswith("/.auth/"):
            return await self._authentication.handle(request)
        if path == "/admin" or path.startswith("/admin/"):
            return await self._admin(request)
        try:
            claims = self._authentication.caller(request)
        except InvalidTokenError as error:
            return _unauthorised(error.reason)
        if self._host.http is None:
            return unavailable()
        headers = without_platform_headers(request.headers.items())
        headers["x-forwarded-for"] = request.remote or "127.0.0.1"
        headers["x-forwarded-proto"] = request.scheme
        headers["x-forwarded-host"] = request.host
        if claims is not None:
            headers.update(principal_headers(claims))
        return await self._host.http.handle(request, headers)

    async def _admin(self, request: web.Request) -> web.Response:
        parts = request.path.strip("/").split("/")
        match [request.method, *parts[1:]]:
            case ["GET", "host", "ping"]:
                return web.Response()
            case ["GET", "host", "status"]:
                return web.json_response(self._status())
            case ["POST", "functions", name]:
                return await self._run_function(request, name)
        return web.Response(status=404)

    async def _run_function(self, request: web.Request, name: str) -> web.Response:
        if self._host.http is None:
            return unavailable()
        if not self._host.http.key_fits(request):
            return web.Response(status=401)
        function = self._host.function(name)
        if function is None:
            return web.Response(status=404)
        if isinstance(function.trigger, HttpTrigger):
            return _bad_request("Call an HTTP function at its route.")
        if (request.content_length or 0) > MANUAL_INPUT_LIMIT_BYTES:
            return web.Response(status=413)
        try:
            body = json.loads(await request.read() or b"{}")
            text = body.get("input", "")
        except (ValueError, AttributeError):
            return _bad_request('The body must be a JSON object such as {"input": ""}.')
        if not isinstance(text, str):
            return _bad_request('"input" must be a string.')
        self._host.run_manually(function, text)
        return web.Response(status=202)

    def _status(self) -> dict[str, Any]:
        return {
            "state": self._host.state,
            "functions": [_described(function) for function in self._host.functions],
        }


def _described(function: Function) -> dict[str, Any]:
    kinds = {HttpTrigger: "httpTrigger", TimerTrigger: "timerTrigger", QueueTrigger: "queueTrigger"}
    return {
        "name": function.name,
        "trigger": kinds[type(function.trigger)],
        "isDisabled": function.disabled,
    }


def _unauthorised(reason: str) -> web.Response:
    headers = {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{reason}"'}
    text = "You do not have permission to view this directory or page."
    return web.Response(status=401, headers=headers, text=text)


def _bad_request(text: str) -> web.Response:
    return web.Response(status=400, text=f"{text}\n")
