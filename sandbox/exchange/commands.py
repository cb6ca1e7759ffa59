"""What people and the mail system do to mailboxes: deliver, move, read, rename, delete; by address and path.

Each command is one transaction of the store: a process that dies in it leaves the mailbox as before, or
after.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.exchange.errors import ItemError
from sandbox.exchange.folder_tree import (
    insert_folder,
    place_folder,
    plain_folder,
    remove_folder,
    rename_folder,
    seed_folders,
)
from sandbox.exchange.mailstore import change_item, delete_item, move_item
from sandbox.exchange.outbound import Outbound
from sandbox.exchange.schema import Folder, Item, Mailbox
from sandbox.exchange.store import Store
from sandbox.exchange.transport import Transport
from sandbox.exchange.xmltext import timestamp


class ExchangeError(ValueError):
    """A control command cannot be carried out; the message says why."""


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """One folder as control commands list it; path is below the mailbox's top folder, parts joined by `/`."""

    id: str
    path: str
    folder_class: str
    wellknown: str | None
    hidden: bool
    total: int
    unread: int


@dataclass(frozen=True, slots=True)
class ItemEntry:
    """One item as control commands list it; received_at is RFC 3339 in UTC."""

    id: str
    subject: str
    item_class: str
    received_at: str
    size_bytes: int
    is_read: bool
    message_id: str | None


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Says in words what the store refuses."""
    try:
        yield
    except ItemError as error:
        raise ExchangeError(error.text) from error


class MailboxCommands:
    """Commands on the mailboxes of one store. May be called from any thread; ExchangeError says
    what is wrong.
    """

    def __init__(self, store: Store, transport: Transport, outbound: Outbound) -> None:
        self._store = store
        self._transport = transport
        self._outbound = outbound

    def create_mailbox(
        self, address: str, kind: str = "online", *, name: str | None = None, language: str = "en"
    ) -> None:
        """Make a mailbox with its default folders; kind `online` or `server`, language `en`, `de` or `ja`."""
        if self._store.mailbox(address) is not None:
            raise ExchangeError(f"the mailbox {address} exists already")
        with self._store.transaction():
            self._store.execute(
                "INSERT INTO mailboxes (address, name, kind, guid, replica) VALUES (?, ?, ?, ?, ?)",
                (address, name or address.partition("@")[0], kind, str(uuid.uuid4()), os.urandom(38)),
            )
            seed_folders(self._store, self._mailbox(address), language)

    def mailboxes(self) -> list[str]:
        """Addresses of all mailboxes."""
        return [str(row[0]) for row in self._store.rows("SELECT address FROM mailboxes ORDER BY id")]

    def deliver(
        self, mailbox: str, folder_path: str | None, raw: bytes, envelope_from: str | None = None
    ) -> str:
        """Put a message into a folder as the mail system would (None: the inbox); the item's id.

        Received time is now, and the bytes stay as they are. envelope_from is not written into the message.
        """
        box = self._mailbox(mailbox)
        number = self._transport.deliver(box, self._folder(box, folder_path or "inbox"), raw)
        return self._store.id_space(box).item(number)

    def folders(self, mailbox: str) -> list[FolderEntry]:
        """All folders below the mailbox's top folder, parents first."""
        box = self._mailbox(mailbox)
        paths = self._paths(box)
        ids = self._store.id_space(box)
        counts = "SELECT folder, count(*), sum(is_read = 0) FROM items WHERE mailbox = ? GROUP BY folder"
        totals = {row[0]: (row[1], row[2]) for row in self._store.rows(counts, (box.id,))}
        return [
            FolderEntry(
                ids.folder(folder.id),
                path,
                folder.folder_class,
                folder.wellknown,
                bool(folder.hidden),
                *totals.get(folder.id, (0, 0)),
            )
            for path, folder in paths.items()
        ]

    def items(self, mailbox: str, folder_path: str) -> list[ItemEntry]:
        """A folder's items, newest first."""
        box = self._mailbox(mailbox)
        ids = self._store.id_space(box)
        found = self._store.items(
            "WHERE folder = ? ORDER BY received_at DESC, id DESC", (self._folder(box, folder_path).id,)
        )
        return [
            ItemEntry(
                ids.item(item.id),
                item.subject,
                item.item_class,
                timestamp(item.received_at),
                item.size,
                bool(item.is_read),
                item.message_id,
            )
            for item in found
        ]

    def create_folder(self, mailbox: str, path: str) -> str:
        """Make a folder, and those above it that are missing; its id."""
        box = self._mailbox(mailbox)
        parent = self._store.folders("mailbox = ? AND wellknown = 'msgfolderroot'", (box.id,))[0]
        parts = [part for part in path.split("/") if part]
        if not parts:
            raise ExchangeError("a folder needs a name")
        with self._store.transaction():
            for part in parts:
                found = self._store.folders("parent = ? AND name = ? COLLATE NOCASE", (parent.id, part))
                number = (
                    found[0].id
                    if found
                    else insert_folder(self._store, box.id, parent.id, plain_folder(part))
                )
                parent = self._store.folders("id = ?", (number,))[0]
        return self._store.id_space(box).folder(parent.id)

    def rename_folder(self, mailbox: str, path: str, new_name: str) -> None:
        """Give a folder another name; its id stays."""
        with _refusals():
            rename_folder(self._store, self._folder(self._mailbox(mailbox), path), new_name)

    def move_folder(self, mailbox: str, path: str, new_parent_path: str) -> None:
        """Put a folder under another one; its id stays."""
        box = self._mailbox(mailbox)
        with _refusals():
            place_folder(self._store, self._folder(box, path), self._folder(box, new_parent_path))

    def delete_folder(self, mailbox: str, path: str) -> None:
        """Delete a folder with all that is in it, for good."""
        remove_folder(self._store, self._folder(self._mailbox(mailbox), path))

    def move(self, mailbox: str, item_id: str, folder_path: str) -> str:
        """Move an item; its new id."""
        box = self._mailbox(mailbox)
        number = move_item(self._store, self._item(box, item_id), self._folder(box, folder_path))
        return self._store.id_space(box).item(number)

    def delete(self, mailbox: str, item_id: str, hard: bool = False) -> None:
        """Delete an item: to Deleted Items, or for good."""
        box = self._mailbox(mailbox)
        item = self._item(box, item_id)
        if hard:
            delete_item(self._store, item)
        else:
            move_item(self._store, item, self._folder(box, "deleteditems"))

    def mark_read(self, mailbox: str, item_id: str, read: bool = True) -> None:
        """Mark an item as read or unread."""
        change_item(self._store, self._item(self._mailbox(mailbox), item_id), {"is_read": read})

    def outbound(self) -> list[dict[str, Any]]:
        """Mails that left, oldest first: messageId, from, to, cc, bcc, subject, sentAt, via, eml."""
        return self._outbound.entries()

    def _mailbox(self, address: str) -> Mailbox:
        found = self._store.mailbox(address)
        if found is None:
            raise ExchangeError(f"there is no mailbox {address}")
        return found

    def _paths(self, box: Mailbox) -> dict[str, Folder]:
        all_folders = self._store.folders("mailbox = ? ORDER BY id", (box.id,))
        children: dict[int | None, list[Folder]] = {}
        for folder in all_folders:
            children.setdefault(folder.parent, []).append(folder)
        top = next(folder for folder in all_folders if folder.wellknown == "msgfolderroot")
        paths: dict[str, Folder] = {}
        waiting = [(folder.name, folder) for folder in children.get(top.id, [])]
        while waiting:
            path, folder = waiting.pop(0)
            paths[path] = folder
            waiting[:0] = [(f"{path}/{child.name}", child) for child in children.get(folder.id, [])]
        return paths

    def _folder(self, box: Mailbox, path: str) -> Folder:
        """A folder by path below the top folder, by well-known name, or by id."""
        wellknown = self._store.folders("mailbox = ? AND wellknown = ?", (box.id, path.lower()))
        if wellknown:
            return wellknown[0]
        by_path = {known.lower(): folder for known, folder in self._paths(box).items()}
        found = by_path.get(path.strip("/").lower())
        if found is None:
            with contextlib.suppress(ItemError):
                by_id = self._store.folder(self._store.id_space(box).parse_folder(path))
                if by_id is not None:
                    return by_id
            raise ExchangeError(f"there is no folder {path} in {box.address}")
        return found

    def _item(self, box: Mailbox, item_id: str) -> Item:
        try:
            item = self._store.item(self._store.id_space(box).parse_item(item_id))
        except ItemError as error:
            raise ExchangeError(f"{item_id} is no item id of {box.address}: {error.text}") from error
        if item is None:
            raise ExchangeError(f"there is no item {item_id} in {box.address}")
        return item
