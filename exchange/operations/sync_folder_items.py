"""SyncFolderItems (Microsoft: "SyncFolderItems operation"): what changed in a folder since a sync state."""

from __future__ import annotations

from collections.abc import Sequence

from domain.server_items import Change, ChangeKind, ChangePage
from exchange.answer_parser import Node, malformed
from exchange.errors import message_error
from exchange.properties import SUMMARY, TIMES, additional
from exchange.soap import folder_id
from exchange.summaries import item_id, summary
from exchange.xml_text import escape

MAX_CHANGES = 512
_KINDS = {
    "Create": ChangeKind.CREATE,
    "Update": ChangeKind.UPDATE,
    "Delete": ChangeKind.DELETE,
    "ReadFlagChange": ChangeKind.READ_FLAG,
}


def request(folder: str, sync_state: str | None, limit: int, *, ids_only: bool) -> str:
    """`limit`: 1 to `MAX_CHANGES`. `ids_only` asks for ids and times alone."""
    state = f"<m:SyncState>{escape(sync_state)}</m:SyncState>" if sync_state else ""
    return (
        "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>"
        f"{additional(TIMES if ids_only else SUMMARY)}</m:ItemShape>"
        f"<m:SyncFolderId>{folder_id(folder)}</m:SyncFolderId>{state}"
        f"<m:MaxChangesReturned>{min(max(limit, 1), MAX_CHANGES)}</m:MaxChangesReturned>"
        "<m:SyncScope>NormalItems</m:SyncScope></m:SyncFolderItems>"
    )


def parse(messages: Sequence[Node]) -> ChangePage:
    """Raises `SyncStateInvalidError`, `FolderGoneError` among others."""
    if len(messages) != 1:
        raise malformed("SyncFolderItems: not one answer")
    message = messages[0]
    if error := message_error(message):
        raise error
    changes: list[Change] = []
    sync_state = complete = ""
    for part in message.children:
        if part.name == "Changes":
            changes = [_change(node) for node in part.children if node.name in _KINDS]
        elif part.name == "SyncState":
            sync_state = part.text
        elif part.name == "IncludesLastItemInRange":
            complete = part.text.strip().lower()
    if not sync_state or not complete:
        raise malformed("SyncFolderItems: no sync state")
    return ChangePage(tuple(changes), sync_state, complete in ("true", "1"))


def _change(node: Node) -> Change:
    kind = _KINDS[node.name]
    if kind is ChangeKind.DELETE or kind is ChangeKind.READ_FLAG:
        return Change(kind, item_id(node))
    if not node.children:
        raise malformed("SyncFolderItems: a change without an item")
    found = summary(node.children[0])
    return Change(kind, found.item_id, found)
