"""Opens mailboxes (`domain.ports.MailServers`): which authority, scope and server a mailbox's settings
mean, and what is kept for the life of the worker (connections, tokens, the TLS context)."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from domain.errors import AdminActionError
from domain.mailboxes import AuthenticationType, MailboxSettings, SecretRef
from exchange.address_guard import AddressGuard
from exchange.connections import tls_context
from exchange.mailbox_session import MailboxSession
from exchange.ntlm import NtlmLogin
from exchange.sign_in import AppSignIn, BasicSignIn, NtlmSignIn, Password, SignIn
from exchange.tokens import TokenSource
from exchange.transport import Limits, Transport

if TYPE_CHECKING:
    from domain.ports import SecretReader
    from exchange.draft_sender import EwsDraftSender

DEFAULT_AUTHORITY_HOST = "https://login.microsoftonline.com"
_MICROSOFT_365 = {
    "outlook.office365.com": ("https://outlook.office365.com/.default", None),
    "outlook.office.com": ("https://outlook.office365.com/.default", None),
    "outlook.office365.us": ("https://outlook.office365.us/.default", "https://login.microsoftonline.us"),
    "outlook-dod.office365.us": (
        "https://outlook-dod.office365.us/.default",
        "https://login.microsoftonline.us",
    ),
    "webmail.apps.mil": ("https://webmail.apps.mil/.default", "https://login.microsoftonline.us"),
    "partner.outlook.cn": ("https://partner.outlook.cn/.default", "https://login.partner.microsoftonline.cn"),
}
"""Scope and, for national clouds, authority by server (Microsoft: "National clouds", "Authenticate an EWS
application by using OAuth")."""
_MAX_KEPT = 512

K = TypeVar("K")
V = TypeVar("V")


def scope_of(server: str, port: int) -> str:
    """What a token for this server is asked for: Microsoft 365's resource, else the server's own URL."""
    known = _MICROSOFT_365.get(server.lower())
    if known:
        return known[0]
    return f"https://{server}/.default" if port == 443 else f"https://{server}:{port}/.default"


def authority_of(server: str, tenant_id: str, authority_host: str) -> str:
    """The authority's URL; the server decides the national cloud, whatever the configured host."""
    known = _MICROSOFT_365.get(server.lower())
    host = (known[1] if known else None) or authority_host
    return f"{host.rstrip('/')}/{tenant_id}"


def password_sign_in(
    settings: MailboxSettings, password: Password, impersonated: str | None = None
) -> tuple[NtlmLogin | None, SignIn]:
    """What the connections sign in with, if they do, and the requests. `impersonated`: a mailbox that is not
    the login's own."""
    login = settings.email
    if settings.authentication_type is AuthenticationType.BASIC:
        return None, BasicSignIn(login, password, impersonated)
    return NtlmLogin(login, password, settings.incoming_server), NtlmSignIn(login, impersonated)


class ExchangeServers:
    """`allowed_networks`: CIDRs that may be connected to though they are not public. `ca_file`: PEM of
    further authorities to trust. No I/O before the first call of a mailbox."""

    def __init__(
        self,
        secrets: SecretReader,
        *,
        authority_host: str = DEFAULT_AUTHORITY_HOST,
        ca_file: str | None = None,
        allowed_networks: Sequence[str] = (),
        limits: Limits | None = None,
    ) -> None:
        self._secrets = secrets
        self._authority_host = authority_host
        self._ca_file = ca_file
        self._guard = AddressGuard(allowed_networks)
        self._limits = limits
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._transports: dict[tuple[str, int, bool], Transport] = {}
        self._tokens: dict[tuple[str, ...], TokenSource] = {}
        self._sessions: dict[tuple[object, ...], MailboxSession] = {}

    def open(self, settings: MailboxSettings) -> MailboxSession:
        """See `MailServers.open`. Raises `AdminActionError` where the settings cannot work."""
        secret = settings.secret
        if secret is None:
            raise AdminActionError("SecretNotFound", "No secret is stored for this mailbox.")
        if settings.authentication_type is not AuthenticationType.OAUTH2:
            return self._open_with_password(settings, secret)
        server, port, tls = settings.incoming_server, settings.port, settings.ssl_encrypted
        authority = authority_of(server, settings.tenant_id, self._authority_host)
        registration = (authority, settings.app_id, secret.name, secret.version)
        with self._lock:
            context = self._tls()
            transport = _kept(
                self._transports,
                (server, port, tls),
                lambda: Transport(
                    server, port, context=context if tls else None, guard=self._guard, limits=self._limits
                ),
            )
            tokens = _kept(
                self._tokens,
                registration,
                lambda: TokenSource(authority, settings.app_id, secret, self._secrets, context),
            )
            return _kept(
                self._sessions,
                (settings.email, server, port, tls, *registration),
                lambda: MailboxSession(transport, AppSignIn(settings.email, tokens, scope_of(server, port))),
            )

    def open_sender(self, settings: MailboxSettings) -> EwsDraftSender:
        """See `DraftSenders.open_sender`."""
        from exchange.draft_sender import EwsDraftSender

        return EwsDraftSender(self.open(settings))

    def _open_with_password(self, settings: MailboxSettings, secret: SecretRef) -> MailboxSession:
        server, port, tls = settings.incoming_server, settings.port, settings.ssl_encrypted
        ntlm, sign_in = password_sign_in(settings, Password(secret, self._secrets))
        with self._lock:
            context = self._tls() if tls else None
            return _kept(
                self._sessions,
                (
                    settings.authentication_type,
                    settings.email,
                    server,
                    port,
                    tls,
                    secret.name,
                    secret.version,
                ),
                lambda: MailboxSession(
                    Transport(
                        server, port, context=context, guard=self._guard, limits=self._limits, ntlm=ntlm
                    ),
                    sign_in,
                ),
            )

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = tls_context(self._ca_file)
            except OSError as error:  # ssl.SSLError is one
                raise AdminActionError("CaFileNotUsable", f"{self._ca_file}: {error.strerror}") from error
        return self._context


def _kept(kept: dict[K, V], key: K, make: Callable[[], V]) -> V:
    """The value that is kept under `key`, made where it is missing; the oldest goes when there are too
    many."""
    value = kept.get(key)
    if value is None:
        if len(kept) >= _MAX_KEPT:
            del kept[next(iter(kept))]
        value = kept[key] = make()
    return value
