"""FindItem (Microsoft: "FindItem operation"): no bodies, no recipients, no full headers, text cut at 255
characters.
"""

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError
from sandbox.exchange.paging import requested_page
from sandbox.exchange.restriction import condition, order
from sandbox.exchange.schema import Folder
from sandbox.exchange.shapes import Shape, compile_shape
from sandbox.exchange.soap import M, failure, response, success
from sandbox.exchange.view import Mode


def find_item(context: Context, request: etree._Element) -> Answer:
    """Items of folders that meet the restriction, a page of them."""
    shape = compile_shape(request, Mode.FIND)
    messages = []
    for node in id_nodes(request, "ParentFolderIds"):
        try:
            messages.append(_find_in(context, request, shape, context.resolve_folder(node)))
        except ItemError as error:
            messages.append(failure("FindItem", error))
    return [response("FindItem", messages)]


def _find_in(context: Context, request: etree._Element, shape: Shape, folder: Folder) -> str:
    if request.find(M + "QueryString") is not None or request.find(M + "GroupBy") is not None:
        raise ItemError("ErrorInvalidOperation", "Query strings and grouping are not supported.")
    where, values = condition(request)
    if request.get("Traversal") != "Shallow":
        where = "0"
    store = context.store
    total = store.count(f"SELECT count(*) FROM items WHERE folder = ? AND ({where})", (folder.id, *values))
    page = requested_page(request, "IndexedPageItemView", total)
    by, by_values = order(request)
    found = store.items(
        f"WHERE folder = ? AND ({where}) ORDER BY {by} LIMIT ? OFFSET ?",
        (folder.id, *values, *by_values, page.limit, page.offset),
    )
    view = context.view(Mode.FIND)
    items = "".join([shape.item(item, view) for item in found])
    attributes = page.attributes(total, len(found))
    return success("FindItem", f"<m:RootFolder{attributes}><t:Items>{items}</t:Items></m:RootFolder>")
