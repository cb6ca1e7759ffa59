"""The identity headers that App Service sets for the app, and the removal of those that a caller sent.

Shapes as in Microsoft's "Work with user identities in Azure App Service authentication":
`X-MS-CLIENT-PRINCIPAL` is base64 of `{"auth_typ", "claims": [{"typ", "val"}], "name_typ", "role_typ"}`.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

NAME_TYPE = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
ROLE_TYPE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
CLAIM_TYPES = {  # how App Service renames the claims of a Microsoft Entra ID token
    "email": NAME_TYPE,
    "oid": "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "sub": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
    "tid": "http://schemas.microsoft.com/identity/claims/tenantid",
}
NAME_CLAIMS = ("email", "preferred_username", "upn", "name")


def is_platform_header(name: str) -> bool:
    """Whether only App Service may set this header: `X-MS-…`, underscores and any case included."""
    return name.lower().replace("_", "-").startswith("x-ms-")


def without_platform_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A caller's headers, names in lower case, repeated ones joined by commas, `X-MS-…` left out."""
    kept: dict[str, str] = {}
    for name, value in headers:
        if not is_platform_header(name):
            key = name.lower()
            kept[key] = f"{kept[key]},{value}" if key in kept else value
    return kept


def principal_claims(claims: Mapping[str, Any]) -> list[dict[str, str]]:
    """A token's claims as `typ`/`val` pairs; a list gives one pair for each of its values."""
    return [
        {"typ": CLAIM_TYPES.get(name, name), "val": value if isinstance(value, str) else json.dumps(value)}
        for name, content in claims.items()
        for value in (content if isinstance(content, list) else [content])
    ]


def user_name(claims: Mapping[str, Any]) -> str | None:
    """The signed-in person's name as App Service shows it; None for an application."""
    return next((str(claims[name]) for name in NAME_CLAIMS if claims.get(name)), None)


def user_id(claims: Mapping[str, Any]) -> str:
    """The id of the person or application in its tenant."""
    return str(claims.get("oid") or claims.get("sub") or claims.get("appid") or "")


def principal_headers(claims: Mapping[str, Any]) -> dict[str, str]:
    """The headers that tell the app who called, names in lower case."""
    principal = {
        "auth_typ": "aad",
        "claims": principal_claims(claims),
        "name_typ": NAME_TYPE,
        "role_typ": ROLE_TYPE,
    }
    headers = {
        "x-ms-client-principal": base64.b64encode(json.dumps(principal).encode()).decode(),
        "x-ms-client-principal-id": user_id(claims),
        "x-ms-client-principal-idp": "aad",
    }
    name = user_name(claims)
    if name is not None:
        headers["x-ms-client-principal-name"] = name.encode("ascii", "replace").decode()
    return headers
