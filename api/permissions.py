"""Which permission a route needs: declared at the endpoint, checked before the body is read.

A route without a declaration fails when the application is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

DEFAULT_BODY_LIMIT_BYTES = 65_536
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
_ATTRIBUTE = "__route_access__"


class Permission(StrEnum):
    """The app roles of the registration in Microsoft Entra ID, and the two that need none."""

    CONFIGURATIONS_READ = "Configurations.Read"
    CONFIGURATIONS_UPDATE = "Configurations.Update"
    BUSINESS_UNITS_UPDATE = "BusinessUnits.Update"
    INCIDENTS_UPDATE = "Incidents.Update"
    MAILS_READ = "BusinessUnitMails.Read"
    MAILS_REPLY = "BusinessUnitMails.Reply"
    ACT_AS = "ActAs"
    SIGNED_IN = "signed in"
    """Whoever is signed in, whatever their roles."""
    OPEN = "open"
    """Anyone: liveness, OpenAPI and docs only."""


@dataclass(frozen=True, slots=True)
class Access:
    """`page`: refusals are shown as a page instead of JSON. `body_limit_bytes`: larger bodies are answered
    413. `media_type`: what a body has to be."""

    permission: Permission
    page: bool = False
    body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES
    media_type: str = JSON


def needs(
    permission: Permission,
    *,
    page: bool = False,
    body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES,
    media_type: str = JSON,
) -> Callable[[Endpoint], Endpoint]:
    """Declares who may call the endpoint. Stands between the route decorator and the function."""

    def declare(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, Access(permission, page, body_limit_bytes, media_type))
        return endpoint

    return declare


class MissingPermissionError(TypeError):
    """A route was written without `needs`: the application is not built."""


def access_of(endpoint: Callable[..., Any]) -> Access:
    """Raises `MissingPermissionError`."""
    access = getattr(endpoint, _ATTRIBUTE, None)
    if not isinstance(access, Access):
        raise MissingPermissionError(f"{endpoint.__module__}.{endpoint.__name__} declares no permission")
    return access
