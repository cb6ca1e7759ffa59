"""Pooled connections that resolve once, check the address they connect to, and bound the time of an answer.

urllib3's pools, with four additions: `AddressGuard` on the address at hand, a deadline that ends an answer
of which a byte comes now and then, a name for the case that a kept connection had already been closed by the
server, and sign-in of a connection (NTLM) before its first request.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any

import certifi
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

from domain.errors import RetryLaterError
from exchange.address_guard import AddressGuard
from exchange.network_errors import AnswerTooSlowError, network_error
from exchange.ntlm import NtlmLogin

_MAX_PAGE_BYTES = 65_536
"""Of what a server says beside its challenge; a challenge with a longer page is not gone into."""


class StaleConnectionError(Exception):
    """A kept connection broke before anything of the answer came: the server had closed it (or no longer
    knows who signed in on it); asking again is safe for requests that only read (RFC 9110 section 9.2.2)."""


class NotSignedInError(Exception):
    """The server did not answer a connection's sign-in with a challenge; the request was not sent.
    `response`: what it answered, `page`: the start of its body."""

    def __init__(self, response: HTTPResponse, page: bytes) -> None:
        super().__init__(f"HTTP {response.status}")
        self.response = response
        self.page = page


class _Deadline:
    """Mixed into sockets: reading fails once `deadline` (monotonic seconds) has passed, however often bytes
    come."""

    deadline = float("inf")

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if time.monotonic() > self.deadline:
            raise AnswerTooSlowError
        received: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]  # the socket's own
        return received


class _Socket(_Deadline, socket.socket):
    pass


class _TlsSocket(_Deadline, ssl.SSLSocket):
    pass


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Verifies names and chains against the system's, certifi's and `ca_file`'s authorities. Costs some 20
    ms."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    # The same on every version of Python: chains, names and dates are verified, but a private authority
    # need not follow RFC 5280 to the letter (those of many organisations lack a key identifier), and a
    # certificate may be listed without its authority.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.sslsocket_class = _TlsSocket
    return context


def connect_guarded(
    guard: AddressGuard,
    host: str,
    port: int,
    timeout_seconds: float | None,
    *,
    options: Iterable[tuple[Any, ...]] = (),
) -> socket.socket:
    """A connection to the first of the name's addresses that may be connected to and answers.

    Raises `RetryLaterError`, `AdminActionError`."""
    server = f"{host}:{port}"
    try:
        addresses = guard.resolve(host, port)
    except OSError as error:
        raise network_error(error, server) from error
    failure: OSError | None = None
    for family, address in addresses:
        sock = _Socket(family, socket.SOCK_STREAM)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(timeout_seconds)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise _connect_error(failure, server) from failure


class _Guarded:
    """Mixed into urllib3's connections."""

    host: str
    port: int
    timeout: Any
    sock: Any
    socket_options: Any
    guard: AddressGuard
    answer_seconds: float
    _dns_host: str
    _answers = 0
    _signed_in: Any = None

    def __init__(
        self,
        *args: Any,
        guard: AddressGuard,
        answer_seconds: float,
        ntlm: NtlmLogin | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.guard = guard
        self.answer_seconds = answer_seconds
        self.ntlm = ntlm

    def _new_conn(self) -> socket.socket:
        sock = connect_guarded(
            self.guard, self._dns_host, self.port, self.timeout, options=self.socket_options or ()
        )
        self._answers = 0
        return sock

    def request(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Raises `NotSignedInError` beside what urllib3 raises."""
        if self.ntlm is not None and (self.sock is None or self.sock is not self._signed_in):
            authorization = self._sign_in(self.ntlm, method, url, headers or {}, options)
            headers = {**(headers or {}), "Authorization": authorization}
        super().request(method, url, body=body, headers=headers, **options)  # type: ignore[misc]  # its own

    def _sign_in(
        self, login: NtlmLogin, method: str, url: str, headers: Mapping[str, str], options: dict[str, Any]
    ) -> str:
        """`Authorization` for the connection's first request, which ends the sign-in."""
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # the connection's own
        sock = self.sock
        handshake = login.begin(sock.getpeercert(True) if isinstance(sock, ssl.SSLSocket) else None)
        first = {**headers, "Authorization": handshake.first()}
        super().request(method, url, body=b"", headers=first, **options)  # type: ignore[misc]  # its own
        response = self.getresponse()
        page = response.read(_MAX_PAGE_BYTES)
        challenges = response.headers.getlist("WWW-Authenticate")
        second = handshake.second(challenges) if response.status == 401 else None
        if second is None or response.read(1) or self.sock is not sock:
            raise NotSignedInError(response, page)
        self._signed_in = sock
        self._answers = 0  # the request itself is the connection's first
        return second

    def getresponse(self) -> HTTPResponse:
        self.sock.deadline = time.monotonic() + self.answer_seconds
        try:
            response: HTTPResponse = super().getresponse()  # type: ignore[misc]  # the connection's own
        except ConnectionError as error:
            if self._answers:
                raise StaleConnectionError from error
            raise
        if response.status == 401 and self._signed_in is not None:
            self._signed_in = None
            if self._answers:
                response.close()
                raise StaleConnectionError("no longer signed in")
        self._answers += 1
        return response


def _connect_error(failure: OSError | None, server: str) -> Exception:
    if isinstance(failure, TimeoutError):
        return RetryLaterError("ConnectTimeout", server)
    return network_error(failure or ConnectionError(), server)


class _GuardedHttp(_Guarded, HTTPConnection):  # type: ignore[misc]  # urllib3 types a class of its own
    pass


class _GuardedHttps(_Guarded, HTTPSConnection):  # type: ignore[misc]  # as above
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHttps


def open_pool(
    host: str,
    port: int,
    *,
    context: ssl.SSLContext | None,
    guard: AddressGuard,
    size: int,
    connect_seconds: float,
    read_seconds: float,
    answer_seconds: float,
    ntlm: NtlmLogin | None = None,
) -> HTTPConnectionPool:
    """A pool for one server, without any connection yet. `context` None: plain HTTP.

    `answer_seconds`: from the end of the request to the last byte of its answer. `ntlm`: who each connection
    signs in as; such a pool is that login's alone.
    """
    timeout = Timeout(connect=connect_seconds, read=read_seconds)
    extra: dict[str, Any] = {"guard": guard, "answer_seconds": answer_seconds, "ntlm": ntlm}
    if context is None:
        return _HttpPool(host, port, timeout=timeout, maxsize=size, retries=False, **extra)
    return _HttpsPool(host, port, timeout=timeout, maxsize=size, retries=False, ssl_context=context, **extra)
