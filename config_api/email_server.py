"""Routes of the **Email Server**: which way mail goes out."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.permissions import Permission, needs
from config_api.email_server_form import EmailServerForm
from config_api.mailboxes import IfMatch
from config_api.save_email_server import EMAIL_SERVER, save_email_server

router = APIRouter(tags=["Settings"])
_PATH = "/api/config/email-server"


@router.get(_PATH, summary="Which way mail goes out")
@needs(Permission.CONFIGURATIONS_READ)
def read_email_server(services: ServicesDep) -> JSONResponse:
    """Everything but the password. By EWS, the configured mailbox itself, until an admin says otherwise."""
    return EMAIL_SERVER.answer(EMAIL_SERVER.read(services))


@router.put(_PATH, summary="Set which way mail goes out")
@needs(Permission.CONFIGURATIONS_UPDATE)
def write_email_server(
    form: EmailServerForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Needs If-Match. Settings and password are stored together or not at all."""
    return EMAIL_SERVER.answer(save_email_server(services, caller, form, if_match))
