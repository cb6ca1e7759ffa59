"""GetItem (Microsoft: "GetItem operation"): properties and, where asked for, the message itself, streamed."""

from lxml import etree

from sandbox.exchange.context import Answer, Context, MimePart, id_nodes
from sandbox.exchange.errors import ItemError
from sandbox.exchange.rebuild import rebuild_mime
from sandbox.exchange.schema import Item
from sandbox.exchange.shapes import Shape, compile_shape, element_name
from sandbox.exchange.soap import failure, response_frame, success_frame
from sandbox.exchange.view import Mode, View


def get_item(context: Context, request: etree._Element) -> Answer:
    """Items by id, each on its own: one that fails does not fail the others."""
    shape = compile_shape(request, Mode.GET)
    view = context.view(Mode.GET)
    start, end = response_frame("GetItem")
    answer: Answer = [start]
    for node in id_nodes(request, "ItemIds"):
        try:
            failing = context.faults.take_item_error(node.get("Id", ""), context.mailbox.address)
            if failing is not None:
                raise ItemError(failing.error or "ErrorItemCorrupt", back_off_ms=failing.back_off_ms)
            answer += _item(context, context.resolve_item(node), shape, view)
        except ItemError as error:
            answer.append(failure("GetItem", error, "<m:Items/>"))
    answer.append(end)
    return answer


def _item(context: Context, item: Item, shape: Shape, view: View) -> Answer:
    start, end = success_frame("GetItem")
    tag = element_name(item.item_class)
    properties = shape.properties(item, view)
    closing = f"{properties}</t:{tag}></m:Items>{end}"
    if not shape.include_mime:
        return [f"{start}<m:Items><t:{tag}>{closing}"]
    opening = f'{start}<m:Items><t:{tag}><t:MimeContent CharacterSet="UTF-8">'
    return [opening, _mime(context, item), f"</t:MimeContent>{closing}"]


def _mime(context: Context, item: Item) -> MimePart:
    path = context.store.content_path(item.content)
    if context.has_fault("rebuild-mime"):
        again = context.store.count("SELECT count(*) FROM fetched WHERE item = ?", (item.id,))
        if again:
            rebuilt = rebuild_mime(path.read_bytes())
            return MimePart(path, len(rebuilt), rebuilt)
        context.store.execute("INSERT OR IGNORE INTO fetched (item) VALUES (?)", (item.id,))
    return MimePart(path, path.stat().st_size)
