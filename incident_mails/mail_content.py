"""Body, raw message and attachments of a mail as answers, whatever path they are asked at."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header, Query, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from api.problems import Problem
from api.ranges import ranged_response
from api.services import Services
from api.settings import ApiSettings
from domain.mail import Mail
from domain.mime.part_reader import decoded_size, decoded_slice
from incident_mails.body_document import BodyView, body_document, body_policy, view_body
from incident_mails.downloads import content_disposition, download_headers, safe_file_name, served_type
from incident_mails.mail_json import attachment_name

Range = Annotated[str | None, Header(alias="Range", description="One byte range (RFC 9110).")]
BodyPart = Annotated[Literal["html", "text", "headers"] | None, Query()]
RemoteImages = Annotated[bool, Query(alias="remoteImages")]


def body_answer(
    request: Request,
    services: Services,
    settings: ApiSettings,
    mail: Mail,
    *,
    path: str,
    part: str | None,
    remote_images: bool,
) -> Response:
    """An HTML document, for `Accept: application/json` the same as JSON. `path`: the mail's own, encoded."""
    attachments = f"{path}/attachments"
    view = view_body(mail, services.raw, part=part, attachments_path=attachments, remote_images=remote_images)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(_body_json(mail, view))
    policy = body_policy(
        request.headers.get("host", ""), attachments, settings.frame_ancestors, remote_images=remote_images
    )
    headers = {"Content-Security-Policy": policy, "X-Blocked-Images": str(view.blocked_images)}
    return HTMLResponse(body_document(view), headers=headers)


def raw_answer(request: Request, services: Services, mail: Mail, range_header: str | None) -> Response:
    """As the server gave it the first time. Raises 404 where it could not be had, 416."""
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


def attachment_answer(
    request: Request, services: Services, mail: Mail, position: str, range_header: str | None
) -> Response:
    """Decoded. `position` counts in the mail's `attachments`, from 0. Raises 404, 416."""
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


def _body_json(mail: Mail, view: BodyView) -> dict[str, object]:
    return {
        "id": mail.id,
        "html": view.html,
        "text": view.text,
        "quotedFrom": view.quoted_from,
        "headers": view.headers or None,
        "notices": list(view.notices),
        "blockedImages": view.blocked_images,
        "problem": {"code": mail.problem.code, "detail": mail.problem.detail} if mail.problem else None,
    }
