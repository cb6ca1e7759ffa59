"""Routes of drafts and their files."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from starlette.responses import JSONResponse, Response

from api.dependencies import CallerDep, ServicesDep
from api.models import RequestBody, rfc3339
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from domain.compose.check import DEFAULT_CONTENT_BYTES, MAX_BODY_CHARS
from domain.drafts import DraftTooLargeError, ReplyDraft
from domain.errors import ConflictError
from mail_reply.people import owner_of
from mail_reply.reply_form import BODY_LIMIT_BYTES, MAX_ATTACHMENTS, Recipient
from mail_reply.sources import incident_of
from mail_reply.uploads import add_file, change_draft, drop_files, stored_draft

router = APIRouter(tags=["Replies"])
_PATH = "/api/incidents/{incident_id}/replies/drafts"
_DRAFT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,200}", re.ASCII)
_MAX_NAME_CHARS = 1_000
_People = Annotated[list[str | Recipient], Field(max_length=2_000)]


class DraftForm(RequestBody):
    """As far as it is written; nothing is checked before it is sent."""

    mode: Literal["reply", "replyAll", "forward", "new"] = "reply"
    in_reply_to: Annotated[str, Field(max_length=200)] | None = None
    to: _People | None = None
    cc: _People | None = None
    bcc: _People | None = None
    subject: Annotated[str, Field(max_length=4_000)] | None = None
    html: Annotated[str, Field(max_length=MAX_BODY_CHARS)] = ""
    text: Annotated[str, Field(max_length=MAX_BODY_CHARS)] = ""
    include_attachments: bool = True


@router.get(_PATH, summary="Your drafts in this incident")
@needs(Permission.MAILS_REPLY)
def list_drafts(incident_id: IncidentId, services: ServicesDep, caller: CallerDep) -> dict[str, Any]:
    """At most 100. Nobody sees another one's."""
    incident_of(services, incident_id)
    found = services.drafts.of_owner(incident_id, owner_of(caller))
    return {"items": [_json(one) for one in found], "nextCursor": None}


@router.get(f"{_PATH}/{{draft_id}}", summary="A draft of yours")
@needs(Permission.MAILS_REPLY)
def read_draft(
    incident_id: IncidentId, draft_id: str, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """With its files."""
    return _json(stored_draft(services, caller, incident_id, draft_id).value)


@router.put(
    f"{_PATH}/{{draft_id}}",
    summary="Keep a draft",
    responses={201: {"description": "It is new", "content": {"application/json": {}}}},
)
@needs(Permission.MAILS_REPLY, body_limit_bytes=BODY_LIMIT_BYTES)
def write_draft(
    incident_id: IncidentId, draft_id: str, form: DraftForm, services: ServicesDep, caller: CallerDep
) -> JSONResponse:
    """201 for a new one, under an id of yours: letters, digits, `-` and `_`. Its files stay."""
    if not _DRAFT_ID.fullmatch(draft_id):
        detail = "1 to 64 letters, digits, hyphens and underscores."
        raise Problem.of_fields([FieldError("id", "BadDraftId", detail)])
    incident_of(services, incident_id)
    owner, now = owner_of(caller), services.clock.now()
    content = json.dumps(form.model_dump(mode="json", by_alias=True, exclude_none=True))
    new = ReplyDraft(draft_id, incident_id, owner, now, content)
    stored = services.drafts.read(incident_id, owner, draft_id)
    if stored is None:
        try:
            return JSONResponse(_json(services.drafts.save(new, None).value), status_code=201)
        except DraftTooLargeError:
            raise Problem(413, "DraftTooLarge", "A draft's text may have about 400,000 characters.") from None
        except ConflictError:
            stored = stored_draft(services, caller, incident_id, draft_id)
    saved = change_draft(services, stored, lambda draft: replace(draft, content=content, saved_at=now))
    return JSONResponse(_json(saved.value))


@router.delete(f"{_PATH}/{{draft_id}}", summary="Throw a draft away", status_code=204)
@needs(Permission.MAILS_REPLY)
def delete_draft(
    incident_id: IncidentId, draft_id: str, services: ServicesDep, caller: CallerDep
) -> Response:
    """Files of a reply that was made of it stay with the reply."""
    draft = stored_draft(services, caller, incident_id, draft_id).value
    services.drafts.delete(draft)
    drop_files(services, draft, list(draft.files))
    return Response(status_code=204)


@router.put(f"{_PATH}/{{draft_id}}/attachments/{{number}}", summary="Upload a file of a draft")
@needs(Permission.MAILS_REPLY, body_limit_bytes=DEFAULT_CONTENT_BYTES)
async def upload_file(
    request: Request,
    incident_id: IncidentId,
    draft_id: str,
    number: str,
    services: ServicesDep,
    caller: CallerDep,
    name: Annotated[str, Query(max_length=_MAX_NAME_CHARS)] = "",
    content_id: Annotated[
        str | None, Query(alias="contentId", description="For an image that the HTML names by `cid:`.")
    ] = None,
) -> dict[str, Any]:
    """The raw bytes as the body, their type as `Content-Type`. `number` is 0 to 99; another upload of the
    same number replaces the file. All files together have at most 25 MB."""
    place = _number(number)
    if content_id is not None and not _CONTENT_ID.fullmatch(content_id):
        detail = "A Content-ID holds ASCII letters, digits and signs only."
        raise Problem.of_fields([FieldError("contentId", "NotAContentId", detail)])
    stored = await run_in_threadpool(stored_draft, services, caller, incident_id, draft_id)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > DEFAULT_CONTENT_BYTES:
            raise Problem(413, "AttachmentsTooLarge", "All files of a mail have at most 25 MB.")
    saved = await run_in_threadpool(
        add_file,
        services,
        stored,
        place,
        bytes(content),
        name=name or f"attachment-{place + 1}",
        content_type=request.headers.get("content-type", "").partition(";")[0],
        content_id=content_id,
    )
    return _json(saved.value)


@router.delete(f"{_PATH}/{{draft_id}}/attachments/{{number}}", summary="Take a file out of a draft")
@needs(Permission.MAILS_REPLY)
def delete_file(
    incident_id: IncidentId, draft_id: str, number: str, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """Absent is fine."""
    place = _number(number)
    stored = stored_draft(services, caller, incident_id, draft_id)
    gone = [one for one in stored.value.files if one.number == place]

    def change(draft: ReplyDraft) -> ReplyDraft:
        return replace(draft, files=tuple(one for one in draft.files if one.number != place))

    saved = change_draft(services, stored, change)
    drop_files(services, stored.value, gone)
    return _json(saved.value)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) < MAX_ATTACHMENTS):
        raise Problem.of_fields(
            [FieldError("number", "OutOfRange", f"A file's number is 0 to {MAX_ATTACHMENTS - 1}.")]
        )
    return int(text)


def _json(draft: ReplyDraft) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(draft.content)
    return content | {
        "id": draft.id,
        "savedAt": rfc3339(draft.saved_at),
        "attachments": [
            {
                "number": one.number,
                "name": one.name,
                "contentType": one.content_type,
                "size": one.size_bytes,
                "contentId": one.content_id,
            }
            for one in draft.files
        ],
    }
