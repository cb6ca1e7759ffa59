"""Posts a SOAP request to one server and hands its answer on in pieces, bounded in time and size.

Follows no redirects, asks for no compression, keeps connections. Nothing is stored: a crash loses the answer.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import IO

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, LocationValueError

from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from exchange.address_guard import AddressGuard
from exchange.answer_parser import malformed
from exchange.connections import NotSignedInError, StaleConnectionError, open_pool
from exchange.errors import MAX_BACK_OFF
from exchange.network_errors import network_error
from exchange.ntlm import SCHEME as NTLM
from exchange.ntlm import NtlmLogin

EWS_PATH = "/EWS/Exchange.asmx"
CHUNK_BYTES = 65_536
_POOL_SIZE = 32
_SCHEME = re.compile(r"(?:^|,)\s*(Basic|Bearer|Digest|Kerberos|Negotiate|NTLM)\b(?!\s*=)", re.IGNORECASE)
_BUSY = frozenset((408, 429, 500, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request. `answer_seconds`: from the end of the request to the answer's last byte."""

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    answer_seconds: float = 230.0
    max_bytes: int = 512 * 1_048_576
    """A message of 150 MB (Exchange Online's largest) as base64, and room for the rest of its batch."""


class TokenRefusedError(AdminActionError):
    """HTTP 401: the token is not (or no longer) accepted. Raised to the admin only after a new one was
    refused too."""


class Answer:
    """An answer on its way: HTTP 200, or 500 with a SOAP fault. `chunks()` once, `close()` always."""

    def __init__(self, response: BaseHTTPResponse, server: str, max_bytes: int) -> None:
        self._response = response
        self._server = server
        self._max_bytes = max_bytes
        self._whole = False

    @property
    def failed(self) -> bool:
        """Whether it is a fault (HTTP 500)."""
        return self._response.status != 200

    def chunks(self) -> Iterator[bytes]:
        """Pieces as they come. Raises `RetryLaterError` (`ConnectionLost`, `AnswerTooLong`,
        `AnswerTooSlow`, ...)."""
        size = 0
        try:
            for chunk in self._response.stream(CHUNK_BYTES, decode_content=False):
                size += len(chunk)
                if size > self._max_bytes:
                    raise RetryLaterError(
                        "AnswerTooLong", f"{self._server}: more than {self._max_bytes} bytes"
                    )
                yield chunk
        except (HTTPError, OSError) as error:
            raise network_error(error, self._server) from error
        self._whole = True

    def close(self) -> None:
        """Gives the connection back where the answer was read to its end, else closes it."""
        if not self._whole:
            self._response.close()
        self._response.release_conn()


class Transport:
    """One server's EWS endpoint. Safe for several threads. `context` None: plain HTTP. `ntlm`: the login that
    its connections, which serve no other one, sign in with.

    Raises `AdminActionError` at once for what cannot be a host name.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        context: ssl.SSLContext | None,
        guard: AddressGuard,
        limits: Limits | None = None,
        ntlm: NtlmLogin | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._scheme = NTLM if ntlm else ""
        self._server = f"{host}:{port}"
        try:
            self._pool = open_pool(
                host,
                port,
                context=context,
                guard=guard,
                size=_POOL_SIZE,
                connect_seconds=self._limits.connect_seconds,
                read_seconds=self._limits.read_seconds,
                answer_seconds=self._limits.answer_seconds,
                ntlm=ntlm,
            )
        except LocationValueError as error:
            raise AdminActionError("NameResolutionFailed", "not a host name") from error

    def close(self) -> None:
        """Closes the connections that nothing is being read from."""
        self._pool.close()

    def post(self, body: bytes | IO[bytes], headers: Mapping[str, str], *, repeatable: bool = True) -> Answer:
        """The answer to a request. `body`: bytes, or a file, which is read once, so that it cannot be
        `repeatable`. `repeatable`: it only reads, so that it may be sent again where a kept connection had
        gone stale. Raises `TokenRefusedError` for 401."""
        all_headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "Accept": "text/xml",
            "User-Agent": "respond-mailbox",
            **headers,
        }
        if not isinstance(body, bytes):
            # Without it the request would go in chunks of unknown number, which proxies refuse.
            all_headers["Content-Length"] = str(body.seek(0, os.SEEK_END))
            body.seek(0)
        try:
            try:
                response = self._send(body, all_headers)
            except StaleConnectionError:
                if not repeatable:
                    raise
                response = self._send(body, all_headers)
        except NotSignedInError as error:
            page = error.page[:2_000].decode("utf-8", "replace").strip()
            raise _http_error(error.response, page, NTLM, is_challenge=True) from error
        except (HTTPError, OSError, StaleConnectionError) as error:
            raise network_error(error, self._server) from error
        answer = Answer(response, self._server, self._limits.max_bytes)
        if response.status == 200 or response.status == 500:
            content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if content_type.endswith("xml"):
                return answer
        try:
            raise _http_error(response, _start_of(answer), headers.get("Authorization") or self._scheme)
        finally:
            answer.close()

    def _send(self, body: bytes | IO[bytes], headers: Mapping[str, str]) -> BaseHTTPResponse:
        return self._pool.urlopen(
            "POST",
            EWS_PATH,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )


def _start_of(answer: Answer) -> str:
    """The first characters of an error page; empty where it cannot be had, for the status says enough."""
    with suppress(RetryLaterError):
        for chunk in answer.chunks():
            return chunk[:2_000].decode("utf-8", "replace").strip()
    return ""


def _http_error(
    response: BaseHTTPResponse, page: str, authorization: str, *, is_challenge: bool = False
) -> BoundaryError:
    """`is_challenge`: answers the start of a connection's sign-in, not a request."""
    status = response.status
    said = response.headers.get("x-ms-diagnostics") or page
    scheme, _, credentials = authorization.partition(" ")
    if credentials:  # some servers echo what they refuse
        said = said.replace(credentials, "(token)")
    code = f"HTTP {status}"
    if status == 401:
        offered = _schemes(response)
        if scheme and offered and scheme.lower() not in offered:
            return AdminActionError("AuthenticationTypeNotOffered", f"offers {', '.join(offered)}")
        if is_challenge:
            return AdminActionError("NtlmInterrupted", said)
        return TokenRefusedError(code, said)
    if status in _BUSY:
        return RetryLaterError(code, said, retry_after(response.headers.get("Retry-After")))
    if status == 200:
        content_type = response.headers.get("Content-Type")
        if content_type is None:  # headers that break off look like headers without the rest
            return malformed("an answer without a type")
        return AdminActionError("NotExchange", f"answered with {content_type}")
    if 300 <= status < 400:
        return AdminActionError(code, f"sends on to {response.headers.get('Location', '')}")
    return AdminActionError(code, said)


def _schemes(response: BaseHTTPResponse) -> list[str]:
    """Names of the authentication schemes that the server offers (RFC 9110 section 11.6.1), in lower case."""
    challenges = ",".join(response.headers.getlist("WWW-Authenticate"))
    return list(dict.fromkeys(name.lower() for name in _SCHEME.findall(challenges)))[:10]


def retry_after(value: str | None) -> timedelta | None:
    """`Retry-After` (RFC 9110 section 10.2.3), seconds or a date; at most `MAX_BACK_OFF`; None where absent
    or odd."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(timedelta(seconds=int(text)), MAX_BACK_OFF)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(at - datetime.now(UTC), timedelta(0)), MAX_BACK_OFF)
