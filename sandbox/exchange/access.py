"""Who may come in: access tokens of applications, impersonation, the tenant's EWS switch, access by mailbox.

Other authentication schemes of Exchange on premises (NTLM, Basic) would be further `authenticate` functions
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.exchange.errors import HttpError, RequestError
from sandbox.exchange.schema import Mailbox
from sandbox.exchange.store import Store
from sandbox.tokens import InvalidTokenError, TokenKeys

REQUIRED_ROLE = "full_access_as_app"
EWS_SWITCH = "ews"
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

    def authenticate(self, headers: Mapping[str, str]) -> Application:
        """The application behind the bearer token. Raises HttpError (401 or 403)."""
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

    def mailbox(self, application: Application, impersonated: str | None, anchor: str | None) -> Mailbox:
        """The mailbox that the application acts on. Raises RequestError or HttpError."""
        if impersonated is None:
            raise RequestError("ErrorImpersonationRequired")
        if not anchor:
            raise HttpError(400, text="The X-AnchorMailbox header is missing.")
        found = self.store.mailbox(impersonated)
        if found is None:
            raise RequestError("ErrorNonExistentMailbox")
        if anchor.strip().lower().removeprefix("smtp:") != impersonated:
            raise HttpError(400, text="The X-AnchorMailbox header names another mailbox.")
        allowed = self.store.setting(_ALLOWED + application.app_id)
        if allowed and found.address.lower() not in allowed.split(" "):
            raise RequestError("ErrorAccessDenied")
        return found

    def allow(self, app_id: str, mailbox: str | None) -> None:
        """Limit an application to a mailbox (further calls add to them); None: every mailbox again."""
        if mailbox is None:
            self.store.change_setting(_ALLOWED + app_id, "")
            return
        allowed = set(self.store.setting(_ALLOWED + app_id).split(" ")) | {mailbox.lower()}
        self.store.change_setting(_ALLOWED + app_id, " ".join(sorted(allowed - {""})))
