"""Routes of an incident's replies: send, preview, look at what became of them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Query
from starlette.responses import JSONResponse

from api.caller import Caller
from api.dependencies import CallerDep, ServicesDep
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from api.services import Services
from domain.compose.build import Composed
from domain.compose.mime import header_bytes
from domain.mail import Address
from domain.outbox import OutboxEntry
from domain.stored import Versioned
from mail_reply.enqueue import KeyReusedError, Request, enqueue, entry_id_of, standing_entry
from mail_reply.guards import check_questions, check_rate, questions
from mail_reply.reply_form import BODY_LIMIT_BYTES, ReplyForm, check_fields
from mail_reply.reply_json import reply_json
from mail_reply.sources import Sources, incident_of, read_sources, shown_incidents
from mail_reply.uploads import uploaded_parts
from mail_reply.write_reply import own_message_id, write_reply

router = APIRouter(tags=["Replies"])
_PATH = "/api/incidents/{incident_id}/replies"
_KEY = re.compile(r"[!-~][ -~]{0,199}", re.ASCII)
_ENTRY_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A name that you give this request, such as a GUID: sent again, at any time, it answers "
        "with the same reply.",
    ),
]


@router.post(_PATH, summary="Send a reply, a forward or a new mail", status_code=202)
@needs(Permission.MAILS_REPLY, body_limit_bytes=BODY_LIMIT_BYTES)
def send_reply(
    incident_id: IncidentId,
    form: ReplyForm,
    services: ServicesDep,
    caller: CallerDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """202: it is queued, and `Location` says what becomes of it. The same `Idempotency-Key` with the same
    body answers the same reply, with another body 422. 409 asks for a confirmation: see `confirmations`."""
    entry_id = entry_id_of("reply", caller.id, caller.acting_for or "", incident_id, needed_key(key))
    digest = form.digest()
    try:
        standing = standing_entry(services, entry_id, digest)
        if standing is not None:
            return accepted(standing)
        check_fields(form)
        sources = read_sources(services, incident_id, form)
        composed = _composed(services, caller, sources, form, entry_id, use=True)
        check_questions(form, caller, questions(services, caller, sources, form, composed.message))
        check_rate(services, incident_id)
        request = _request(caller, sources, form, entry_id)
        return accepted(enqueue(services, request, composed.message))
    except KeyReusedError:
        raise key_reused() from None


@router.post(f"{_PATH}/preview", summary="The mail that would go out")
@needs(Permission.MAILS_REPLY, body_limit_bytes=BODY_LIMIT_BYTES)
def preview_reply(
    incident_id: IncidentId,
    form: ReplyForm,
    services: ServicesDep,
    caller: CallerDep,
    key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Nothing is stored or sent. Recipients, header and bodies are those of the mail that a POST of the same
    makes (with the same `Idempotency-Key` its Message-ID too). Show `html` in a sandboxed frame."""
    check_fields(form)
    sources = read_sources(services, incident_id, form)
    name = needed_key(key) if key is not None else ""
    entry_id = entry_id_of("reply", caller.id, caller.acting_for or "", incident_id, name)
    composed = _composed(services, caller, sources, form, entry_id, use=False)
    asked = questions(services, caller, sources, form, composed.message)
    return preview_json(composed) | {"confirmations": [one.json() for one in asked]}


@router.get(_PATH, summary="An incident's replies and notifications, newest first")
@needs(Permission.MAILS_READ)
def list_replies(
    incident_id: IncidentId,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
) -> dict[str, Any]:
    """Those of incidents that are merged into this one follow after its own."""
    ids = shown_incidents(services, incident_of(services, incident_id))
    at, _, within = (cursor or "0.").partition(".")
    try:
        place = int(at) if at.isascii() and len(at) < 6 else -1
        if not 0 <= place < len(ids):
            raise ValueError(at)
        entries, following = services.outbox.of_incident(ids[place], limit=limit, cursor=within or None)
    except ValueError:
        raise Problem.of_fields(
            [FieldError("cursor", "BadCursor", "This is no cursor of this list.")]
        ) from None
    after = f"{place}.{following}" if following else f"{place + 1}." if place + 1 < len(ids) else None
    return {"items": [reply_json(one) for one in entries], "nextCursor": after}


