"""SendItem (Microsoft: "SendItem operation"): the draft's ChangeKey must be given and current; no new id
comes back.
"""

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.schema import Folder
from sandbox.exchange.soap import failure, response, success


def send_item(context: Context, request: etree._Element) -> Answer:
    """Submit drafts, each on its own; a copy is filed where SaveItemToFolder says so."""
    save = request.get("SaveItemToFolder", "") in ("true", "1")
    messages = []
    for node in id_nodes(request, "ItemIds"):
        try:
            target = context.target_folder(request, "SavedItemFolderId")
            if target is not None and not save:
                raise RequestError("ErrorInvalidSendItemSaveSettings", "Send item save settings are invalid.")
            _send(context, node, (target or context.wellknown("sentitems")) if save else None)
            messages.append(success("SendItem"))
        except ItemError as error:
            messages.append(failure("SendItem", error))
    return [response("SendItem", messages)]


def _send(context: Context, node: etree._Element, save_to: Folder | None) -> None:
    item = context.resolve_item(node)
    change_key = node.get("ChangeKey")
    if not change_key:
        raise ItemError("ErrorChangeKeyRequired")
    if change_key != context.ids.change_key(item.change_number):
        raise ItemError("ErrorIrresolvableConflict")
    context.sender.submit(item, save_to)
