"""Routes of mailboxes' settings: the list, and each one's form."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query
from pydantic import AfterValidator, Field
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.etags import entity_tag
from api.permissions import MERGE_PATCH, Permission, needs
from api.problems import FieldError, Problem
from api.services import Services
from config_api.mailbox_form import MailboxForm
from config_api.mailbox_ids import is_mailbox_id, made_mailbox_id, mailbox_id
from config_api.mailbox_json import mailbox_json
from config_api.mistakes import for_pydantic
from config_api.patch_mailbox import patch_mailbox
from config_api.remove_mailbox import KEEP_MAIL, remove_mailbox
from config_api.save_mailbox import SavedMailbox, save_mailbox
from domain.mailboxes import DEFAULT_MAILBOX_ID, MailboxConfiguration, MailboxSettings
from domain.stored import Versioned

router = APIRouter(tags=["Mailbox"])
IfMatch = Annotated[str | None, Header(alias="If-Match", description="ETag of the version that is replaced.")]
_LIST = "/api/config/mailboxes"
_ONE = "/api/config/mailboxes/{mailbox_id}"


class NewMailboxForm(MailboxForm):
    """`POST` body: the form, and the id by which the mailbox is to be found."""

    id: Annotated[str, AfterValidator(for_pydantic(mailbox_id))] | None = Field(
        None, description="a to z, 0 to 9 and hyphens, at most 40; left out: one is made."
    )


def configured_mailbox(services: Services, mailbox_id: str) -> MailboxConfiguration:
    """Raises 404 where there is none."""
    stored = services.mailboxes.read(mailbox_id) if is_mailbox_id(mailbox_id) else None
    if stored is None:
        raise _not_configured()
    return stored


def _configured_settings(services: Services, mailbox_id: str) -> Versioned[MailboxSettings]:
    """One point read. Raises 404 where there is none."""
    stored = services.mailboxes.read_settings(mailbox_id) if is_mailbox_id(mailbox_id) else None
    if stored is None:
        raise _not_configured()
    return stored


def _not_configured(detail: str = "This mailbox is not configured.") -> Problem:
    return Problem(404, "MailboxNotConfigured", detail)


@router.get(_LIST, summary="All mailboxes, `default` first")
@needs(Permission.CONFIGURATIONS_READ)
def list_mailboxes(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, Any]:
    """Each as `GET` of it alone shows it. A page may hold fewer than asked for though more follow."""
    ids = services.mailboxes.list_ids()
    if cursor:
        if not is_mailbox_id(cursor):
            mistake = FieldError("cursor", "BadCursor", "This is no cursor of this list.")
            raise Problem.of_fields([mistake])
        ids = [one for one in ids if _place(one) > _place(cursor)]
    today = services.clock.now().date()
    stored = (services.mailboxes.read_settings(one) for one in ids[:limit])
    return {
        "items": [mailbox_json(one.value, today) for one in stored if one],
        "nextCursor": ids[limit - 1] if len(ids) > limit else None,
    }


def _place(one: str) -> tuple[bool, str]:
    return one != DEFAULT_MAILBOX_ID, one


@router.post(_LIST, summary="Configure another mailbox", status_code=201)
@needs(Permission.CONFIGURATIONS_UPDATE)
def add_mailbox(form: NewMailboxForm, services: ServicesDep, caller: CallerDep) -> JSONResponse:
    """409 where the id is taken. Settings and secret are stored together or not at all."""
    chosen = form.id or made_mailbox_id()
    if services.mailboxes.read_settings(chosen) is not None:
        raise Problem(409, "MailboxExists", f"There is a mailbox {chosen} already; choose another id.")
    return _answer(services, save_mailbox(services, caller, chosen, form, None))


@router.get(_ONE, summary="The mailbox's settings")
@needs(Permission.CONFIGURATIONS_READ)
def read_mailbox(mailbox_id: str, services: ServicesDep) -> JSONResponse:
    """Everything but the secret key, with an ETag for the next change."""
    stored = _configured_settings(services, mailbox_id)
    body = mailbox_json(stored.value, services.clock.now().date())
    return JSONResponse(body, headers={"ETag": entity_tag(stored.etag)})


@router.put(
    _ONE,
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
    if mailbox_id != DEFAULT_MAILBOX_ID and not (
        is_mailbox_id(mailbox_id) and services.mailboxes.read_settings(mailbox_id)
    ):
        raise _not_configured(f"This mailbox is not configured. POST {_LIST} makes one.")
    return _answer(services, save_mailbox(services, caller, mailbox_id, form, if_match))


@router.patch(_ONE, summary="Change single fields of the mailbox's settings")
@needs(Permission.CONFIGURATIONS_UPDATE, media_type=MERGE_PATCH)
def change_mailbox(
    mailbox_id: str,
    patch: Annotated[
        dict[str, Any],
        Body(
            media_type=MERGE_PATCH,
            description="Fields of MailboxForm. What is left out stays; null means the default.",
        ),
    ],
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> JSONResponse:
    """JSON Merge Patch (RFC 7396); needs If-Match. `secretKey` may be sent alone: the key is rotated."""
    stored = _configured_settings(services, mailbox_id)
    return _answer(services, patch_mailbox(services, caller, stored, patch, if_match))


@router.delete(_ONE, summary="Take the mailbox out of the configuration")
@needs(Permission.CONFIGURATIONS_UPDATE)
def delete_mailbox(
    mailbox_id: str,
    services: ServicesDep,
    caller: CallerDep,
    confirm: Annotated[
        str | None, Query(max_length=100, description=f"Has to be {KEEP_MAIL}: its stored mail stays.")
    ] = None,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Needs If-Match. Polling stops, stored mail stays as evidence, the secret's version is disabled in Key
    Vault; `warnings` says so where that failed."""
    stored = _configured_settings(services, mailbox_id)
    return remove_mailbox(services, caller, stored, if_match, confirm)


def _answer(services: Services, saved: SavedMailbox) -> JSONResponse:
    body = mailbox_json(saved.settings, services.clock.now().date())
    headers = {"ETag": saved.etag}
    if saved.created:
        headers["Location"] = f"{_LIST}/{saved.settings.mailbox_id}"
    return JSONResponse(body, status_code=201 if saved.created else 200, headers=headers)
