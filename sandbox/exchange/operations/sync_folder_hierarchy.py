"""SyncFolderHierarchy (Microsoft: "SyncFolderHierarchy operation"): which folders came, changed or went."""

from lxml import etree

from sandbox.exchange.context import Answer, Context
from sandbox.exchange.errors import ItemError
from sandbox.exchange.folder_shapes import FolderShape, FolderView, compile_folder_shape
from sandbox.exchange.schema import CREATED, DELETED
from sandbox.exchange.soap import M, failure, response, success
from sandbox.exchange.syncstate import SyncState, parse_sync_state

_CHANGES = (
    "SELECT seq, folder, kind FROM changes WHERE mailbox = ? AND item IS NULL AND seq > ? "
    f"AND (seq > ? OR kind = {CREATED}) ORDER BY seq"
)


def sync_folder_hierarchy(context: Context, request: etree._Element) -> Answer:
    """The changes of the mailbox's folders below its top folder, and the state to go on from."""
    shape = compile_folder_shape(request)
    try:
        context.target_folder(request, "SyncFolderId")
        message = _sync(context, request, shape)
    except ItemError as error:
        message = failure("SyncFolderHierarchy", error)
    return [response("SyncFolderHierarchy", [message])]


def _sync(context: Context, request: etree._Element, shape: FolderShape) -> str:
    store, box = context.store, context.mailbox
    newest = store.count("SELECT max(seq) FROM changes WHERE mailbox = ?", (box.id,))
    text = request.findtext(M + "SyncState")
    if text and context.has_fault("stale-sync-state"):
        raise ItemError("ErrorInvalidSyncStateData")
    state = parse_sync_state(text, box.id, folders=True) if text else SyncState(box.id, 0, newest)
    kinds: dict[int, int] = {}
    for _, folder, change in store.rows(_CHANGES, (box.id, state.seen, state.first_until)):
        if change == DELETED and kinds.get(folder) == CREATED:
            del kinds[folder]
        elif kinds.get(folder) != CREATED:
            kinds[folder] = change
    view = FolderView(store, context.ids)
    written = [_written(context, shape, view, folder, kind) for folder, kind in kinds.items()]
    after = SyncState(box.id, newest, state.first_until).text(folders=True)
    return success(
        "SyncFolderHierarchy",
        f"<m:SyncState>{after}</m:SyncState><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange>"
        f"<m:Changes>{''.join(written)}</m:Changes>",
    )


def _written(context: Context, shape: FolderShape, view: FolderView, number: int, kind: int) -> str:
    if kind == DELETED:
        return f"<t:Delete>{view.id_element('FolderId', number)}</t:Delete>"
    folder = context.store.folder(number)
    if folder is None or folder.wellknown in ("root", "msgfolderroot"):
        return ""
    tag = "Create" if kind == CREATED else "Update"
    return f"<t:{tag}>{shape.folder(folder, view)}</t:{tag}>"
