"""Access tokens by client credentials (RFC 6749 section 4.4) with msal, kept for the life of the worker.

The secret is read only when a token is needed and none is kept, and lives in msal's object alone; neither
secret nor token is part of any message. Nothing is stored: a new worker asks for a new token.
"""

from __future__ import annotations

import json
import ssl
import threading
from typing import TYPE_CHECKING, Any

from domain.errors import AdminActionError, NotFoundError, RetryLaterError
from domain.mailboxes import SecretRef
from exchange.token_http import SIGN_IN_REFUSED, TokenHttpClient

if TYPE_CHECKING:
    from domain.ports import SecretReader


class TokenSource:
    """Tokens of one app registration. Safe for several threads: one token request at a time."""

    def __init__(
        self,
        authority: str,
        app_id: str,
        secret: SecretRef,
        secrets: SecretReader,
        context: ssl.SSLContext,
        http: TokenHttpClient | None = None,
    ) -> None:
        self._authority = authority
        self._app_id = app_id
        self._secret = secret
        self._secrets = secrets
        self._http = http or TokenHttpClient(context)
        self._lock = threading.Lock()
        self._app: Any = None

    def __repr__(self) -> str:
        return f"TokenSource({self._authority!r}, {self._app_id!r})"

    def token(self, scope: str) -> str:
        """A token for `scope`, from memory where one is valid for some minutes yet."""
        with self._lock:
            return self._token(scope)

    def forget(self, token: str, scope: str) -> None:
        """After a 401: the next `token` asks for a new one, unless another thread already has."""
        with self._lock:
            if self._app is not None and self._token(scope) == token:
                self._app.remove_tokens_for_client()

    def _token(self, scope: str) -> str:
        if self._app is None:
            self._app = self._new_app()
        try:
            result: dict[str, Any] = self._app.acquire_token_for_client([scope])
        except ValueError as error:
            raise RetryLaterError("TokenAnswerMalformed", type(error).__name__) from None
        token = result.get("access_token")
        if isinstance(token, str):
            return token
        raise AdminActionError(SIGN_IN_REFUSED, str(result.get("error_description", "")))

    def _new_app(self) -> Any:
        import msal  # type: ignore[import-untyped]  # ships no types; imported late, since only polls need it

        try:
            value = self._secrets.read(self._secret.name, self._secret.version)
        except NotFoundError as error:
            raise AdminActionError("SecretNotFound", "The client secret is not in Key Vault.") from error
        try:
            return msal.ConfidentialClientApplication(
                self._app_id,
                client_credential=value,
                authority=self._authority,
                instance_discovery=False,
                http_client=self._http,
            )
        except (ValueError, KeyError) as error:
            if isinstance(error, KeyError) or isinstance(error.__context__, json.JSONDecodeError):
                raise RetryLaterError("TokenAnswerMalformed", self._authority) from None
            raise AdminActionError("AuthorityNotUsable", self._authority) from None
