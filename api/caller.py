"""Who called: App Service's principal header, trusted only where authentication is known to be on.

Source: Microsoft, "Work with user identities in Azure App Service authentication" (client principal object).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from api.permissions import Permission
from api.problems import Problem
from api.settings import ApiSettings

PRINCIPAL_HEADER = "x-ms-client-principal"
ACTING_USER_HEADER = "x-acting-user"
SIGN_IN_PATH = "/.auth/login/aad"

_MAX_PRINCIPAL_CHARS = 65_536
_MAX_NAME_CHARS = 256
_CLAIM_SCHEMA = "http://schemas.microsoft.com/identity/claims/"
_EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
_ID_TYPES = (f"{_CLAIM_SCHEMA}objectidentifier", "oid", "sub", "appid", "azp")
_NAME_TYPES = ("preferred_username", "upn", _EMAIL, "email", "name")
_PERSON_TYPES = (*_NAME_TYPES, "scp", f"{_CLAIM_SCHEMA}scope")
_APP_TYPES = ("app_displayname", "appid", "azp")


@dataclass(frozen=True, slots=True)
class Caller:
    """The signed-in person or application. `acting_for`: the user whom an application with `ActAs` names."""

    id: str
    name: str
    is_application: bool
    roles: frozenset[str]
    acting_for: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the caller's roles give this permission."""
        return permission in (Permission.OPEN, Permission.SIGNED_IN) or permission.value in self.roles


def identify_caller(headers: dict[str, str], settings: ApiSettings) -> Caller:
    """The caller by the platform's header (names in lower case).

    Raises 401 where nobody is signed in or authentication is not on, 403 for an acting user that is not
    allowed.
    """
    if not settings.authentication_on:
        raise _unauthenticated(
            "AuthenticationOff",
            "Authentication is not switched on for this app, so every request is refused. An Azure "
            "administrator "
            "deploys the app with App Service authentication and AUTHENTICATION_REQUIRED.",
        )
    encoded = headers.get(PRINCIPAL_HEADER)
    if not encoded:
        raise _unauthenticated("NotSignedIn", f"Sign in first, at {SIGN_IN_PATH} or with a bearer token.")
    caller = _read_principal(encoded)
    acting_for = headers.get(ACTING_USER_HEADER)
    if acting_for is None:
        return caller
    if not (caller.is_application and Permission.ACT_AS.value in caller.roles):
        raise Problem(
            403, "ActAsNotAllowed", "Only an application with the role ActAs may name an acting user."
        )
    name = acting_for.strip()
    if not name or len(name) > _MAX_NAME_CHARS or not name.isprintable():
        raise Problem(
            400, "BadActingUser", f"X-Acting-User must be a name of 1 to {_MAX_NAME_CHARS} characters."
        )
    return replace(caller, acting_for=name)


def _read_principal(encoded: str) -> Caller:
    try:
        if len(encoded) > _MAX_PRINCIPAL_CHARS:
            raise ValueError("too long")
        principal = json.loads(base64.b64decode(encoded, validate=True))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in principal["claims"]]
    except (ValueError, binascii.Error, KeyError, TypeError, RecursionError) as error:
        raise _unauthenticated("PrincipalUnreadable", "The platform's principal cannot be read.") from error
    caller_id = _first(claims, _ID_TYPES)
    if not caller_id:
        raise _unauthenticated("PrincipalUnreadable", "The platform's principal has no id.")
    is_application = _first(claims, ("idtyp",)) == "app" or not _first(claims, _PERSON_TYPES)
    name = _first(claims, _APP_TYPES if is_application else _NAME_TYPES) or caller_id
    return Caller(
        id=caller_id,
        name=name[:_MAX_NAME_CHARS],
        is_application=is_application,
        roles=frozenset(value for kind, value in claims if kind == "roles"),
    )


def _first(claims: Iterable[tuple[str, str]], kinds: Iterable[str]) -> str | None:
    for wanted in kinds:
        for kind, value in claims:
            if kind == wanted and value:
                return value
    return None


def _unauthenticated(code: str, detail: str) -> Problem:
    return Problem(
        401, code, detail, headers={"WWW-Authenticate": "Bearer"}, members={"signIn": SIGN_IN_PATH}
    )
