"""How the requests of one mailbox are signed in: an app's token and impersonation, or a login's password.

Secrets are read when they are needed and are part of no message. Nothing is stored.
"""

from __future__ import annotations

import base64
import threading
from typing import Protocol

from domain.errors import AdminActionError, NotFoundError
from domain.mailboxes import SecretRef
from domain.ports import SecretReader
from exchange.transport import TokenRefusedError

PASSWORD_REFUSED = "PasswordRefused"


class Tokens(Protocol):
    """Where access tokens come from (`exchange.tokens.TokenSource`)."""

    def token(self, scope: str) -> str:
        """A token that is valid as far as is known."""

    def forget(self, token: str, scope: str) -> None:
        """This token was refused."""


class SignIn(Protocol):
    """Safe for several threads."""

    @property
    def impersonated(self) -> str | None:
        """SMTP address of the mailbox that requests act on; None: the login's own."""

    @property
    def login(self) -> str:
        """Who signs in with a password; empty for an app, whose mailbox is `impersonated`."""

    def headers(self) -> dict[str, str]:
        """What each request carries."""

    def renew(self, headers: dict[str, str], refusal: TokenRefusedError) -> None:
        """After a 401 for `headers`: asking once more, with new headers, is worth it. Raises where it is
        not."""


class AppSignIn:
    """A token for `scope`, and impersonation of the mailbox `address`."""

    login = ""

    def __init__(self, address: str, tokens: Tokens, scope: str) -> None:
        self.impersonated = address
        self._tokens = tokens
        self._scope = scope

    def headers(self) -> dict[str, str]:
        """See `SignIn.headers`."""
        headers = {"Authorization": f"Bearer {self._tokens.token(self._scope)}"}
        if self.impersonated.isascii() and self.impersonated.isprintable():
            headers["X-AnchorMailbox"] = self.impersonated
        return headers

    def renew(self, headers: dict[str, str], refusal: TokenRefusedError) -> None:
        """See `SignIn.renew`."""
        self._tokens.forget(headers["Authorization"].removeprefix("Bearer "), self._scope)


class Password:
    """The mailbox's secret, read from Key Vault when it is first needed."""

    def __init__(self, secret: SecretRef, secrets: SecretReader) -> None:
        self._secret = secret
        self._secrets = secrets
        self._lock = threading.Lock()
        self._value: str | None = None

    def __call__(self) -> str:
        """Raises `AdminActionError` where Key Vault has none."""
        with self._lock:
            if self._value is None:
                try:
                    self._value = self._secrets.read(self._secret.name, self._secret.version)
                except NotFoundError as error:
                    raise AdminActionError("SecretNotFound", "The password is not in Key Vault.") from error
            return self._value


class BasicSignIn:
    """User name and password with every request (RFC 7617)."""

    def __init__(self, login: str, password: Password, impersonated: str | None = None) -> None:
        self.login = login
        self.impersonated = impersonated
        self._password = password

    def headers(self) -> dict[str, str]:
        """See `SignIn.headers`."""
        pair = base64.b64encode(f"{self.login}:{self._password()}".encode()).decode("ascii")
        return {"Authorization": f"Basic {pair}"}

    def renew(self, headers: dict[str, str], refusal: TokenRefusedError) -> None:
        """A password that was refused is not tried again: that locks accounts."""
        raise AdminActionError(PASSWORD_REFUSED, refusal.server_message) from refusal


class NtlmSignIn:
    """Nothing with a request: its connection is signed in (`exchange.ntlm`)."""

    def __init__(self, login: str, impersonated: str | None = None) -> None:
        self.login = login
        self.impersonated = impersonated

    def headers(self) -> dict[str, str]:
        """See `SignIn.headers`."""
        return {}

    def renew(self, headers: dict[str, str], refusal: TokenRefusedError) -> None:
        """A password that was refused is not tried again: that locks accounts."""
        raise AdminActionError(PASSWORD_REFUSED, refusal.server_message) from refusal
