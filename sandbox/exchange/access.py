"""Who may come in: access tokens of applications, impersonation, the tenant's EWS switch, access by mailbox.

As `localhost` the server is Exchange Online and takes tokens; by its address `127.0.0.1` it is an Exchange
Server on premises and takes NTLM and Basic (see `password_sign_in`).
"""

from asyncio import BaseTransport
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.exchange.errors import HttpError, RequestError
from sandbox.exchange.password_sign_in import Account, PasswordSignIn
from sandbox.exchange.schema import Mailbox
from sandbox.exchange.store import Store
from sandbox.tokens import InvalidTokenError, TokenKeys

REQUIRED_ROLE = "full_access_as_app"
EWS_SWITCH = "ews"
ON_PREMISES_HOST = "127.0.0.1"
_ALLOWED = "allowed-mailboxes:"


@dataclass(frozen=True, slots=True)
class Application:
    """An authenticated application."""

    app_id: str


@dataclass(frozen=True, slots=True)
class Access:
    """The checks of one server; audience is the resource that tokens must be made for."""

    store: Store
    keys: TokenKeys
    audience: str
    passwords: PasswordSignIn

    def authenticate(
        self, headers: Mapping[str, str], transport: BaseTransport | None
    ) -> Application | Account:
        """The application behind the bearer token, or on premises who signed in with a password. Raises
        HttpError (401 or 403).
        """
        if headers.get("Host", "").partition(":")[0] == ON_PREMISES_HOST:
            return self.passwords.authenticate(headers, transport)
        return self._application(headers)

    def _application(self, headers: Mapping[str, str]) -> Application:
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise self._unauthorized(None)
        try:
            claims = self.keys.verify(token.strip(), self.audience)
        except InvalidTokenError as error:
            raise self._unauthorized(error.reason) from error
        if self.store.setting(EWS_SWITCH, "on") == "off":
            raise HttpError(
                403, {"X-MS-Diagnostics": '2000010;reason="EWS is disabled for the organization.";'}
            )
        roles = claims.get("roles")
        if not isinstance(roles, list) or REQUIRED_ROLE not in roles:
            reason = "The token contains no permissions, or permissions can not be understood."
            raise HttpError(
                403, {"X-MS-Diagnostics": f'2000008;reason="{reason}";error_category="invalid_grant"'}
            )
        return Application(str(claims.get("appid") or claims.get("azp") or ""))

    def _unauthorized(self, reason: str | None) -> HttpError:
        challenge = (
            'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", '
            'trusted_issuers="00000001-0000-0000-c000-000000000000@*", '
            'token_types="app_asserted_user_v1 service_asserted_app_v1"'
        )
        headers = {"WWW-Authenticate": challenge}
        if reason is not None:
            headers["WWW-Authenticate"] += ', error="invalid_token"'
            headers["X-MS-Diagnostics"] = f'2000003;reason="{reason}";error_category="invalid_token"'
        return HttpError(401, headers)

    def mailbox(self, caller: Application | Account, impersonated: str | None, anchor: str | None) -> Mailbox:
        """The mailbox that the caller acts on. Raises RequestError or HttpError."""
        if isinstance(caller, Account):
            return self._own_mailbox(caller, impersonated)
        if impersonated is None:
            raise RequestError("ErrorImpersonationRequired")
        if not anchor:
            raise HttpError(400, text="The X-AnchorMailbox header is missing.")
        found = self.store.mailbox(impersonated)
        if found is None:
            raise RequestError("ErrorNonExistentMailbox")
        if anchor.strip().lower().removeprefix("smtp:") != impersonated:
            raise HttpError(400, text="The X-AnchorMailbox header names another mailbox.")
        allowed = self.store.setting(_ALLOWED + caller.app_id)
        if allowed and found.address.lower() not in allowed.split(" "):
            raise RequestError("ErrorAccessDenied")
        return found

    def _own_mailbox(self, account: Account, impersonated: str | None) -> Mailbox:
        if impersonated is not None and impersonated != account.address:
            raise RequestError("ErrorImpersonateUserDenied")
        found = self.store.mailbox(account.address)
        if found is None:
            raise RequestError("ErrorMissingEmailAddress")
        return found

    def allow(self, app_id: str, mailbox: str | None) -> None:
        """Limit an application to a mailbox (further calls add to them); None: every mailbox again."""
        if mailbox is None:
            self.store.change_setting(_ALLOWED + app_id, "")
            return
        allowed = set(self.store.setting(_ALLOWED + app_id).split(" ")) | {mailbox.lower()}
        self.store.change_setting(_ALLOWED + app_id, " ".join(sorted(allowed - {""})))
