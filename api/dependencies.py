"""What endpoints ask FastAPI for: the services, the caller, and the activity log entry of a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

from fastapi import Depends, Request

from api.caller import Caller
from api.services import Services
from api.settings import ApiSettings
from domain.stored import Activity


async def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def _settings(request: Request) -> ApiSettings:
    return cast(ApiSettings, request.app.state.settings)


async def _caller(request: Request) -> Caller:
    return cast(Caller, request.scope["respond_mailbox.caller"])


ServicesDep = Annotated[Services, Depends(_services)]
SettingsDep = Annotated[ApiSettings, Depends(_settings)]
CallerDep = Annotated[Caller, Depends(_caller)]


def activity(
    services: Services,
    caller: Caller,
    action: str,
    target: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> Activity:
    """The activity log's entry for a change that this caller makes now."""
    return Activity(
        at=services.clock.now(),
        actor=caller.name,
        acting_for=caller.acting_for,
        action=action,
        target=target,
        before=before,
        after=after,
    )
