"""Routes of a mailbox's settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.etags import entity_tag
from api.permissions import Permission, needs
from api.problems import Problem
from api.services import Services
from config_api.mailbox_form import MailboxForm
from config_api.mailbox_json import mailbox_json
from config_api.save_mailbox import save_mailbox
from domain.mailboxes import DEFAULT_MAILBOX_ID, MailboxConfiguration

router = APIRouter(tags=["Mailbox"])
IfMatch = Annotated[str | None, Header(alias="If-Match", description="ETag of the version that is replaced.")]


def configured_mailbox(services: Services, mailbox_id: str) -> MailboxConfiguration:
    """Raises 404 where there is none."""
    stored = services.mailboxes.read(mailbox_id) if mailbox_id == DEFAULT_MAILBOX_ID else None
    if stored is None:
        raise Problem(404, "MailboxNotConfigured", "This mailbox is not configured.")
    return stored


@router.get("/api/config/mailboxes/{mailbox_id}", summary="The mailbox's settings")
@needs(Permission.CONFIGURATIONS_READ)
def read_mailbox(mailbox_id: str, services: ServicesDep) -> JSONResponse:
    """Everything but the secret key, with an ETag for the next change."""
    stored = configured_mailbox(services, mailbox_id)
    body = mailbox_json(stored.settings, services.clock.now().date())
    return JSONResponse(body, headers={"ETag": entity_tag(stored.settings_etag)})


@router.put(
    "/api/config/mailboxes/{mailbox_id}",
    summary="Save the mailbox's settings and its secret key",
    response_model=None,
    responses={200: {"description": "Saved"}, 201: {"description": "Created"}},
)
@needs(Permission.CONFIGURATIONS_UPDATE)
def write_mailbox(
    mailbox_id: str, form: MailboxForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Creates `default` without a precondition; a change needs If-Match. Settings and secret are stored
    together or not at all, and an enabled mailbox is polled at once."""
    if mailbox_id != DEFAULT_MAILBOX_ID:
        raise Problem(404, "MailboxNotConfigured", "The only mailbox so far is `default`.")
    saved = save_mailbox(services, caller, mailbox_id, form, if_match)
    body: dict[str, Any] = mailbox_json(saved.settings, services.clock.now().date())
    return JSONResponse(body, status_code=201 if saved.created else 200, headers={"ETag": saved.etag})
