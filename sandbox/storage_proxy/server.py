"""Passes storage requests on to Azurite as they are, and the answers back, both ways as streams.

The `Host` header stays the caller's, so that addresses in answers lead back here; signatures do not cover it.
Keeps nothing.
"""

from collections.abc import Mapping

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from multidict import CIMultiDict
from yarl import URL

from sandbox.edge import Describe
from sandbox.storage_proxy.operations import name_operation

PIECE_BYTES = 64 * 1024
SMALL_BYTES = 256 * 1024
# Azurite closes idle connections after 5 seconds; a pooled one must not be used near that moment.
IDLE_LIMIT_S = 2.0
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
    )
)
_MADE_BY_CLIENT = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class StorageProxy:
    """One service (`blob`, `queue` or `table`) of one Azurite; `port` is where the proxy is to listen."""

    def __init__(self, service: str, azurite_port: int, port: int) -> None:
        self.service = service
        self.port = port
        self._origin = f"http://127.0.0.1:{azurite_port}"
        self._session: aiohttp.ClientSession | None = None

    def app(self, edge: Middleware) -> web.Application:
        """The HTTP application; `edge` goes before every request."""
        app = web.Application(middlewares=[edge], client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._forward)
        app.on_cleanup.append(self._close)
        return app

    @property
    def describe(self) -> Describe:
        """Names the operation of a request to this service."""

        async def describe(request: web.Request) -> tuple[str, str | None]:
            name = name_operation(self.service, request.method, request.path, request.query, request.headers)
            return name, None

        return describe

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        headers = _end_to_end(request.headers)
        try:
            answer = await self._client().request(
                request.method,
                URL(self._origin + request.raw_path, encoded=True),
                headers=headers,
                data=request.content.iter_chunked(PIECE_BYTES) if request.can_read_body else None,
                skip_auto_headers=_MADE_BY_CLIENT,
                allow_redirects=False,
            )
        except aiohttp.ClientConnectionError:
            return web.Response(status=503, text="Azurite does not answer.")
        async with answer:
            return await _pass_back(request, answer)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_LIMIT_S),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _close(self, app: web.Application) -> None:
        if self._session is not None:
            await self._session.close()


async def _pass_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = _end_to_end(answer.headers)
    has_body = request.method != "HEAD" and answer.status not in (204, 304)
    if not has_body or (answer.content_length is not None and answer.content_length <= SMALL_BYTES):
        body = await answer.read()
        if has_body:
            headers.popall("Content-Length", None)
        return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=body)
    back = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    await back.prepare(request)
    async for piece in answer.content.iter_chunked(PIECE_BYTES):
        await back.write(piece)
    await back.write_eof()
    return back


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)
