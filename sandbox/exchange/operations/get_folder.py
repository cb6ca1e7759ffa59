"""GetFolder (Microsoft: "GetFolder operation")."""

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError
from sandbox.exchange.folder_shapes import FolderView, compile_folder_shape
from sandbox.exchange.soap import failure, response, success


def get_folder(context: Context, request: etree._Element) -> Answer:
    """Properties of folders by id, each on its own."""
    shape = compile_folder_shape(request)
    view = FolderView(context.store, context.ids)
    messages = []
    for node in id_nodes(request, "FolderIds"):
        try:
            written = shape.folder(context.resolve_folder(node), view)
            messages.append(success("GetFolder", f"<m:Folders>{written}</m:Folders>"))
        except ItemError as error:
            messages.append(failure("GetFolder", error))
    return [response("GetFolder", messages)]
