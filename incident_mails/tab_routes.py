"""Routes of an incident's Business Unit Mails tab: lists, and changes since a cursor."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import JSONResponse, Response

from api.delivery import Besides
from api.dependencies import ServicesDep, SettingsDep
from api.etags import entity_tag
from api.models import rfc3339
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from api.services import Services
from domain.linking_ports import Conversation, MailFilter, TabPage
from domain.mail import MailKind
from incident_mails.freshness import Freshness, freshness
from incident_mails.mail_json import mail_json
from incident_mails.save_incident import incident_json
from incident_mails.tab import Tab, tab_of

router = APIRouter(tags=["Business Unit Mails"])
_MAX_ID_CHARS = 200
_MAX_TEXT_CHARS = 200
_MAX_CURSOR_CHARS = 32_000
_NO_COUNTS = {"mails": 0, "unread": 0, "suggested": 0, "unverified": 0}
_Id = Annotated[str | None, Query(max_length=_MAX_ID_CHARS)]
_Flag = Annotated[bool | None, Query()]
_Cursor = Annotated[str | None, Query(max_length=_MAX_CURSOR_CHARS)]
_Limit = Annotated[int, Query(ge=1, le=100)]


@router.get(
    "/api/incidents/{incident_id}/mails",
    summary="The incident's mails, newest first",
    responses={304: {"description": "Nothing has changed"}},
)
@needs(Permission.MAILS_READ)
def list_mails(
    request: Request,
    incident_id: IncidentId,
    services: ServicesDep,
    settings: SettingsDep,
    view: Literal["conversations", "flat"] = "conversations",
    conversation: Annotated[
        str | None, Query(max_length=_MAX_ID_CHARS, description="Only this one's mails, as a flat list.")
    ] = None,
    unit: _Id = None,
    direction: Annotated[Literal["incoming", "outgoing"] | None, Query()] = None,
    kind: Annotated[MailKind | None, Query()] = None,
    text: Annotated[
        str | None,
        Query(max_length=_MAX_TEXT_CHARS, description="Words in subject, preview, names or addresses."),
    ] = None,
    attachments: _Flag = None,
    unread: _Flag = None,
    suggested: _Flag = None,
    unverified: _Flag = None,
    limit: _Limit = 50,
    cursor: _Cursor = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """Conversations by their newest mail, or single mails. A page may be short though `nextCursor` says that
    more follow. With `If-None-Match`: 304 while nothing has changed; `lastChecked` counts by the minute."""
    tab = tab_of(services, incident_id)
    fresh = freshness(services, settings.poll_interval)
    besides = Besides(services, tab.incident_ids)
    tag = _tag(services, tab, fresh, besides.tag, request.url.query)
    if if_none_match is not None and tag in (one.strip() for one in if_none_match.split(",")):
        return Response(status_code=304, headers={"ETag": tag})
    where = MailFilter(
        unit=unit or None,
        direction=direction,
        kind=kind.value if kind else None,
        text=(text or "").strip() or None,
        has_attachments=attachments,
        unread=unread,
        unverified=unverified,
        suggested=suggested,
    )
    page = TabPage((), (), None)
    if tab.incident_ids:
        page = _page(services, tab, view, conversation, where, limit, cursor or None)
    body = {
        "items": [
            *(mail_json(one.mail, one.state) | besides.of(one.mail) for one in page.mails),
            *(_conversation_json(one, besides) for one in page.conversations),
        ],
        "nextCursor": page.cursor,
        "incident": incident_json(tab.incident.value),
        "counts": dict(services.incident_mails.counts(tab.incident_ids)) if tab.incident_ids else _NO_COUNTS,
        "lastChecked": rfc3339(fresh.last_checked),
        "stale": fresh.reason is not None,
        "staleReason": fresh.reason,
        "mergedInto": tab.merged_into,
    }
    return JSONResponse(body, headers={"ETag": tag})


@router.get(
    "/api/incidents/{incident_id}/mails/changes",
    summary="What changed in the incident's mails since a cursor",
)
@needs(Permission.MAILS_READ)
def list_changes(
    incident_id: IncidentId, services: ServicesDep, limit: _Limit = 50, cursor: _Cursor = None
) -> dict[str, Any]:
    """Oldest first and without gaps; without a cursor from the beginning. `nextCursor` is what to ask with
    next time, and never null while the incident is not merged; `more`: ask at once."""
    tab = tab_of(services, incident_id)
    if not tab.incident_ids:
        return {"items": [], "nextCursor": cursor, "more": False, "mergedInto": tab.merged_into}
    try:
        changes, after = services.incident_mails.changes(tab.incident_ids, cursor or None, limit=limit)
    except ValueError:
        raise _bad_cursor() from None
    items = [
        {"id": f"{one.sequence}", "at": rfc3339(one.at), "kind": one.kind, "mail": one.mail_id}
        for one in changes
    ]
    return {"items": items, "nextCursor": after, "more": len(items) == limit, "mergedInto": None}


def _page(
    services: Services,
    tab: Tab,
    view: str,
    conversation: str | None,
    where: MailFilter,
    limit: int,
    cursor: str | None,
) -> TabPage:
    store, ids = services.incident_mails, tab.incident_ids
    if conversation and where != MailFilter():
        raise Problem.of_fields(
            [FieldError("conversation", "WithFilter", "A conversation is listed whole, without filters.")]
        )
    try:
        if conversation:
            return store.conversation(ids, conversation, limit=limit, cursor=cursor)
        if view == "flat":
            return store.flat(ids, where, limit=limit, cursor=cursor)
        return store.conversations(ids, where, limit=limit, cursor=cursor)
    except ValueError:
        raise _bad_cursor() from None


def _tag(services: Services, tab: Tab, fresh: Freshness, besides: str, query: str) -> str:
    """Weak: the time of the last check may differ by less than a minute."""
    checked = fresh.last_checked.strftime("%Y-%m-%dT%H:%M") if fresh.last_checked else None
    version = services.incident_mails.version(tab.incident_ids) if tab.incident_ids else None
    asked = hashlib.sha256(query.encode("utf-8", "replace")).hexdigest()
    return (
        f"W/{entity_tag(version, tab.incident.etag, tab.merged_into, checked, fresh.reason, besides, asked)}"
    )


def _conversation_json(conversation: Conversation, besides: Besides) -> dict[str, object]:
    latest = conversation.latest
    return {
        "id": conversation.id,
        "subject": latest.mail.subject,
        "count": conversation.count,
        "unread": conversation.unread,
        "businessUnits": list(conversation.units),
        "hasAttachments": conversation.has_attachments,
        "latest": mail_json(latest.mail, latest.state) | besides.of(latest.mail),
    }


def _bad_cursor() -> Problem:
    return Problem.of_fields([FieldError("cursor", "BadCursor", "This is no cursor of this list.")])
