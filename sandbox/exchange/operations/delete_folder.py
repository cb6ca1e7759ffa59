"""DeleteFolder (Microsoft: "DeleteFolder operation")."""

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.folder_tree import place_folder, remove_folder
from sandbox.exchange.schema import Folder
from sandbox.exchange.soap import failure, response, success


def delete_folder(context: Context, request: etree._Element) -> Answer:
    """Delete folders with all that is in them, each on its own."""
    kind = request.get("DeleteType", "")
    if kind not in ("HardDelete", "SoftDelete", "MoveToDeletedItems"):
        raise RequestError("ErrorSchemaValidation", "The request failed schema validation: DeleteType.")
    messages = []
    for node in id_nodes(request, "FolderIds"):
        try:
            _delete(context, context.resolve_folder(node), kind)
            messages.append(success("DeleteFolder"))
        except ItemError as error:
            messages.append(failure("DeleteFolder", error))
    return [response("DeleteFolder", messages)]


def _delete(context: Context, folder: Folder, kind: str) -> None:
    if folder.wellknown is not None:
        raise ItemError("ErrorDeleteDistinguishedFolder")
    if kind == "MoveToDeletedItems":
        place_folder(context.store, folder, context.wellknown("deleteditems"))
    else:
        remove_folder(context.store, folder)
