"""A mailbox's folders as the API shows them: the live tree, what is selected, and how far each has been
read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from api.models import rfc3339
from domain.folder_sync import FolderCounts, FolderSync
from domain.mailboxes import FolderSelection
from domain.server_items import MailFolder

INBOX = "inbox"


def shown_folders(tree: Iterable[MailFolder]) -> list[MailFolder]:
    """Hidden folders, search folders and those that hold no mail are left out."""
    return [folder for folder in tree if folder.is_mail and not folder.is_hidden]


def folder_items(
    folders: Sequence[MailFolder], selection: FolderSelection | None, syncs: Iterable[FolderSync]
) -> list[dict[str, object]]:
    """The tree in its order, then selected folders that have gone. While nothing was chosen, Inbox is
    selected."""
    by_id = {sync.folder_id: sync for sync in syncs}
    selected = {one.folder_id for one in selection.folders} if selection else set()
    items = [
        _item(
            folder_id=folder.id,
            path=folder.path,
            name=folder.name,
            total_count=folder.total_count,
            selected=folder.id in selected if selection else folder.well_known == INBOX,
            gone=False,
            well_known=folder.well_known,
            sync=by_id.get(folder.id),
        )
        for folder in folders
    ]
    present = {folder.id for folder in folders}
    gone = [one for one in selection.folders if one.folder_id not in present] if selection else []
    items += [
        _item(
            folder_id=one.folder_id,
            path=one.path,
            name=one.path.rpartition("/")[2],
            total_count=None,
            selected=True,
            gone=True,
            well_known=None,
            sync=by_id.get(one.folder_id),
        )
        for one in gone
    ]
    return items


def selected_items(selection: FolderSelection | None, syncs: Iterable[FolderSync]) -> list[dict[str, object]]:
    """What is selected, for when the tree cannot be had: whether a folder has gone is what the last poll
    saw."""
    by_id = {sync.folder_id: sync for sync in syncs}
    items = []
    for one in selection.folders if selection else ():
        sync = by_id.get(one.folder_id)
        items.append(
            _item(
                folder_id=one.folder_id,
                path=one.path,
                name=one.path.rpartition("/")[2],
                total_count=None,
                selected=True,
                gone=bool(sync and sync.gone_since),
                well_known=None,
                sync=sync,
            )
        )
    return items


def counts_json(counts: FolderCounts) -> dict[str, int]:
    """A folder's counts."""
    return {
        "seen": counts.seen,
        "tracked": counts.tracked,
        "other": counts.other,
        "waiting": counts.waiting,
        "unreadable": counts.unreadable,
        "outsideWindow": counts.outside_window,
        "removed": counts.removed,
        "removedOther": counts.removed_other,
    }


def _item(
    *,
    folder_id: str,
    path: str,
    name: str,
    total_count: int | None,
    selected: bool,
    gone: bool,
    well_known: str | None,
    sync: FolderSync | None,
) -> dict[str, object]:
    return {
        "id": folder_id,
        "path": path,
        "name": name,
        "totalCount": total_count,
        "selected": selected,
        "gone": gone,
        "wellKnown": well_known,
        "lastSyncedAt": rfc3339(sync.synced_at) if sync else None,
        "counts": counts_json(sync.counts) if sync else None,
    }
