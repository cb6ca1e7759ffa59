"""UpdateFolder and MoveFolder (Microsoft: "UpdateFolder operation", "MoveFolder operation"): ids stay."""

from lxml import etree

from sandbox.exchange.context import Answer, Context, first_child, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.folder_shapes import ID_ONLY, FolderView
from sandbox.exchange.folder_tree import place_folder, rename_folder
from sandbox.exchange.schema import Folder
from sandbox.exchange.soap import T, failure, response, success


def update_folder(context: Context, request: etree._Element) -> Answer:
    """Rename folders, each on its own; nothing else of a folder can be changed."""
    messages = []
    for change in id_nodes(request, "FolderChanges"):
        try:
            folder = context.resolve_folder(first_child(change))
            names = change.findall(f"{T}Updates/{T}SetFolderField/*/{T}DisplayName")
            if not names:
                raise ItemError("ErrorInvalidPropertySet")
            rename_folder(context.store, folder, (names[-1].text or "").strip())
            messages.append(success("UpdateFolder", _written(context, folder)))
        except ItemError as error:
            messages.append(failure("UpdateFolder", error))
    return [response("UpdateFolder", messages)]


def move_folder(context: Context, request: etree._Element) -> Answer:
    """Put folders under another one, each on its own."""
    messages = []
    for node in id_nodes(request, "FolderIds"):
        try:
            parent = context.target_folder(request, "ToFolderId")
            if parent is None:
                raise RequestError(
                    "ErrorSchemaValidation", "The request failed schema validation: ToFolderId."
                )
            folder = context.resolve_folder(node)
            place_folder(context.store, folder, parent)
            messages.append(success("MoveFolder", _written(context, folder)))
        except ItemError as error:
            messages.append(failure("MoveFolder", error))
    return [response("MoveFolder", messages)]


def _written(context: Context, folder: Folder) -> str:
    fresh = context.store.folder(folder.id) or folder
    written = ID_ONLY.folder(fresh, FolderView(context.store, context.ids))
    return f"<m:Folders>{written}</m:Folders>"
