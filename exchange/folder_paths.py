"""Places folders in their tree: paths of display names, depth first."""

from __future__ import annotations

from collections.abc import Iterable

from domain.server_items import MailFolder
from exchange.operations.find_folder import FoundFolder

MAX_DEPTH = 300
"""Exchange's own limit on the depth of a folder tree."""


def escape_name(name: str) -> str:
    r"""A display name within a path: `a/b` becomes `a\/b`, so that paths stay one to one."""
    return name.replace("\\", "\\\\").replace("/", "\\/")


def place(folders: Iterable[FoundFolder]) -> list[MailFolder]:
    """The tree depth first, siblings by name. Folders whose parent is not listed are at the top."""
    by_id = {folder.id: folder for folder in folders}
    children: dict[str, list[FoundFolder]] = {}
    for folder in by_id.values():
        children.setdefault(folder.parent_id if folder.parent_id in by_id else "", []).append(folder)
    for siblings in children.values():
        siblings.sort(key=lambda folder: (folder.name.casefold(), folder.id), reverse=True)
    placed: list[MailFolder] = []
    waiting = [(folder, "", 1) for folder in children.get("", [])]
    while waiting:
        folder, above, depth = waiting.pop()
        path = f"{above}/{escape_name(folder.name)}" if above else escape_name(folder.name)
        placed.append(
            MailFolder(
                id=folder.id,
                path=path,
                name=folder.name,
                parent_id=folder.parent_id or None,
                total_count=folder.total_count,
                child_folder_count=folder.child_folder_count,
                is_mail=folder.is_mail,
                is_hidden=folder.is_hidden,
                well_known=folder.well_known,
            )
        )
        if depth < MAX_DEPTH:
            waiting.extend((child, path, depth + 1) for child in children.get(folder.id, ()))
    return placed
