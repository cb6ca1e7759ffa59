"""SyncFolderItems (Microsoft: "SyncFolderItems operation"): changes of a folder since a sync state, oldest
change first.
"""

from dataclasses import dataclass, field

from lxml import etree

from sandbox.exchange.context import Answer, Context
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.fields import item_id
from sandbox.exchange.schema import CREATED, DELETED, ITEM_COLUMNS, READ_FLAG, UPDATED, Folder, Item
from sandbox.exchange.shapes import Shape, compile_shape
from sandbox.exchange.soap import M, T, failure, response, success
from sandbox.exchange.syncstate import SyncState, parse_sync_state
from sandbox.exchange.view import Mode, View

MAX_CHANGES = 512

_CHANGES = (
    f"SELECT changes.seq, changes.item, changes.kind, {ITEM_COLUMNS} FROM changes "
    "LEFT JOIN items ON items.id = changes.item WHERE changes.folder = ? AND changes.seq > ? "
    f"AND changes.item IS NOT NULL AND (changes.seq > ? OR changes.kind = {CREATED}) "
    "ORDER BY changes.seq LIMIT ?"
)


def sync_folder_items(context: Context, request: etree._Element) -> Answer:
    """The next changes of one folder, and the state to go on from."""
    shape = compile_shape(request, Mode.SYNC)
    limit = _max_changes(request)
    try:
        try:
            folder = context.target_folder(request, "SyncFolderId")
        except ItemError as error:
            gone = error.code == "ErrorFolderNotFound"
            raise (ItemError("ErrorSyncFolderNotFound") if gone else error) from error
        if folder is None:
            raise RequestError("ErrorSchemaValidation", "The request failed schema validation: SyncFolderId.")
        message = _sync(context, request, folder, shape, limit)
    except ItemError as error:
        message = failure("SyncFolderItems", error)
    return [response("SyncFolderItems", [message])]


def _max_changes(request: etree._Element) -> int:
    text = request.findtext(M + "MaxChangesReturned", "").strip()
    if not text.isdigit() or not 1 <= int(text) <= MAX_CHANGES:
        raise RequestError(
            "ErrorSchemaValidation", "The request failed schema validation: MaxChangesReturned is 1 to 512."
        )
    return int(text)


def _start(context: Context, request: etree._Element, folder: Folder) -> SyncState:
    text = request.findtext(M + "SyncState")
    if not text:
        newest = context.store.count("SELECT max(seq) FROM changes")
        return SyncState(folder.id, 0, newest)
    if context.has_fault("stale-sync-state"):
        raise ItemError("ErrorInvalidSyncStateData")
    return parse_sync_state(text, folder.id)


@dataclass(slots=True)
class _Changes:
    """The changes gathered so far, one per item; an item that is gone again is not told as created."""

    shape: Shape
    view: View
    ignored: set[int]
    by_item: dict[int, tuple[int, Item | None]] = field(default_factory=dict)
    vanished: set[int] = field(default_factory=set)

    def add(self, number: int, kind: int, item: Item | None) -> None:
        """Take one change in, in the order of their happening."""
        if number in self.ignored:
            return
        earlier = self.by_item.pop(number, None)
        if kind == DELETED:
            if number not in self.vanished and (earlier is None or earlier[0] != CREATED):
                self.by_item[number] = (DELETED, None)
        elif item is not None:
            if earlier is not None and earlier[0] in (CREATED, UPDATED):
                kind = earlier[0]
            self.by_item[number] = (kind, item)
        elif kind == CREATED:
            self.vanished.add(number)

    def written(self) -> str:
        """The Changes element."""
        parts = [self._write(number, kind, item) for number, (kind, item) in self.by_item.items()]
        return f"<m:Changes>{''.join(parts)}</m:Changes>"

    def _write(self, number: int, kind: int, item: Item | None) -> str:
        if item is None:
            return f'<t:Delete><t:ItemId Id="{self.view.ids.item(number)}" ChangeKey="{_NO_KEY}"/></t:Delete>'
        if kind == READ_FLAG:
            read = "true" if item.is_read else "false"
            return (
                f"<t:ReadFlagChange>{item_id(item, self.view)}<t:IsRead>{read}</t:IsRead></t:ReadFlagChange>"
            )
        tag = "Create" if kind == CREATED else "Update"
        return f"<t:{tag}>{self.shape.item(item, self.view)}</t:{tag}>"


_NO_KEY = "AQAAAA=="


def _sync(context: Context, request: etree._Element, folder: Folder, shape: Shape, limit: int) -> str:
    state = _start(context, request, folder)
    ignored = {
        context.ids.parse_item(node.get("Id", "")) for node in request.iterfind(f"{M}Ignore/{T}ItemId")
    }
    changes = _Changes(shape, context.view(Mode.SYNC), ignored)
    seen, complete = state.seen, False
    while not complete and len(changes.by_item) < limit:
        wanted = limit - len(changes.by_item)
        rows = context.store.rows(_CHANGES, (folder.id, seen, state.first_until, wanted + 1))
        complete = len(rows) <= wanted
        for seq, number, kind, *columns in rows[:wanted]:
            item = None if columns[0] is None else Item._make(columns)
            changes.add(number, kind, item)
            seen = seq
    items = context.store.count("SELECT count(*) FROM items WHERE folder = ?", (folder.id,))
    text = SyncState(folder.id, seen, state.first_until).text(items=items)
    last = "true" if complete else "false"
    return success(
        "SyncFolderItems",
        f"<m:SyncState>{text}</m:SyncState>"
        f"<m:IncludesLastItemInRange>{last}</m:IncludesLastItemInRange>{changes.written()}",
    )
