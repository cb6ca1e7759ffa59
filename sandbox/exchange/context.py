"""What every operation works with: the store, the mailbox that is acted on, and the way ids of requests are
resolved.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.ids import IdSpace
from sandbox.exchange.schema import Folder, Item, Mailbox
from sandbox.exchange.sending import Sender
from sandbox.exchange.soap import M, T
from sandbox.exchange.store import Store
from sandbox.exchange.view import Mode, View
from sandbox.faults import Fault, Faults

ACCEPTED_ITEM_IDS = 1000


@dataclass(frozen=True, slots=True)
class MimePart:
    """A message that stands in an answer as base64: the file's bytes, or `content` where it was rebuilt."""

    path: Path
    size: int
    content: bytes | None = None


Answer = list[str | MimePart]
"""The body of an answer in pieces; messages are read while they are sent."""


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings."""

    store: Store
    mailbox: Mailbox
    sender: Sender
    internal_domain: str
    faults: Faults
    fault: Fault | None = None

    @property
    def ids(self) -> IdSpace:
        """How ids of the mailbox are written."""
        return self.store.id_space(self.mailbox)

    def view(self, mode: Mode) -> View:
        """A way to write items for this request."""
        box = self.mailbox
        return View(self.store, self.ids, mode, self.internal_domain, box.name, box.address)

    def has_fault(self, kind: str) -> bool:
        """Whether a fault of this kind is to be acted out in this request."""
        return self.fault is not None and self.fault.kind == kind

    def resolve_folder(self, node: etree._Element) -> Folder:
        """The folder of a FolderId or DistinguishedFolderId element. Raises ItemError."""
        name = node.get("Id", "")
        if node.tag == T + "DistinguishedFolderId":
            owner = node.findtext(f"{T}Mailbox/{T}EmailAddress")
            if owner and owner.strip().lower() != self.mailbox.address.lower():
                raise ItemError("ErrorAccessDenied")
            found = self.store.folders("mailbox = ? AND wellknown = ?", (self.mailbox.id, name))
        elif node.tag == T + "FolderId":
            number = self.ids.parse_folder(name)
            found = self.store.folders("id = ? AND mailbox = ?", (number, self.mailbox.id))
        else:
            raise RequestError("ErrorSchemaValidation", "The request failed schema validation: no folder id.")
        if not found:
            raise ItemError("ErrorFolderNotFound")
        return found[0]

    def target_folder(self, request: etree._Element, name: str) -> Folder | None:
        """The folder in a child such as SavedItemFolderId, None where the child is missing. Raises
        ItemError.
        """
        box = request.find(M + name)
        node = None if box is None else next(box.iterchildren("*"), None)
        return None if node is None else self.resolve_folder(node)

    def wellknown(self, name: str) -> Folder:
        """The mailbox's folder with a well-known name. Raises ItemError."""
        found = self.store.folders("mailbox = ? AND wellknown = ?", (self.mailbox.id, name))
        if not found:
            raise ItemError("ErrorFolderNotFound")
        return found[0]

    def categories_text(self, categories: list[str]) -> str:
        """Categories as the store keeps them."""
        return json.dumps(categories)

    def resolve_item(self, node: etree._Element) -> Item:
        """The item of an ItemId element. Raises ItemError."""
        if node.tag != T + "ItemId":
            raise ItemError("ErrorInvalidIdMalformed")
        item = self.store.item(self.ids.parse_item(node.get("Id", "")))
        if item is None or item.mailbox != self.mailbox.id:
            raise ItemError("ErrorItemNotFound")
        return item


def id_nodes(request: etree._Element, name: str) -> Iterator[etree._Element]:
    """The ids in a child such as ItemIds or FolderIds. Raises RequestError where there are none or
    too many.
    """
    box = request.find(M + name)
    if box is None or len(box) == 0:
        raise RequestError(
            "ErrorSchemaValidation", f"The request failed schema validation: {name} is missing."
        )
    if len(box) > ACCEPTED_ITEM_IDS:
        raise RequestError("ErrorInvalidRequest", f"The request has more than {ACCEPTED_ITEM_IDS} ids.")
    return box.iterchildren("*")


def first_child(node: etree._Element) -> etree._Element:
    """The first child element. Raises RequestError where there is none."""
    child = next(node.iterchildren("*"), None)
    if child is None:
        raise RequestError(
            "ErrorSchemaValidation", f"The request failed schema validation: {node.tag} is empty."
        )
    return child
