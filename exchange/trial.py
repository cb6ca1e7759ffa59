"""The steps of one connection test: what each does and which facts it finds. See `connection_test`."""

from __future__ import annotations

import base64
import binascii
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from domain.connection_test import Step
from domain.errors import AdminActionError, BoundaryError
from domain.mailboxes import AuthenticationType, MailboxSettings, SecretRef
from domain.server_items import FolderGone
from exchange.address_guard import AddressGuard
from exchange.connection_probe import ConnectionProbe
from exchange.mailbox_session import MailboxSession
from exchange.ntlm import NtlmLogin
from exchange.servers import authority_of, password_sign_in, scope_of
from exchange.sign_in import AppSignIn, Password, SignIn
from exchange.soap import INBOX
from exchange.time_limit import TimeLimit
from exchange.token_http import TokenHttpClient
from exchange.tokens import TokenSource
from exchange.transport import Limits, Transport

if TYPE_CHECKING:
    from domain.ports import SecretReader

FACTS = {
    Step.NAME_RESOLUTION: "resolve",
    Step.CONNECTION: "connect",
    Step.TLS: "handshake",
    Step.TOKEN: "token",
    Step.MAILBOX_ACCESS: "mailbox",
    Step.FOLDER_LIST: "folders",
    Step.PERMISSION_TO_SEND: "draft",
}
"""The method of `Trial` that takes a step and answers its facts."""
DRAFT_LEFT = "DraftLeft"
PERMISSION_MISSING = "PermissionMissingInToken"
FULL_ACCESS = "full_access_as_app"
_NO_ANSWER = frozenset(("ConnectionLost", "ReadTimeout", "AnswerTooSlow", "AnswerTooLong", "MalformedAnswer"))
"""After these a request may have been carried out all the same."""
_SIGN_IN_SECONDS = 7.0
_EXCHANGE_SECONDS = 7.5


class _TypedSecret:
    """`SecretReader` of one secret that is stored nowhere."""

    def __init__(self, value: str) -> None:
        self._value = value

    def read(self, name: str, version: str) -> str:
        return self._value


class _WatchedSecrets:
    """Key Vault's secrets, and whether an answer of it is being waited for."""

    def __init__(self, secrets: SecretReader) -> None:
        self._secrets = secrets
        self.is_asked = False

    def read(self, name: str, version: str) -> str:
        self.is_asked = True
        value = self._secrets.read(name, version)
        self.is_asked = False
        return value


class _OneToken:
    """The token at hand. It is new, so a refusal of it is the answer: no other one is asked for."""

    def __init__(self, value: str) -> None:
        self._value = value

    def token(self, scope: str) -> str:
        return self._value

    def forget(self, token: str, scope: str) -> None:
        """Asked again with the same one, the server says the same."""


