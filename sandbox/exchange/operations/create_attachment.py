"""CreateAttachment (Microsoft: "CreateAttachment operation"): files and messages are added to a draft."""

from lxml import etree

from sandbox.exchange.attaching import read_attachment, with_attachment
from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.limits import check_room
from sandbox.exchange.mailstore import change_item
from sandbox.exchange.parts import list_attachments
from sandbox.exchange.rebuild import rebuild_mime
from sandbox.exchange.soap import M, T, failure, response, success


def create_attachment(context: Context, request: etree._Element) -> Answer:
    """Add attachments to one item, each on its own."""
    parent = request.find(M + "ParentItemId")
    messages = []
    for node in id_nodes(request, "Attachments"):
        try:
            if parent is None:
                raise RequestError(
                    "ErrorSchemaValidation", "The request failed schema validation: ParentItemId."
                )
            written = _attach(context, parent, node)
            messages.append(success("CreateAttachment", f"<m:Attachments>{written}</m:Attachments>"))
        except ItemError as error:
            messages.append(failure("CreateAttachment", error, "<m:Attachments/>"))
    return [response("CreateAttachment", messages)]


def _attach(context: Context, parent: etree._Element, node: etree._Element) -> str:
    number = context.ids.parse_item(parent.get("Id", ""))
    item = context.store.item(number)
    if item is None or item.mailbox != context.mailbox.id:
        raise ItemError("ErrorItemNotFound")
    if not item.is_draft:
        raise ItemError("ErrorInvalidOperation", "Attachments can only be added to drafts.")
    check_room(context.store, context.mailbox)
    old = context.store.content_path(item.content).read_bytes()
    message = with_attachment(old, read_attachment(node))
    raw = rebuild_mime(message.as_bytes())
    with context.store.transaction():
        content = context.store.add_content(raw)
        change_item(context.store, item, {"content": content, "size": len(raw), "has_attachments": True})
        context.store.drop_content_if_unused(item.content)
    changed = context.store.item(number)
    if changed is None:
        raise ItemError("ErrorItemNotFound")
    index = len(list_attachments(message)) - 1
    tag = str(node.tag).removeprefix(T)
    ids = context.ids
    return (
        f'<t:{tag}><t:AttachmentId Id="{ids.attachment(number, index)}" RootItemId="{ids.item(number)}" '
        f'RootItemChangeKey="{ids.change_key(changed.change_number)}"/></t:{tag}>'
    )
