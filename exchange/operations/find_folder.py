"""FindFolder (Microsoft: "FindFolder operation"): the folder tree, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exchange.answer_parser import Node, malformed
from exchange.errors import message_error
from exchange.properties import FOLDER, IS_HIDDEN, additional
from exchange.soap import ROOT, folder_id
from exchange.values import extended_values, integer

_MAIL_CLASS = "IPF.Note"


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder as FindFolder lists it, not yet placed in the tree."""

    id: str
    parent_id: str
    name: str
    total_count: int
    child_folder_count: int
    is_mail: bool
    is_hidden: bool
    well_known: str | None


@dataclass(frozen=True, slots=True)
class FolderPage:
    """`next_offset` is None after the last page."""

    folders: tuple[FoundFolder, ...]
    next_offset: int | None


def request(offset: int, limit: int) -> str:
    """All folders below the mailbox's root at any depth, `limit` of them from `offset` on."""
    return (
        '<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>'
        f"{additional(FOLDER)}</m:FolderShape>"
        f'<m:IndexedPageFolderView MaxEntriesReturned="{limit}" Offset="{offset}" BasePoint="Beginning"/>'
        f"<m:ParentFolderIds>{folder_id(ROOT)}</m:ParentFolderIds></m:FindFolder>"
    )


def parse(messages: Sequence[Node], offset: int) -> FolderPage:
    """The page that was asked for at `offset`."""
    if len(messages) != 1:
        raise malformed("FindFolder: not one answer")
    if error := message_error(messages[0]):
        raise error
    root = messages[0].find("RootFolder")
    listed = root.find("Folders") if root is not None else None
    if root is None or listed is None:
        raise malformed("FindFolder: no list of folders")
    folders = tuple(_folder(node) for node in listed.children)
    if root.attributes.get("IncludesLastItemInRange", "").lower() in ("true", "1"):
        return FolderPage(folders, None)
    next_offset = integer(root.attributes.get("IndexedPagingOffset", "")) or offset + len(folders)
    if next_offset <= offset:
        raise malformed("FindFolder: paging does not go on")
    return FolderPage(folders, next_offset)


def _folder(node: Node) -> FoundFolder:
    own, parent = node.find("FolderId"), node.find("ParentFolderId")
    if own is None or "Id" not in own.attributes:
        raise malformed("FindFolder: a folder without an id")
    folder_class = node.text_of("FolderClass")
    return FoundFolder(
        id=own.attributes["Id"],
        parent_id=parent.attributes.get("Id", "") if parent is not None else "",
        name=node.text_of("DisplayName"),
        total_count=integer(node.text_of("TotalCount")),
        child_folder_count=integer(node.text_of("ChildFolderCount")),
        is_mail=node.name == "Folder" and _holds_mail(folder_class),
        is_hidden=extended_values(node).get(IS_HIDDEN[0], "").lower() in ("true", "1"),
        well_known=node.text_of("DistinguishedFolderId") or None,
    )


def _holds_mail(folder_class: str) -> bool:
    """Folders made by IMAP clients have no class and hold mail."""
    return folder_class in ("", _MAIL_CLASS) or folder_class.startswith(_MAIL_CLASS + ".")
