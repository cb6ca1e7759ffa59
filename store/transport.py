"""Carries the storage SDKs' requests: one pool of connections, with time limits that hold for every request.

Nothing is kept here, so a crash leaves nothing.
"""

from __future__ import annotations

from typing import Any

import requests
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from requests.adapters import HTTPAdapter

from store.connection import CONNECT_SECONDS, READ_SECONDS

_LONGEST_RETRY_AFTER_SECONDS = 2


class BoundedTransport(HttpTransport[Any, Any]):
    """The SDKs' own transport with a larger pool, where a `Retry-After` of an hour does not hold an
    invocation for an hour: what is longer than two seconds is cut to that, after which the queue message
    tries again later."""

    def __init__(self, connections: int) -> None:
        session = requests.Session()
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        self._inner = RequestsTransport(
            session=session,
            session_owner=False,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
        )

    def send(self, request: Any, **kwargs: Any) -> Any:
        """One request, one answer. Raises the SDK's `ServiceRequestError` and `ServiceResponseError`."""
        response = self._inner.send(request, **kwargs)
        if response.headers and (retry_after := response.headers.get("Retry-After")):
            response.headers["Retry-After"] = _bounded(retry_after)
        return response

    def open(self) -> None:
        """The pool is open for the life of the worker."""
        self._inner.open()

    def close(self) -> None:
        """Clients that are closed leave the pool to the others."""

    def __enter__(self) -> BoundedTransport:
        self.open()
        return self

    def __exit__(self, *args: Any) -> None:
        self.close()


def _bounded(retry_after: str) -> str:
    seconds = (
        int(retry_after) if retry_after.isascii() and retry_after.isdigit() else _LONGEST_RETRY_AFTER_SECONDS
    )
    return str(min(seconds, _LONGEST_RETRY_AFTER_SECONDS))
