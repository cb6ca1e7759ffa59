"""EWS operations, a module each, named as in Microsoft's reference."""

from collections.abc import Callable

from lxml import etree

from sandbox.exchange.context import Answer, Context
from sandbox.exchange.operations.convert_id import convert_id
from sandbox.exchange.operations.find_folder import find_folder
from sandbox.exchange.operations.find_item import find_item
from sandbox.exchange.operations.get_folder import get_folder
from sandbox.exchange.operations.get_item import get_item
from sandbox.exchange.operations.sync_folder_items import sync_folder_items

Operation = Callable[[Context, etree._Element], Answer]

OPERATIONS: dict[str, Operation] = {
    "FindFolder": find_folder,
    "FindItem": find_item,
    "GetFolder": get_folder,
    "GetItem": get_item,
    "SyncFolderItems": sync_folder_items,
}

SERVER_OPERATIONS: dict[str, Callable[[etree._Element], Answer]] = {"ConvertId": convert_id}
"""Operations that touch no mailbox, so they need no impersonation."""
