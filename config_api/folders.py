"""Routes of a mailbox's folders."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.etags import entity_tag
from api.models import RequestBody
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from api.services import Services
from config_api.folder_list import folder_items, selected_items, shown_folders
from config_api.folder_page import page_of_folders
from config_api.mailboxes import IfMatch, configured_mailbox
from config_api.save_folders import save_folders
from domain.errors import BoundaryError
from domain.folder_sync import FolderSync
from domain.mailboxes import MailboxConfiguration
from domain.server_items import MailFolder

router = APIRouter(tags=["Mailbox"])
_MAX_FOLDERS = 500
_BODY_LIMIT_BYTES = 512 * 1024
_PAGE, _MAX_PAGE = 50, 100
_MAX_CURSOR_CHARS = 8_000


class FolderForm(RequestBody):
    """Which folders are polled, by the ids that `GET .../folders` gives."""

    folders: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1_000)]], Field(max_length=_MAX_FOLDERS)
    ]


@router.get("/api/config/mailboxes/{mailbox_id}/folders", summary="The mailbox's folder tree as it is now")
@needs(Permission.CONFIGURATIONS_READ)
def read_folders(
    mailbox_id: str,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = _PAGE,
    cursor: Annotated[str | None, Query(max_length=_MAX_CURSOR_CHARS)] = None,
) -> JSONResponse:
    """Depth first; selected folders that have gone are listed last, as gone. Where the server cannot be
    reached the problem holds what is selected in its member `selected`."""
    stored = configured_mailbox(services, mailbox_id)
    tree = _live_tree(services, stored)
    if isinstance(tree, BoundaryError):
        syncs = _syncs(services, mailbox_id)
        raise Problem.of_boundary(tree, {"selected": selected_items(stored.selection, syncs)})
    return _answer(services, stored, tree, limit, cursor)


@router.put("/api/config/mailboxes/{mailbox_id}/folders", summary="Choose which folders are polled")
@needs(Permission.CONFIGURATIONS_UPDATE, body_limit_bytes=_BODY_LIMIT_BYTES)
def write_folders(
    mailbox_id: str, form: FolderForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """The first choice needs no precondition, a change needs If-Match. Answers the list's first page."""
    stored = configured_mailbox(services, mailbox_id)
    tree = _live_tree(services, stored)
    saved = save_folders(services, caller, stored, form.folders, if_match, tree)
    return _answer(services, saved, tree)


def _live_tree(services: Services, stored: MailboxConfiguration) -> list[MailFolder] | BoundaryError:
    try:
        return services.servers.open(stored.settings).folder_tree()
    except BoundaryError as error:
        return error


def _answer(
    services: Services,
    stored: MailboxConfiguration,
    tree: list[MailFolder] | BoundaryError,
    limit: int = _PAGE,
    cursor: str | None = None,
) -> JSONResponse:
    syncs = _syncs(services, stored.settings.mailbox_id)
    if isinstance(tree, BoundaryError):
        items = selected_items(stored.selection, syncs)
    else:
        items = folder_items(shown_folders(tree), stored.selection, syncs)
    try:
        page, following = page_of_folders(items, limit, cursor)
    except ValueError:
        mistake = FieldError("cursor", "BadCursor", "This is no cursor of this list.")
        raise Problem.of_fields([mistake]) from None
    body = {"items": page, "nextCursor": following, "chosen": stored.selection is not None}
    return JSONResponse(body, headers={"ETag": entity_tag(stored.folders_etag)})


def _syncs(services: Services, mailbox_id: str) -> list[FolderSync]:
    return [row.value for row in services.folder_syncs.read_all(mailbox_id)]
