"""MoveItem and CopyItem (Microsoft: "MoveItem operation", "CopyItem operation"): the item gets a new id."""

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.fields import item_id
from sandbox.exchange.mailstore import copy_item as copy_to
from sandbox.exchange.mailstore import move_item as move_to
from sandbox.exchange.rebuild import rebuild_mime
from sandbox.exchange.schema import Folder, Item
from sandbox.exchange.shapes import element_name
from sandbox.exchange.soap import M, failure, response, success
from sandbox.exchange.view import Mode


def move_item(context: Context, request: etree._Element) -> Answer:
    """Move items to another folder, each on its own."""
    return _each(context, request, "MoveItem")


def copy_item(context: Context, request: etree._Element) -> Answer:
    """Copy items to another folder, each on its own; a copy's message is rebuilt."""
    return _each(context, request, "CopyItem")


def _each(context: Context, request: etree._Element, operation: str) -> Answer:
    returns_ids = request.findtext(M + "ReturnNewItemIds", "true").strip() in ("true", "1")
    messages = []
    for node in id_nodes(request, "ItemIds"):
        try:
            target = context.target_folder(request, "ToFolderId")
            if target is None:
                raise RequestError(
                    "ErrorSchemaValidation", "The request failed schema validation: ToFolderId."
                )
            new = _place(context, context.resolve_item(node), target, operation)
            messages.append(success(operation, _written(context, new) if returns_ids else "<m:Items/>"))
        except ItemError as error:
            messages.append(failure(operation, error, "<m:Items/>"))
    return [response(operation, messages)]


def _place(context: Context, item: Item, target: Folder, operation: str) -> int:
    if operation == "MoveItem":
        return move_to(context.store, item, target)
    raw = context.store.content_path(item.content).read_bytes()
    return copy_to(context.store, item, target, rebuild_mime(raw))


def _written(context: Context, number: int) -> str:
    item = context.store.item(number)
    if item is None:
        return "<m:Items/>"
    tag = element_name(item.item_class)
    return f"<m:Items><t:{tag}>{item_id(item, context.view(Mode.GET))}</t:{tag}></m:Items>"
