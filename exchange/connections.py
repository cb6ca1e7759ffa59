"""Pooled connections that resolve once, check the address they connect to, and bound the time of an answer.

urllib3's pools, with three additions: `AddressGuard` on the address at hand, a deadline that ends an answer
of which a byte comes now and then, and a name for the case that a kept connection had already been closed
by the server.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import certifi
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

from domain.errors import RetryLaterError
from exchange.address_guard import AddressGuard
from exchange.network_errors import AnswerTooSlowError, network_error


class StaleConnectionError(Exception):
    """A kept connection broke before anything of the answer came: the server had closed it; asking again is
    safe for requests that only read (RFC 9110 section 9.2.2)."""


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

    def __init__(self, *args: Any, guard: AddressGuard, answer_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guard = guard
        self.answer_seconds = answer_seconds

    def _new_conn(self) -> socket.socket:
        server = f"{self.host}:{self.port}"
        try:
            addresses = self.guard.resolve(self._dns_host, self.port)
        except OSError as error:
            raise network_error(error, server) from error
        failure: OSError | None = None
        for family, address in addresses:
            sock = _Socket(family, socket.SOCK_STREAM)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(self.timeout)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                self._answers = 0
                return sock
        raise _connect_error(failure, server) from failure

    def getresponse(self) -> HTTPResponse:
        self.sock.deadline = time.monotonic() + self.answer_seconds
        try:
            response: HTTPResponse = super().getresponse()  # type: ignore[misc]  # the connection's own
        except ConnectionError as error:
            if self._answers:
                raise StaleConnectionError from error
            raise
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
) -> HTTPConnectionPool:
    """A pool for one server, without any connection yet. `context` None: plain HTTP.

    `answer_seconds`: from the end of the request to the last byte of its answer.
    """
    timeout = Timeout(connect=connect_seconds, read=read_seconds)
    extra: dict[str, Any] = {"guard": guard, "answer_seconds": answer_seconds}
    if context is None:
        return _HttpPool(host, port, timeout=timeout, maxsize=size, retries=False, **extra)
    return _HttpsPool(host, port, timeout=timeout, maxsize=size, retries=False, ssl_context=context, **extra)
