"""The application behind the Functions host: Microsoft's `AsgiMiddleware`, and what it loses of a path.

It decodes a path before the application splits it, so that an encoded slash within an id would begin another
segment, and a path that is no UTF-8 would be an exception. Here such a slash stays encoded (`%2F`) and the
application decodes it (`api.path_ids`); what is no UTF-8 becomes U+FFFD.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

import azure.functions as func
from starlette.types import ASGIApp

_SLASH = re.compile("%2[Ff]")


class FunctionsApp:
    """Answers the requests of HTTP triggers with an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._middleware = func.AsgiMiddleware(app)  # type: ignore[no-untyped-call]  # annotated in part

    async def handle(self, req: func.HttpRequest, context: func.Context | None = None) -> func.HttpResponse:
        """One request."""
        response: func.HttpResponse = await self._middleware.handle_async(_kept(req), context)
        return response


def _kept(req: func.HttpRequest) -> func.HttpRequest:
    parts = urlsplit(req.url)
    path = "/".join(_segment(one) for one in parts.path.split("/"))
    if path == parts.path:
        return req
    return func.HttpRequest(
        method=req.method,
        url=urlunsplit(parts._replace(path=path)),
        headers=dict(req.headers),
        params=dict(req.params),
        route_params=dict(req.route_params),
        body=req.get_body(),
    )


def _segment(segment: str) -> str:
    kept = _SLASH.sub("%252F", segment)
    try:
        unquote_to_bytes(kept).decode()
    except UnicodeDecodeError:
        return quote(unquote_to_bytes(kept).decode("utf-8", "replace"), safe="")
    return kept
