"""EWS operations, a module each, named as in Microsoft's reference."""

from collections.abc import Callable

from lxml import etree

from sandbox.exchange.context import Answer, Context
from sandbox.exchange.operations.convert_id import convert_id
from sandbox.exchange.operations.create_attachment import create_attachment
from sandbox.exchange.operations.create_folder import create_folder
from sandbox.exchange.operations.create_item import create_item
from sandbox.exchange.operations.delete_folder import delete_folder
from sandbox.exchange.operations.delete_item import delete_item
from sandbox.exchange.operations.find_folder import find_folder
from sandbox.exchange.operations.find_item import find_item
from sandbox.exchange.operations.get_attachment import get_attachment
from sandbox.exchange.operations.get_folder import get_folder
from sandbox.exchange.operations.get_item import get_item
from sandbox.exchange.operations.move_item import copy_item, move_item
from sandbox.exchange.operations.resolve_names import resolve_names
from sandbox.exchange.operations.send_item import send_item
from sandbox.exchange.operations.sync_folder_hierarchy import sync_folder_hierarchy
from sandbox.exchange.operations.sync_folder_items import sync_folder_items
from sandbox.exchange.operations.update_folder import move_folder, update_folder
from sandbox.exchange.operations.update_item import update_item

Operation = Callable[[Context, etree._Element], Answer]

OPERATIONS: dict[str, Operation] = {
    "CopyItem": copy_item,
    "CreateAttachment": create_attachment,
    "CreateFolder": create_folder,
    "CreateItem": create_item,
    "DeleteFolder": delete_folder,
    "DeleteItem": delete_item,
    "FindFolder": find_folder,
    "FindItem": find_item,
    "GetAttachment": get_attachment,
    "GetFolder": get_folder,
    "GetItem": get_item,
    "MoveFolder": move_folder,
    "MoveItem": move_item,
    "ResolveNames": resolve_names,
    "SendItem": send_item,
    "SyncFolderHierarchy": sync_folder_hierarchy,
    "SyncFolderItems": sync_folder_items,
    "UpdateFolder": update_folder,
    "UpdateItem": update_item,
}

SERVER_OPERATIONS: dict[str, Callable[[etree._Element], Answer]] = {"ConvertId": convert_id}
"""Operations that touch no mailbox, so they need no impersonation."""
