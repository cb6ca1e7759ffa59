"""Who can sign in to the product in the sandbox, people and applications, and what their tokens say. Pure."""

import uuid
from typing import Any

from sandbox.state import SIGN_IN_AUDIENCE

SIGN_IN_LIFETIME_S = 12 * 3600

_MAILS = ("BusinessUnitMails.Read", "BusinessUnitMails.Reply")
_CONFIGURATIONS = ("Configurations.Read", "Configurations.Update")
ROLES: dict[str, tuple[str, ...]] = {
    "admin": (*_CONFIGURATIONS, "BusinessUnits.Update", "Incidents.Update", *_MAILS),
    "editor": (*_CONFIGURATIONS, "BusinessUnits.Update"),
    "analyst": _MAILS,
    "viewer": ("BusinessUnitMails.Read", "Configurations.Read"),
    "respond": ("Incidents.Update", *_MAILS, "ActAs"),
    "none": (),
}
APPLICATIONS = frozenset({"respond"})


def sign_in_claims(role: str, tenant_id: str) -> dict[str, Any]:
    """What a token for the product says of somebody with this role. Raises KeyError: no such role."""
    app_roles = list(ROLES[role])
    object_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{role}.{tenant_id}"))
    claims: dict[str, Any] = {
        "aud": SIGN_IN_AUDIENCE,
        "iss": f"https://sts.windows.net/{tenant_id}/",
        "tid": tenant_id,
        "oid": object_id,
        "sub": object_id,
        "roles": app_roles,
        "ver": "2.0",
    }
    if role in APPLICATIONS:
        claims |= {"appid": object_id, "azp": object_id, "idtyp": "app"}
    else:
        claims |= {
            "name": f"{role.capitalize()} of the sandbox",
            "preferred_username": f"{role}@corp.example",
        }
    return claims
