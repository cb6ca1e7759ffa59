"""DeleteItem (Microsoft: "DeleteItem operation")."""

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.mailstore import delete_item as delete_for_good
from sandbox.exchange.mailstore import move_item
from sandbox.exchange.soap import failure, response, success

_TARGETS = {
    "MoveToDeletedItems": "deleteditems",
    "SoftDelete": "recoverableitemsdeletions",
    "HardDelete": None,
}


def delete_item(context: Context, request: etree._Element) -> Answer:
    """Delete items, each on its own: for good, to Recoverable Items, or to Deleted Items."""
    kind = request.get("DeleteType", "")
    if kind not in _TARGETS:
        raise RequestError("ErrorSchemaValidation", "The request failed schema validation: DeleteType.")
    messages = []
    for node in id_nodes(request, "ItemIds"):
        try:
            item = context.resolve_item(node)
            target = _TARGETS[kind]
            if target is None:
                delete_for_good(context.store, item)
            else:
                move_item(context.store, item, context.wellknown(target))
            messages.append(success("DeleteItem"))
        except ItemError as error:
            messages.append(failure("DeleteItem", error))
    return [response("DeleteItem", messages)]
