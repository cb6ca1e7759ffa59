"""Route of the activity log. There is none that changes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.dependencies import ServicesDep
from api.models import rfc3339
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from domain.configuration_ports import ActivityQuery, LoggedActivity

router = APIRouter(tags=["Activity log"])
_MAX_FILTER_CHARS = 256
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_Text = Annotated[str | None, Query(min_length=1, max_length=_MAX_FILTER_CHARS)]
_Time = Annotated[str | None, Query(max_length=64, description="RFC 3339, such as 2027-05-01T08:00:00Z.")]


@router.get("/api/config/audit", summary="The activity log: who changed what, newest first")
@needs(Permission.CONFIGURATIONS_READ)
def read_activity_log(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
    actor: _Text = None,
    action: _Text = None,
    target: _Text = None,
    since: Annotated[_Time, Query(alias="from", description="At or after this time.")] = None,
    before: Annotated[_Time, Query(alias="to", description="Before this time.")] = None,
) -> dict[str, Any]:
    """`actor` is who did it or on whose behalf, in any case; `action` and `target` are compared exactly. A
    page may hold fewer entries than asked for though `nextCursor` says that more follow. Secrets show as
    "changed"."""
    errors: list[FieldError] = []
    query = ActivityQuery(
        limit=limit,
        cursor=cursor,
        actor=_printable("actor", actor, errors),
        action=_printable("action", action, errors),
        target=_printable("target", target, errors),
        since=_time("from", since, errors),
        before=_time("to", before, errors),
    )
    if errors:
        raise Problem.of_fields(errors)
    try:
        page = services.activity_log.page(query)
    except ValueError:
        raise Problem.of_fields(
            [FieldError("cursor", "BadCursor", "This is no cursor of this list.")]
        ) from None
    return {"items": [_json(one) for one in page.entries], "nextCursor": page.cursor}


def _json(logged: LoggedActivity) -> dict[str, object]:
    entry = logged.entry
    return {
        "id": logged.id,
        "at": rfc3339(entry.at),
        "actor": entry.actor,
        "actingFor": entry.acting_for,
        "action": entry.action,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
    }


def _printable(field: str, text: str | None, errors: list[FieldError]) -> str | None:
    if text is not None and not text.isprintable():
        errors.append(FieldError(field, "BadText", "This may hold no control character."))
    return text


def _time(field: str, text: str | None, errors: list[FieldError]) -> datetime | None:
    if text is None:
        return None
    try:
        if not _RFC3339.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        errors.append(FieldError(field, "NotATime", "Enter a time such as 2027-05-01T08:00:00Z."))
        return None
