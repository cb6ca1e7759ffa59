"""Access tokens by client credentials (RFC 6749 section 4.4) with msal, kept for the life of the worker.

The secret is read only when a token is needed and none is kept, and lives in msal's object alone; neither
secret nor token is part of any message. Nothing is stored: a new worker asks for a new token.
"""

from __future__ import annotations

import re
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from domain.errors import AdminActionError, BoundaryError, NotFoundError, RetryLaterError
from domain.mailboxes import SecretRef
from domain.ports import Secrets
from exchange.network_errors import network_error
from exchange.transport import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_ANSWER_BYTES = 1_048_576
_AADSTS = re.compile(r"\bAADSTS\d{4,9}\b")
_PASSING = frozenset(("AADSTS90033", "AADSTS90025", "AADSTS90034", "AADSTS50196", "AADSTS90006"))
"""Codes that Microsoft documents as transient ("Microsoft Entra authentication and authorization error
codes")."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What msal reads of an HTTP answer."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Refusals are raised where they come in (`_HttpClient`)."""


class _HttpClient:
    """msal's HTTP client: bounded in time and size; refusals leave as `BoundaryError`, past msal's own
    error cache (which would answer for a minute with what an admin has already mended)."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._pool = PoolManager(
            ssl_context=context, timeout=Timeout(connect=10, read=20), retries=False, maxsize=4
        )

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], **_: object) -> _Answer:
        return self._send("POST", url, fields=dict(data), headers=dict(headers), encode_multipart=False)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, **_: object) -> _Answer:
        return self._send("GET", url, headers=dict(headers or {}))

    def close(self) -> None:
        """Part of msal's interface."""
        self._pool.clear()

    def _send(self, method: str, url: str, **how: Any) -> _Answer:
        server = url.split("/")[2]
        try:
            response = self._pool.request(method, url, redirect=False, preload_content=False, **how)
            body = response.read(_MAX_ANSWER_BYTES + 1)
            if len(body) > _MAX_ANSWER_BYTES:
                response.close()
                raise RetryLaterError("AnswerTooLong", server)
            response.release_conn()
        except (HTTPError, OSError) as error:
            raise network_error(error, server) from error
        text = body.decode("utf-8", "replace")
        if response.status != 200:
            raise _refusal(response.status, text, response.headers.get("Retry-After"))
        return _Answer(response.status, text, response.headers)


def _refusal(status: int, text: str, after: str | None) -> BoundaryError:
    found = _AADSTS.search(text)
    code = found[0] if found else f"HTTP {status}"
    said = _description(text)
    if status == 429 or status >= 500 or code in _PASSING:
        return RetryLaterError(code, said, retry_after(after))
    return AdminActionError(code, said)


def _description(text: str) -> str:
    """`error_description` up to its trace ids, else the start of the page."""
    found = re.search(r'"error_description"\s*:\s*"((?:[^"\\]|\\.)*)"', text)
    words = found[1] if found else text[:300]
    return re.split(r"\\r|\\n|[\r\n]| Trace ID:", words, maxsplit=1)[0]


class TokenSource:
    """Tokens of one app registration. Safe for several threads: one token request at a time."""

    def __init__(
        self, authority: str, app_id: str, secret: SecretRef, secrets: Secrets, context: ssl.SSLContext
    ) -> None:
        self._authority = authority
        self._app_id = app_id
        self._secret = secret
        self._secrets = secrets
        self._context = context
        self._lock = threading.Lock()
        self._app: Any = None

    def __repr__(self) -> str:
        return f"TokenSource({self._authority!r}, {self._app_id!r})"

    def token(self, scope: str) -> str:
        """A token for `scope`, from memory where one is valid for some minutes yet."""
        with self._lock:
            if self._app is None:
                self._app = self._new_app()
            try:
                result: dict[str, Any] = self._app.acquire_token_for_client([scope])
            except ValueError as error:
                raise RetryLaterError("TokenAnswerMalformed", type(error).__name__) from None
        token = result.get("access_token")
        if isinstance(token, str):
            return token
        raise AdminActionError(
            str(result.get("error", "TokenRefused")), str(result.get("error_description", ""))
        )

    def forget(self, token: str, scope: str) -> None:
        """After a 401: the next `token` asks for a new one, unless another thread already has."""
        if self.token(scope) != token:
            return
        with self._lock:
            self._app.remove_tokens_for_client()

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
                http_client=_HttpClient(self._context),
            )
        except (ValueError, KeyError) as error:
            raise AdminActionError(
                "AuthorityNotUsable", f"{self._authority}: {type(error).__name__}"
            ) from None
