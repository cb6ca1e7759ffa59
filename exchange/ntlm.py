"""NTLM version 2 for one connection (Microsoft: [MS-NLMP], [MS-NTHT]), bound to its TLS (RFC 5929).

The password lives in the object that `Secrets` fills and in the handshake; no message holds it. Nothing is
stored: a new connection signs in anew.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterable
from typing import Any

from exchange.answer_parser import malformed

SCHEME = "NTLM"
_MAX_CHALLENGE_CHARS = 16_384
_OF_ANY_BYTES = (ValueError, ArithmeticError, LookupError, TypeError, struct.error)
"""What the library says about a challenge that is none, beside its own errors."""


class NtlmLogin:
    """`login`: `DOMAIN\\user` or a UPN. `password` is called when a connection signs in."""

    def __init__(self, login: str, password: Callable[[], str], host: str) -> None:
        self._login = login
        self._password = password
        self._host = host

    def __repr__(self) -> str:
        return f"NtlmLogin({self._host!r})"

    def begin(self, certificate: bytes | None) -> NtlmHandshake:
        """For one connection. `certificate`: the server's, in DER; None without TLS."""
        # Late: it costs some 0.2 s, which mailboxes that sign in otherwise need not pay.
        import spnego
        from spnego.channel_bindings import GssChannelBindings

        bindings = None
        if certificate:
            bindings = GssChannelBindings(application_data=channel_binding(certificate))
        context = spnego.client(
            self._login,
            self._password(),
            hostname=self._host,
            service="http",
            channel_bindings=bindings,
            protocol="ntlm",
            options=spnego.NegotiateOptions.use_ntlm,
        )
        return NtlmHandshake(context)


class NtlmHandshake:
    """Two values of `Authorization`: `first`, and `second` in answer to the server's challenge."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def first(self) -> str:
        """NEGOTIATE."""
        return self._value(None)

    def second(self, challenges: Iterable[str]) -> str | None:
        """AUTHENTICATE. `challenges`: all values of `WWW-Authenticate`; None where none is NTLM's. Raises
        `RetryLaterError` for a challenge that is none."""
        from spnego.exceptions import SpnegoError

        for challenge in challenges:
            scheme, _, text = challenge.strip().partition(" ")
            if scheme.upper() == SCHEME and text:
                if len(text) > _MAX_CHALLENGE_CHARS:
                    raise malformed("an NTLM challenge that is too long")
                try:
                    return self._value(base64.b64decode(text.strip(), validate=True))
                except (SpnegoError, *_OF_ANY_BYTES) as error:
                    raise malformed(f"an NTLM challenge: {type(error).__name__}") from None
        return None

    def _value(self, challenge: bytes | None) -> str:
        return f"{SCHEME} {base64.b64encode(self._context.step(challenge) or b'').decode('ascii')}"


def channel_binding(certificate: bytes) -> bytes:
    """`tls-server-end-point` (RFC 5929 section 4.1): the hash of the certificate, made as its signature's is,
    with SHA-256 for MD5 and SHA-1 and where the signature has none of its own."""
    import hashlib

    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        made_with = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        made_with = None
    name = made_with.name if made_with else "sha256"
    name = "sha256" if name in ("md5", "sha1") or name not in hashlib.algorithms_available else name
    return b"tls-server-end-point:" + hashlib.new(name, certificate).digest()
