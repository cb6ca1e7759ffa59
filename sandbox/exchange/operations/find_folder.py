"""FindFolder (Microsoft: "FindFolder operation")."""

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError
from sandbox.exchange.folder_shapes import FolderShape, FolderView, compile_folder_shape
from sandbox.exchange.paging import requested_page
from sandbox.exchange.restriction import condition
from sandbox.exchange.schema import Folder
from sandbox.exchange.soap import failure, response, success

_UNDER = (
    "WITH RECURSIVE under(id) AS (SELECT id FROM folders WHERE parent = ? "
    "UNION ALL SELECT f.id FROM folders f JOIN under ON f.parent = under.id) SELECT id FROM under"
)


def find_folder(context: Context, request: etree._Element) -> Answer:
    """Folders under other folders: right under them (Shallow) or at any depth (Deep)."""
    shape = compile_folder_shape(request)
    messages = []
    for node in id_nodes(request, "ParentFolderIds"):
        try:
            messages.append(_find_under(context, request, shape, context.resolve_folder(node)))
        except ItemError as error:
            messages.append(failure("FindFolder", error))
    return [response("FindFolder", messages)]


def _find_under(context: Context, request: etree._Element, shape: FolderShape, parent: Folder) -> str:
    where, values = condition(request, of_folders=True)
    traversal = request.get("Traversal")
    if traversal == "SoftDeleted":
        where = "0"
    ids = _UNDER if traversal == "Deep" else "SELECT id FROM folders WHERE parent = ?"
    found = context.store.folders(f"id IN ({ids}) AND ({where}) ORDER BY id", (parent.id, *values))
    page = requested_page(request, "IndexedPageFolderView", len(found))
    given = found[page.offset : page.offset + page.limit]
    view = FolderView(context.store, context.ids)
    folders = "".join(shape.folder(folder, view) for folder in given)
    attributes = page.attributes(len(found), len(given))
    return success("FindFolder", f"<m:RootFolder{attributes}><t:Folders>{folders}</t:Folders></m:RootFolder>")
