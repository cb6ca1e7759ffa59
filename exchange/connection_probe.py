"""The way to a server below HTTP, one stage after another: its name, a connection, TLS.

Connects to the very address that the guard let through, sends nothing but a TLS handshake, stores nothing.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress

from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from exchange.address_guard import AddressGuard
from exchange.network_errors import network_error
from exchange.server_certificate import certificate_facts, now_utc, peer_certificate
from exchange.time_limit import TimeLimit

CONNECT_SECONDS = 4.0
HANDSHAKE_SECONDS = 4.0
_MAX_SHOWN = 4

SocketAddress = tuple[int, tuple[str | int, ...]]
"""Address family, and address as sockets take it."""


class ConnectionProbe:
    """One server, on behalf of one test. `close()` at the end."""

    def __init__(self, host: str, port: int, guard: AddressGuard, limit: TimeLimit) -> None:
        self._host, self._port = host, port
        self._guard = guard
        self._limit = limit
        self._addresses: Sequence[SocketAddress] = ()
        self._connected: SocketAddress | None = None
        self._socket: socket.socket | None = None

    @property
    def _server(self) -> str:
        return f"{self._host}:{self._port}"

    def resolve(self) -> dict[str, str]:
        """Facts: `addresses`. Raises `NameResolutionFailed`, `AddressNotAllowed`."""
        try:
            self._addresses = self._guard.resolve(self._host, self._port)
        except OSError as error:
            raise network_error(error, self._server) from error
        shown = list(dict.fromkeys(str(address[0]) for _, address in self._addresses))
        return {"addresses": ", ".join(shown[:_MAX_SHOWN])}

    def connect(self) -> dict[str, str]:
        """Facts: `address`. Tries the addresses in turn, all within one time limit."""
        failure: BoundaryError = RetryLaterError("ConnectTimeout", self._server)
        seconds = self._limit.left(CONNECT_SECONDS) / max(1, len(self._addresses))
        for address in self._addresses:
            try:
                self._socket = self._open(address, seconds)
            except OSError as error:
                failure = (
                    RetryLaterError("ConnectTimeout", self._server)
                    if isinstance(error, TimeoutError)
                    else network_error(error, self._server)
                )
            else:
                self._connected = address
                return {"address": str(address[1][0]), "port": str(self._port)}
        raise failure

    def handshake(self, context: ssl.SSLContext) -> dict[str, str]:
        """Facts: `protocol` and the certificate's. Raises `CertificateError` for a certificate that does not
        hold, and what else stops TLS."""
        assert self._socket is not None, "connect() comes first"
        plain, self._socket = self._socket, None
        plain.settimeout(self._limit.left(HANDSHAKE_SECONDS))
        try:
            with context.wrap_socket(plain, server_hostname=self._host) as tls:
                facts = certificate_facts(peer_certificate(tls), now_utc())
                return {"protocol": tls.version() or "", **facts}
        except ssl.SSLCertVerificationError as error:
            raise CertificateError(network_error(error, self._server), self._shown()) from error
        except TimeoutError as error:
            raise RetryLaterError("TlsTimeout", self._server) from error
        except OSError as error:
            raise network_error(error, self._server) from error
        finally:
            plain.close()

    def close(self) -> None:
        """Ends the connection."""
        if self._socket is not None:
            self._socket.close()

    def _shown(self) -> dict[str, str]:
        """Facts of the certificate that was refused, so that an admin sees whose it is: a second handshake,
        at whose end nothing is sent."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        assert self._connected is not None
        with suppress(OSError):
            plain = self._open(self._connected, self._limit.left(HANDSHAKE_SECONDS))
            with plain, context.wrap_socket(plain, server_hostname=self._host) as tls:
                return certificate_facts(peer_certificate(tls), now_utc())
        return {}

    def _open(self, address: SocketAddress, seconds: float) -> socket.socket:
        family, where = address
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(seconds)
            opened.connect(where)
        except OSError:
            opened.close()
            raise
        return opened


class CertificateError(AdminActionError):
    """A certificate that does not hold, with what it says."""

    def __init__(self, error: BoundaryError, facts: dict[str, str]) -> None:
        super().__init__(error.code, error.server_message)
        self.facts = facts
