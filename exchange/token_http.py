"""The HTTP client that msal gets: bounded in time and size, its refusals named by Microsoft Entra ID's codes.

Refusals leave as `BoundaryError`, past msal's own error cache, which would answer for a minute with what an
admin has already mended. Keeps nothing but connections.
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import HTTPError

from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from exchange.address_guard import AddressGuard
from exchange.connections import StaleConnectionError, open_pool
from exchange.network_errors import network_error
from exchange.transport import retry_after

SIGN_IN_UNAVAILABLE = "SignInUnavailable"
"""The token endpoint cannot be reached or has trouble; the message names it."""
SIGN_IN_REFUSED = "SignInRefused"
"""The token endpoint refuses without a code of its own (a proxy in its place, or no such address)."""
ANSWER_SECONDS = 30.0
MAX_ANSWER_BYTES = 1_048_576
_AADSTS = re.compile(r"\bAADSTS\d{4,9}\b")
_DESCRIPTION = re.compile(r'"error_description"\s*:\s*"((?:[^"\\]|\\.)*)"')
_TRACE = re.compile(r"\\r|\\n|[\r\n]| Trace ID:")
_PASSING = frozenset(("AADSTS90033", "AADSTS90025", "AADSTS90034", "AADSTS50196", "AADSTS90006"))
"""Codes that Microsoft documents as transient ("Microsoft Entra authentication and authorization error
codes")."""
_ANYWHERE = AddressGuard(("0.0.0.0/0", "::/0"))
"""The authority is the operator's setting, not an admin's input."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What msal reads of an HTTP answer."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Refusals are raised where they come in."""


class TokenHttpClient:
    """msal's `http_client`. Raises `RetryLaterError` and `AdminActionError` for all that is not HTTP 200."""

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        connect_seconds: float = 10.0,
        read_seconds: float = 20.0,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._context = context
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._answer_seconds = answer_seconds
        self._pools: dict[tuple[str, int], HTTPConnectionPool] = {}
        self._lock = threading.Lock()

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], **_: object) -> Answer:
        """Sends a form."""
        form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", url, urlencode(data).encode(), form, data.get("client_secret", ""))

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, **_: object) -> Answer:
        """Discovery."""
        return self._send("GET", url, None, dict(headers or {}), "")

    def close(self) -> None:
        """Closes all connections."""
        for pool in self._pools.values():
            pool.close()

    def _send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], secret: str
    ) -> Answer:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise AdminActionError("AuthorityNotUsable", "The sign-in address is not https.")
        server = parts.netloc
        pool = self._pool(parts.hostname, parts.port or 443)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            try:
                response = _request(pool, method, path, body, headers)
            except StaleConnectionError:  # usual, since tokens are asked for once an hour
                response = _request(pool, method, path, body, headers)
            text = response.read(MAX_ANSWER_BYTES + 1)
        except (HTTPError, OSError, StaleConnectionError, BoundaryError) as error:
            raise RetryLaterError(SIGN_IN_UNAVAILABLE, str(network_error(error, server))) from error
        if len(text) > MAX_ANSWER_BYTES:
            response.close()
            raise RetryLaterError(SIGN_IN_UNAVAILABLE, f"{server}: AnswerTooLong")
        response.release_conn()
        words = text.decode("utf-8", "replace")
        if response.status != 200:
            words = words.replace(secret, "(secret)") if secret else words
            raise refusal(response.status, words, response.headers.get("Retry-After"))
        return Answer(response.status, words, response.headers)

    def _pool(self, host: str, port: int) -> HTTPConnectionPool:
        with self._lock:
            pool = self._pools.get((host, port))
            if pool is None:
                pool = self._pools[host, port] = open_pool(
                    host,
                    port,
                    context=self._context,
                    guard=_ANYWHERE,
                    size=2,
                    connect_seconds=self._connect_seconds,
                    read_seconds=self._read_seconds,
                    answer_seconds=self._answer_seconds,
                )
            return pool


def _request(
    pool: HTTPConnectionPool, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> BaseHTTPResponse:
    return pool.urlopen(method, path, body, headers, retries=False, redirect=False, preload_content=False)


def refusal(status: int, text: str, after: str | None) -> BoundaryError:
    """The error for an answer that is no token, named by its first AADSTS code where it has one."""
    found = _AADSTS.search(text)
    said = _description(text) if found else f"HTTP {status}: {_description(text)}"
    if status == 429 or status >= 500 or (found and found[0] in _PASSING):
        return RetryLaterError(found[0] if found else SIGN_IN_UNAVAILABLE, said, retry_after(after))
    return AdminActionError(found[0] if found else SIGN_IN_REFUSED, said)


def _description(text: str) -> str:
    """`error_description` up to its trace ids, else the start of the page."""
    found = _DESCRIPTION.search(text)
    return _TRACE.split(found[1] if found else text[:300], maxsplit=1)[0]
