"""Routes of triage: the mails that wait for an incident, and each one's body, raw message and attachments."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from api.dependencies import ServicesDep, SettingsDep
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from api.ranges import ranged_response
from api.services import Services
from domain.mail import Mail
from incident_mails.body_document import BodyView, body_document, body_policy, view_body
from incident_mails.downloads import content_disposition, download_headers, safe_file_name, served_type
from incident_mails.mail_json import attachment_name, mail_json
from incident_mails.part_reader import decoded_size, decoded_slice

router = APIRouter(tags=["Triage"])
Range = Annotated[str | None, Header(alias="Range", description="One byte range (RFC 9110).")]
_MAX_ID_CHARS = 200
_MAX_CURSOR_CHARS = 2_000


@router.get("/api/triage", summary="Mails of business units that belong to no incident, newest first")
@needs(Permission.MAILS_READ)
def list_triage(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=_MAX_CURSOR_CHARS)] = None,
    unit: Annotated[str | None, Query(max_length=_MAX_ID_CHARS, description="Id of a business unit.")] = None,
) -> dict[str, Any]:
    """A page; `nextCursor` is null at the end."""
    try:
        page = services.mails.triage(limit=limit, cursor=cursor or None, business_unit=unit or None)
    except ValueError:
        raise Problem.of_fields(
            [FieldError("cursor", "BadCursor", "This is no cursor of this list.")]
        ) from None
    return {"items": [mail_json(mail) for mail in page.mails], "nextCursor": page.cursor}


@router.get("/api/triage/{mail_id}", summary="A mail")
@needs(Permission.MAILS_READ)
def read_mail(mail_id: str, services: ServicesDep) -> dict[str, Any]:
    """Envelope, attachments and what is known about it."""
    return mail_json(_stored(services, mail_id))


@router.get(
    "/api/triage/{mail_id}/body",
    summary="A mail's body, safe to show in a frame",
    response_class=HTMLResponse,
)
@needs(Permission.MAILS_READ)
def read_body(
    request: Request,
    mail_id: str,
    services: ServicesDep,
    settings: SettingsDep,
    part: Annotated[Literal["html", "text", "headers"] | None, Query()] = None,
    remote_images: Annotated[bool, Query(alias="remoteImages")] = False,
) -> Response:
    """An HTML document, for `Accept: application/json` the same as JSON. 200 for every stored mail; one that
    could not be read says so. Remote images are left out and counted, unless `remoteImages=1`."""
    mail = _stored(services, mail_id)
    path = f"/api/triage/{mail.id}/attachments"
    view = view_body(mail, services.raw, part=part, attachments_path=path, remote_images=remote_images)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(_body_json(mail, view))
    policy = body_policy(
        request.headers.get("host", ""), path, settings.frame_ancestors, remote_images=remote_images
    )
    headers = {"Content-Security-Policy": policy, "X-Blocked-Images": str(view.blocked_images)}
    return HTMLResponse(body_document(view), headers=headers)


@router.get("/api/triage/{mail_id}/raw", summary="The raw message, byte for byte", response_class=Response)
@needs(Permission.MAILS_READ)
def read_raw(request: Request, mail_id: str, services: ServicesDep, range_header: Range = None) -> Response:
    """As the server gave it the first time. Over 30 MB in ranges only."""
    mail = _stored(services, mail_id)
    if mail.raw_size_bytes == 0:
        raise Problem(
            404, "RawMessageMissing", "This mail could not be read from the server, so there is no message."
        )
    name = safe_file_name(f"{mail.subject or 'mail'}.eml", "mail.eml")
    return ranged_response(
        lambda offset, length: services.raw.read(mail.id, offset, length) if length else b"",
        mail.raw_size_bytes,
        range_header,
        media_type="message/rfc822",
        headers={
            "Content-Disposition": content_disposition("attachment", name),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "ETag": f'"{mail.raw_sha256}"',
        },
        send_body=not request.scope.get("respond_mailbox.head", False),
    )


@router.get(
    "/api/triage/{mail_id}/attachments/{position}", summary="An attachment, decoded", response_class=Response
)
@needs(Permission.MAILS_READ)
def read_attachment(
    request: Request, mail_id: str, position: str, services: ServicesDep, range_header: Range = None
) -> Response:
    """`position` counts in the mail's `attachments`, from 0. Over 30 MB in ranges only."""
    mail = _stored(services, mail_id)
    index = int(position) if position.isascii() and position.isdigit() and len(position) < 6 else -1
    if not 0 <= index < len(mail.attachments):
        raise Problem.not_found("The attachment")
    part = mail.parts[mail.attachments[index]]

    def read(offset: int, length: int) -> bytes:
        return services.raw.read(mail.id, offset, length) if length else b""

    name = safe_file_name(attachment_name(part, index), "attachment.bin")
    return ranged_response(
        lambda offset, length: decoded_slice(read, part, offset, length),
        decoded_size(read, part),
        range_header,
        media_type=served_type(part),
        headers=download_headers(part, name),
        send_body=not request.scope.get("respond_mailbox.head", False),
    )


def _stored(services: Services, mail_id: str) -> Mail:
    mail = services.mails.read(mail_id) if 0 < len(mail_id) <= _MAX_ID_CHARS else None
    if mail is None:
        raise Problem.not_found("The mail")
    return mail


def _body_json(mail: Mail, view: BodyView) -> dict[str, object]:
    return {
        "id": mail.id,
        "html": view.html,
        "text": view.text,
        "headers": view.headers or None,
        "notices": list(view.notices),
        "blockedImages": view.blocked_images,
        "problem": {"code": mail.problem.code, "detail": mail.problem.detail} if mail.problem else None,
    }
