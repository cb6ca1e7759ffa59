"""Saves which folders are polled: selection and activity log entry in one transaction, then the poll is asked
for.

Checkpoints of folders that are no longer selected stay, so that selecting one again goes on where it stopped.
Dies after the transaction: the next poll, at most an interval later, takes the selection up.
"""

from __future__ import annotations

from collections.abc import Sequence

from api.caller import Caller
from api.dependencies import activity
from api.etags import check_if_match, entity_tag, stale
from api.problems import FieldError, Problem
from api.services import Services
from config_api.folder_list import shown_folders
from config_api.poll_request import poll_now
from domain.errors import BoundaryError, ConflictError
from domain.mailboxes import FolderSelection, MailboxConfiguration, SelectedFolder
from domain.server_items import MailFolder


def save_folders(
    services: Services,
    caller: Caller,
    stored: MailboxConfiguration,
    folder_ids: Sequence[str],
    if_match: str | None,
    tree: list[MailFolder] | BoundaryError,
) -> MailboxConfiguration:
    """`tree`: the live one, or why it cannot be had; then only what was selected before can be kept.

    Raises `Problem` for preconditions and unknown folders, the tree's error where it is needed, and what
    storage raises. Answers the mailbox as it now is.
    """
    mailbox_id = stored.settings.mailbox_id
    if stored.selection is not None or if_match is not None:
        check_if_match(if_match, entity_tag(stored.folders_etag), selection_json(stored.selection))
    selection = FolderSelection(tuple(_selected(stored.selection, folder_ids, tree)))
    entry = activity(
        services,
        caller,
        "mailbox.foldersSelected",
        f"mailbox/{mailbox_id}",
        selection_json(stored.selection),
        selection_json(selection),
    )
    try:
        services.mailboxes.save_selection(mailbox_id, selection, stored.folders_etag, entry)
    except ConflictError:
        current = services.mailboxes.read(mailbox_id)
        if current is None:
            raise Problem.not_found("The mailbox") from None
        raise stale(entity_tag(current.folders_etag), selection_json(current.selection)) from None
    if stored.settings.enabled:
        poll_now(services, mailbox_id)
    current = services.mailboxes.read(mailbox_id)
    if current is None:
        raise Problem.not_found("The mailbox")
    return current


def selection_json(selection: FolderSelection | None) -> dict[str, object]:
    """The selection alone; `folders` is null while nothing was chosen."""
    if selection is None:
        return {"folders": None}
    return {"folders": [{"id": one.folder_id, "path": one.path} for one in selection.folders]}


def _selected(
    before: FolderSelection | None, folder_ids: Sequence[str], tree: list[MailFolder] | BoundaryError
) -> list[SelectedFolder]:
    known = {one.folder_id: one.path for one in before.folders} if before else {}
    wanted = list(dict.fromkeys(folder_ids))
    if isinstance(tree, BoundaryError):
        if not known.keys() >= set(wanted):
            raise tree
    else:
        shown = shown_folders(tree)
        known |= {folder.id: folder.path for folder in shown}
        aliases = {folder.well_known: folder.id for folder in shown if folder.well_known}
        wanted = list(dict.fromkeys(one if one in known else aliases.get(one, one) for one in wanted))
    errors = [
        FieldError(f"folders.{position}", "UnknownFolder", "The mailbox has no such mail folder.")
        for position, folder_id in enumerate(wanted)
        if folder_id not in known
    ]
    if errors:
        raise Problem.of_fields(errors)
    return [SelectedFolder(folder_id, known[folder_id]) for folder_id in wanted]