class Trial:
    """One test's connection, token and draft. `close()` at the end."""

    def __init__(
        self,
        settings: MailboxSettings,
        secret: str | None,
        *,
        secrets: SecretReader,
        authority_host: str,
        context: Callable[[], ssl.SSLContext],
        guard: AddressGuard,
        limit: TimeLimit,
    ) -> None:
        self._settings = settings
        self._typed = secret
        self._secrets = _WatchedSecrets(secrets)
        self._authority_host = authority_host
        self._new_context = context
        self._guard = guard
        self._limit = limit
        self._made_context: ssl.SSLContext | None = None
        self._probe = ConnectionProbe(settings.incoming_server, settings.port, guard, limit)
        self._token: str | None = None
        self._password: Password | None = None
        self._subject = ""
        self._transports: list[Transport] = []

    @property
    def encrypted(self) -> bool:
        """Whether there is TLS to test."""
        return self._settings.ssl_encrypted

    @property
    def waits_for_key_vault(self) -> bool:
        """Whether Key Vault was asked for the secret and has not given it."""
        return self._secrets.is_asked

    def resolve(self) -> dict[str, str]:
        """See `ConnectionProbe.resolve`."""
        return self._probe.resolve()

    def connect(self) -> dict[str, str]:
        """See `ConnectionProbe.connect`."""
        return self._probe.connect()

    def handshake(self) -> dict[str, str]:
        """See `ConnectionProbe.handshake`."""
        return self._probe.handshake(self._context())

    def token(self) -> dict[str, str]:
        """Asks for a new token. Facts: `tenant` and `permissions`, as Microsoft Entra ID wrote them into it.

        With a password there is no token: it is looked up here, and used with the mailbox's first request.
        A token without permissions is no failure yet: access by RBAC for Applications shows in no token.
        """
        settings = self._settings
        secret = settings.secret
        secrets: SecretReader = self._secrets
        if self._typed is not None:
            secret = SecretRef("typed", "", datetime.now(UTC), "")
            secrets = _TypedSecret(self._typed)
        if secret is None:
            raise AdminActionError("SecretNotFound", "No secret is stored for this mailbox.")
        if settings.authentication_type is not AuthenticationType.OAUTH2:
            self._password = Password(secret, secrets)
            self._password()
            return {}
        seconds = self._limit.left(_SIGN_IN_SECONDS)
        context = self._context()
        http = TokenHttpClient(
            context, connect_seconds=min(4.0, seconds), read_seconds=seconds, answer_seconds=seconds
        )
        authority = authority_of(settings.incoming_server, settings.tenant_id, self._authority_host)
        try:
            source = TokenSource(authority, settings.app_id, secret, secrets, context, http)
            self._token = source.token(scope_of(settings.incoming_server, settings.port))
        finally:
            http.close()
        claims = _claims(self._token)
        permissions = _permissions(claims)
        facts = {"permissions": ", ".join(permissions) or "none"}
        tenant = claims.get("tid")
        return facts | ({"tenant": tenant[:64]} if isinstance(tenant, str) else {})

    def mailbox(self) -> dict[str, str]:
        """Opens the Inbox. Facts: `inbox` (its name), `messages`; for a login its mailbox's `address`."""
        facts = self.open_mailbox(self._settings.email)
        if self._password is not None:
            facts["address"] = self._session(self._settings.email).own_address()
        return facts

    def open_mailbox(self, address: str) -> dict[str, str]:
        """Opens the Inbox of a mailbox with the token at hand."""
        try:
            state = self._session(address).folder_states([INBOX])[0]
        except BoundaryError as error:
            raise self._told_apart(error) from error
        if isinstance(state, FolderGone):
            raise AdminActionError(state.code, "Inbox")
        return {"inbox": state.name[:100], "messages": str(state.total_count)}

    def folders(self) -> dict[str, str]:
        """Facts: `folders`, the number of those that hold mail and can be selected."""
        tree = self._session(self._settings.email).folder_tree()
        return {"folders": str(sum(one.is_mail and not one.is_hidden for one in tree))}

    def draft(self) -> dict[str, str]:
        """Saves a draft and removes it. Raises `DraftLeft` where it was saved and could not be removed."""
        self._subject = f"Connection test of {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, may be deleted"
        text = "Made by Test connection to see whether drafts can be saved. It is removed again at once."
        # On connections of its own, so that no request goes out a second time on a kept one gone stale.
        item_id = self._session(self._settings.email).create_draft(self._subject, text)
        try:
            self._session(self._settings.email).delete_item(item_id)
        except BoundaryError as error:
            raise DraftLeftError(str(error), self._subject) from error
        return {}

    def draft_facts(self) -> dict[str, str]:
        """What to look for in Drafts after a test whose answer was lost."""
        return {"draftMayBeLeft": self._subject} if self._subject else {}

    def close(self) -> None:
        """Ends all connections."""
        self._probe.close()
        for transport in self._transports:
            transport.close()

    def _context(self) -> ssl.SSLContext:
        if self._made_context is None:
            self._made_context = self._new_context()
        return self._made_context

    def _session(self, address: str) -> MailboxSession:
        """A session on a connection of its own; the guard looks at the address that it connects to."""
        settings = self._settings
        ntlm, sign_in = self._sign_in(address)
        seconds = self._limit.left(_EXCHANGE_SECONDS)
        transport = Transport(
            settings.incoming_server,
            settings.port,
            context=self._context() if settings.ssl_encrypted else None,
            guard=self._guard,
            limits=Limits(min(4.0, seconds), seconds, seconds, max_bytes=64 * 1_048_576),
            ntlm=ntlm,
        )
        self._transports.append(transport)
        return MailboxSession(transport, sign_in)

    def _sign_in(self, address: str) -> tuple[NtlmLogin | None, SignIn]:
        settings = self._settings
        if self._password is not None:
            other = address if address != settings.email else None
            return password_sign_in(settings, self._password, other)
        assert self._token is not None, "the token comes first"
        scope = scope_of(settings.incoming_server, settings.port)
        return None, AppSignIn(address, _OneToken(self._token), scope)

    def _told_apart(self, error: BoundaryError) -> BoundaryError:
        """A refusal of a token that carries no permission at all is told as that."""
        if error.code not in ("HTTP 401", "HTTP 403") or self._token is None:
            return error
        says_why = "EWS" in error.server_message or "licen" in error.server_message.lower()
        claims = _claims(self._token)
        if not claims or FULL_ACCESS in _permissions(claims) or says_why:
            return error
        return AdminActionError(PERMISSION_MISSING, f"{error.code}: {error.server_message}")


class DraftLeftError(AdminActionError):
    """The draft could be saved, not removed."""

    def __init__(self, said: str, subject: str) -> None:
        super().__init__(DRAFT_LEFT, said)
        self.facts = {"draftLeft": subject}


def _claims(token: str) -> dict[str, object]:
    """Claims of a JWT, unverified: for words to an admin only. Empty for another kind of token."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def _permissions(claims: dict[str, object]) -> list[str]:
    roles = claims.get("roles")
    return [one[:100] for one in roles[:20] if isinstance(one, str)] if isinstance(roles, list) else []
