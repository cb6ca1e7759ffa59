"""The world's control interface: plain HTTP on 127.0.0.1, for whoever can read DATA/sandbox.json."""

import asyncio
import hmac
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.control.commands import CommandError, Commands

MESSAGE_LIMIT_BYTES = 256 * 1024 * 1024


def control_app(commands: Commands, token: str) -> web.Application:
    """`POST /commands/{name}` with JSON arguments; `POST /deliver?mailbox=&folder=&envelope_from=` with a
    message.

    Answers are `{"result": …}`, or 400 with `{"error": "…"}`.
    """
    lock = asyncio.Lock()

    async def run(request: web.Request) -> web.Response:
        arguments = await request.json()
        name = request.match_info["name"]
        return await _answer(lock, lambda: commands.run(name, arguments))

    async def deliver(request: web.Request) -> web.Response:
        raw = await request.read()
        query = request.query
        mailbox, folder = query["mailbox"], query["folder"]
        return await _answer(lock, lambda: commands.deliver(mailbox, folder, raw, query.get("envelope_from")))

    @web.middleware
    async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), token.encode()):
            raise web.HTTPUnauthorized
        return await handler(request)

    app = web.Application(middlewares=[authorised], client_max_size=MESSAGE_LIMIT_BYTES)
    app.router.add_post("/commands/{name}", run)
    app.router.add_post("/deliver", deliver)
    return app


async def _answer(lock: asyncio.Lock, command: Callable[[], Any]) -> web.Response:
    async with lock:  # one person at one keyboard
        try:
            return web.json_response({"result": command()})
        except (CommandError, ValueError, LookupError) as error:
            return web.json_response({"error": _one_line(error)}, status=400)


def _one_line(error: Exception) -> str:
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return " ".join(text.split()) or type(error).__name__