@router.get(f"{_PATH}/{{reply_id}}", summary="What became of a reply")
@needs(Permission.MAILS_READ)
def read_reply(incident_id: IncidentId, reply_id: str, services: ServicesDep) -> dict[str, Any]:
    """State, outcome for each recipient, history, and the remedy where something is wrong."""
    return reply_json(stored_reply(services, incident_id, reply_id).value)


def stored_reply(services: Services, incident_id: str, reply_id: str) -> Versioned[OutboxEntry]:
    """Raises 404, also for a reply of another incident."""
    ids = shown_incidents(services, incident_of(services, incident_id))
    stored = services.outbox.read(reply_id) if _ENTRY_ID.fullmatch(reply_id) else None
    if stored is None or stored.value.incident_id not in ids:
        raise Problem.not_found("The reply")
    return stored


def needed_key(key: str | None) -> str:
    """Raises 400."""
    if key is None or not _KEY.fullmatch(key):
        raise Problem(
            400,
            "IdempotencyKeyMissing" if key is None else "BadIdempotencyKey",
            "Send an Idempotency-Key of 1 to 200 printable characters, so that a repeated request sends "
            "nothing twice.",
        )
    return key


def key_reused() -> Problem:
    """422: the key has a mail of its own."""
    return Problem(
        422,
        "IdempotencyKeyReused",
        "This Idempotency-Key came with another request before. A new mail needs a new key.",
    )


def accepted(entry: OutboxEntry) -> JSONResponse:
    """202 with where to look."""
    where = f"/api/incidents/{quote(entry.incident_id, safe='')}/replies/{entry.id}"
    return JSONResponse(reply_json(entry), status_code=202, headers={"Location": where})


def preview_json(composed: Composed) -> dict[str, Any]:
    """The message as it is."""
    message = composed.message
    return {
        "from": _person(message.sender),
        "to": [_person(one) for one in message.to],
        "cc": [_person(one) for one in message.cc],
        "bcc": [_person(one) for one in message.bcc],
        "subject": message.subject,
        "headers": header_bytes(message).decode("utf-8", "replace"),
        "html": message.html,
        "text": message.text,
        "attachments": [
            {"name": one.name, "contentType": one.content_type, "size": one.size_bytes, "inline": inline}
            for parts, inline in ((message.attachments, False), (message.inline, True))
            for one in parts
        ],
        "droppedImages": list(composed.dropped_images),
    }


def _composed(
    services: Services, caller: Caller, sources: Sources, form: ReplyForm, entry_id: str, *, use: bool
) -> Composed:
    uploaded = uploaded_parts(services, caller, sources.incident.id, form, use=use)
    message_id = own_message_id(services, sources, entry_id, form.digest())
    return write_reply(services, sources, form, uploaded, message_id)


def _request(caller: Caller, sources: Sources, form: ReplyForm, entry_id: str) -> Request:
    original = sources.original
    unit = (original.state.business_unit or original.mail.business_unit) if original else None
    return Request(
        entry_id=entry_id,
        digest=form.digest(),
        incident_id=sources.incident.id,
        kind="reply",
        mode=form.mode,
        mailbox_id=sources.mailbox.mailbox_id,
        created_by=caller.name,
        acting_for=caller.acting_for,
        in_reply_to=form.in_reply_to,
        business_unit=unit,
        via=sources.email_server.kind.value,
        send_after=timedelta(seconds=form.send_after_seconds),
    )


def _person(one: Address) -> dict[str, str]:
    return {"name": one.name, "address": one.address}
