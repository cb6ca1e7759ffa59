"""CreateItem (Microsoft: "CreateItem operation"): saves drafts, sends mails, or both."""

from lxml import etree

from sandbox.exchange.compose import compose, new_message_id
from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.fields import item_id
from sandbox.exchange.item_elements import ItemValues, read_item
from sandbox.exchange.limits import check_room
from sandbox.exchange.mailstore import NewItem, add_item, change_item
from sandbox.exchange.mime import read_properties
from sandbox.exchange.schema import Folder, Item
from sandbox.exchange.sending import REPLACE_MESSAGE_IDS
from sandbox.exchange.shapes import element_name
from sandbox.exchange.soap import failure, response, success
from sandbox.exchange.view import Mode

_DISPOSITIONS = ("SaveOnly", "SendOnly", "SendAndSaveCopy")


def create_item(context: Context, request: etree._Element) -> Answer:
    """Messages, each on its own."""
    disposition = request.get("MessageDisposition", "")
    if disposition not in _DISPOSITIONS:
        raise RequestError(
            "ErrorMessageDispositionRequired", "Message disposition is required for this operation."
        )
    messages = []
    for node in id_nodes(request, "Items"):
        try:
            messages.append(_create(context, request, node, disposition))
        except ItemError as error:
            messages.append(failure("CreateItem", error, "<m:Items/>"))
    return [response("CreateItem", messages)]


def _create(context: Context, request: etree._Element, node: etree._Element, disposition: str) -> str:
    saved = context.target_folder(request, "SavedItemFolderId")
    drafts = context.wellknown("drafts")
    values = read_item(node)
    if disposition == "SaveOnly":
        item = save_draft(context, values, saved or drafts)
        tag = element_name(item.item_class)
        written = f"<t:{tag}>{item_id(item, context.view(Mode.GET))}</t:{tag}>"
        return success("CreateItem", f"<m:Items>{written}</m:Items>")
    with context.store.transaction():
        item = save_draft(context, values, drafts)
        copy_to = (saved or context.wellknown("sentitems")) if disposition == "SendAndSaveCopy" else None
        context.sender.submit(item, copy_to)
    return success("CreateItem", "<m:Items/>")


def save_draft(context: Context, values: ItemValues, folder: Folder) -> Item:
    """Put a new draft into a folder."""
    check_room(context.store, context.mailbox)
    fresh = new_message_id(context.internal_domain)
    if context.store.setting(REPLACE_MESSAGE_IDS) == "on":
        values.texts["InternetMessageId"] = fresh
    raw = compose(values, context.mailbox, fresh)
    properties = read_properties(raw, internal_domain=context.internal_domain)
    new = NewItem(
        raw=raw,
        properties=properties,
        is_draft=True,
        is_read=True if values.is_read is None else values.is_read,
        recipients={"bcc": [], **values.recipients},
        extended=values.extended,
    )
    with context.store.transaction():
        number = add_item(context.store, context.mailbox, folder, new)
        item = context.store.item(number)
        if item is not None and values.categories is not None:
            change_item(context.store, item, {"categories": context.categories_text(values.categories)})
            item = context.store.item(number)
    if item is None:
        raise ItemError("ErrorInternalServerError")
    return item
