"""Sign-in with a password, as Exchange Server on premises offers it: NTLM and Basic.

NTLM signs in a connection, not a request ([MS-NTHT]): what a connection has reached is kept as long as it
lives. Extended protection is required, as Exchange Server 2019 has it since CU14: over TLS, NTLM answers must
be bound to the server's certificate (RFC 5929, `tls-server-end-point`).
"""

import base64
import binascii
import hashlib
import os
import struct
import threading
import weakref
from asyncio import BaseTransport
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import spnego
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from multidict import CIMultiDict
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from sandbox.exchange.accounts import Accounts
from sandbox.exchange.errors import HttpError

_OFFERED = ("NTLM", 'Basic realm="onprem.example"')
_USER_FILE = threading.Lock()
"""The library finds the logins by an environment variable, which all servers of a process share."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person or service that signed in with the password of a mailbox."""

    address: str


@dataclass(slots=True)
class _Connection:
    """How far NTLM has come on a connection."""

    context: spnego.ContextProxy | None = None
    account: Account | None = None


class PasswordSignIn:
    """`certificate`: the PEM file whose first certificate the server shows."""

    def __init__(self, accounts: Accounts, certificate: Path | None) -> None:
        self._accounts = accounts
        self._bindings = _bindings(certificate) if certificate else None
        self._connections: weakref.WeakKeyDictionary[BaseTransport, _Connection] = weakref.WeakKeyDictionary()

    def authenticate(self, headers: Mapping[str, str], transport: BaseTransport | None) -> Account:
        """Who signed in by this request or, with NTLM, on this connection. Raises HttpError (401)."""
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            return self._basic(value)
        if transport is not None:
            connection = self._connections.setdefault(transport, _Connection())
            if scheme.lower() == "ntlm":
                return self._ntlm(value, connection, transport)
            if not scheme and connection.account is not None:
                return connection.account
        raise _unauthorized(*_OFFERED)

    def _basic(self, value: str) -> Account:
        try:
            login, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            login = password = ""
        address = self._accounts.check(login, password)
        if address is None:
            raise _unauthorized(*_OFFERED)
        return Account(address)

    def _ntlm(self, value: str, connection: _Connection, transport: BaseTransport) -> Account:
        try:
            token = base64.b64decode(value.strip(), validate=True)
            answer = self._step(token, connection, transport)
        except (SpnegoError, ValueError, struct.error):
            connection.context = connection.account = None
            raise _unauthorized(*_OFFERED) from None
        if answer is not None:
            raise _unauthorized(f"NTLM {base64.b64encode(answer).decode()}")
        assert connection.context is not None
        address = self._accounts.address_of(str(connection.context.client_principal))
        connection.context = None
        if address is None:
            raise _unauthorized(*_OFFERED)
        connection.account = Account(address)
        return connection.account

    def _step(self, token: bytes, connection: _Connection, transport: BaseTransport) -> bytes | None:
        encrypted = transport.get_extra_info("sslcontext") is not None
        with _USER_FILE:
            os.environ["NTLM_USER_FILE"] = str(self._accounts.file)
            if token[8:12] == b"\x01\0\0\0" or connection.context is None:
                connection.account = None
                connection.context = spnego.server(
                    protocol="ntlm",
                    options=spnego.NegotiateOptions.use_ntlm,
                    channel_bindings=self._bindings if encrypted else None,
                )
            return connection.context.step(token)


def _unauthorized(*challenges: str) -> HttpError:
    return HttpError(401, CIMultiDict([("WWW-Authenticate", challenge) for challenge in challenges]))


def _bindings(certificate: Path) -> GssChannelBindings:
    found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    digest = hashlib.sha256(found.public_bytes(Encoding.DER)).digest()
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest)
