"""UpdateItem (Microsoft: "UpdateItem operation"): sets and deletes properties, and sends a changed draft."""

import json

from lxml import etree

from sandbox.exchange.compose import changed_headers, with_body
from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.fields import item_id
from sandbox.exchange.item_elements import ItemValues, read_item
from sandbox.exchange.limits import check_room
from sandbox.exchange.mailstore import change_item, display, set_extended
from sandbox.exchange.mime import normalised_subject
from sandbox.exchange.paths import ExtendedPath, FieldPath, find_path
from sandbox.exchange.rebuild import rebuild_mime
from sandbox.exchange.schema import Item
from sandbox.exchange.shapes import element_name
from sandbox.exchange.soap import T, failure, response, success
from sandbox.exchange.view import Mode

_COLUMNS = {
    "Subject": "subject",
    "ItemClass": "item_class",
    "Importance": "importance",
    "InReplyTo": "in_reply_to",
    "References": "reference_ids",
    "InternetMessageId": "message_id",
}


def update_item(context: Context, request: etree._Element) -> Answer:
    """Change items, each on its own."""
    messages = []
    for node in id_nodes(request, "ItemChanges"):
        try:
            messages.append(_update(context, request, node))
        except ItemError as error:
            messages.append(failure("UpdateItem", error, "<m:Items/>"))
    return [response("UpdateItem", messages)]


def _update(context: Context, request: etree._Element, change: etree._Element) -> str:
    target, updates = change.find(T + "ItemId"), change.find(T + "Updates")
    if target is None or updates is None:
        raise RequestError("ErrorSchemaValidation", "The request failed schema validation: ItemChange.")
    item = context.resolve_item(target)
    key = target.get("ChangeKey")
    if request.get("ConflictResolution") == "NeverOverwrite" and key != context.ids.change_key(
        item.change_number
    ):
        raise ItemError("ErrorIrresolvableConflict")
    with context.store.transaction():
        for update in updates.iterchildren("*"):
            item = _apply(context, item, update)
        if request.get("MessageDisposition") in ("SendOnly", "SendAndSaveCopy"):
            save = request.get("MessageDisposition") == "SendAndSaveCopy"
            sent = context.target_folder(request, "SavedItemFolderId") or context.wellknown("sentitems")
            context.sender.submit(item, sent if save else None)
            return success("UpdateItem", "<m:Items/>")
    tag = element_name(item.item_class)
    written = f"<t:{tag}>{item_id(item, context.view(Mode.GET))}</t:{tag}>"
    conflicts = "<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>"
    return success("UpdateItem", f"<m:Items>{written}</m:Items>{conflicts}")


def _apply(context: Context, item: Item, update: etree._Element) -> Item:
    path = find_path(update)
    if update.tag == T + "DeleteItemField":
        if isinstance(path, ExtendedPath):
            values = ItemValues(extended={path.key: None})
        elif isinstance(path, FieldPath) and path.uri == "item:Categories":
            values = ItemValues(categories=[])
        else:
            raise ItemError("ErrorInvalidPropertyDelete", "Delete action is invalid for property.")
    elif update.tag == T + "SetItemField":
        values = read_item(update[-1])
    else:
        raise ItemError("ErrorInvalidPropertyAppend", "Append action is invalid for property.")
    set_extended(context.store, item.id, values.extended)
    change_item(context.store, item, _columns(context, item, values))
    context.store.drop_content_if_unused(item.content)
    changed = context.store.item(item.id)
    if changed is None:
        raise ItemError("ErrorItemNotFound")
    return changed


def _columns(context: Context, item: Item, values: ItemValues) -> dict[str, object]:
    columns: dict[str, object] = {_COLUMNS[name]: text for name, text in values.texts.items()}
    if "subject" in columns:
        columns["topic"] = normalised_subject(values.texts["Subject"])
    if values.is_read is not None:
        columns["is_read"] = values.is_read
    if values.categories is not None:
        columns["categories"] = context.categories_text(values.categories)
    if values.flag_status is not None:
        columns["flag_status"] = values.flag_status
    if values.recipients:
        kinds = {kind: item.addresses(kind) for kind in ("to", "cc", "bcc", "reply_to")} | values.recipients
        columns["recipients"] = json.dumps(kinds)
        for kind in ("to", "cc", "bcc"):
            columns[f"display_{kind}"] = display(kinds[kind])
    if values.body is not None or values.texts or values.recipients:
        columns |= _content(context, item, values)
    return columns


def _content(context: Context, item: Item, values: ItemValues) -> dict[str, object]:
    """The item's new content; of mails that are no drafts only properties change."""
    if not item.is_draft:
        if values.body is not None:
            raise ItemError("ErrorInvalidPropertySet")
        return {}
    check_room(context.store, context.mailbox)
    raw = context.store.content_path(item.content).read_bytes()
    if values.body is not None:
        raw = with_body(values, raw)
    rebuilt = rebuild_mime(raw, changed_headers(values))
    return {"content": context.store.add_content(rebuilt), "size": len(rebuilt)}
