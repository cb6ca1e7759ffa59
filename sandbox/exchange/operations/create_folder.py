"""CreateFolder (Microsoft: "CreateFolder operation")."""

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.folder_shapes import ID_ONLY, FolderView
from sandbox.exchange.folder_tree import insert_folder, plain_folder
from sandbox.exchange.soap import T, failure, response, success

_CLASSES = {
    "Folder": "IPF.Note",
    "CalendarFolder": "IPF.Appointment",
    "ContactsFolder": "IPF.Contact",
    "TasksFolder": "IPF.Task",
}


def create_folder(context: Context, request: etree._Element) -> Answer:
    """New folders under one folder, each on its own."""
    messages = []
    for node in id_nodes(request, "Folders"):
        try:
            messages.append(_create(context, request, node))
        except ItemError as error:
            messages.append(failure("CreateFolder", error))
    return [response("CreateFolder", messages)]


def _create(context: Context, request: etree._Element, node: etree._Element) -> str:
    parent = context.target_folder(request, "ParentFolderId")
    kind = str(node.tag).removeprefix(T)
    name = node.findtext(T + "DisplayName", "").strip()
    if parent is None or kind not in _CLASSES or not name:
        raise RequestError("ErrorSchemaValidation", "The request failed schema validation: CreateFolder.")
    store = context.store
    with store.transaction():
        if store.folders("parent = ? AND name = ? COLLATE NOCASE", (parent.id, name)):
            raise ItemError("ErrorFolderExists")
        folder_class = node.findtext(T + "FolderClass", "").strip() or _CLASSES[kind]
        number = insert_folder(store, context.mailbox.id, parent.id, plain_folder(name, folder_class, kind))
        created = store.folders("id = ?", (number,))[0]
    written = ID_ONLY.folder(created, FolderView(store, context.ids))
    return success("CreateFolder", f"<m:Folders>{written}</m:Folders>")
