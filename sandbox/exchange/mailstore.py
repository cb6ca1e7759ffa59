"""Puts mails into folders, moves, copies and deletes them: each with its row, its change and its content.

Each function is one transaction; a process that dies in it leaves the mailbox as it was before, or after.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.exchange.mime import Address, MailProperties
from sandbox.exchange.schema import CREATED, DELETED, READ_FLAG, UPDATED, Folder, Item, Mailbox
from sandbox.exchange.store import Store, now_ms

_COLUMNS = Item._fields[1:]
_INSERT_ITEM = f"INSERT INTO items ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


@dataclass(frozen=True, slots=True)
class NewItem:
    """A message that goes into a folder.

    recipients: replaces what the MIME says, by kind, where it has an entry.
    extended: extended properties by key (see `extended.py`), values as JSON can hold them.
    """

    raw: bytes
    properties: MailProperties
    is_draft: bool = False
    is_read: bool = False
    recipients: Mapping[str, list[Address]] = field(default_factory=dict)
    extended: Mapping[str, object] = field(default_factory=dict)
    search_key: bytes | None = None
    message_id: str | None = None


def display(addresses: list[Address]) -> str:
    """Names (or addresses) as Outlook shows them."""
    return "; ".join(name or address for name, address in addresses)


def add_item(store: Store, mailbox: Mailbox, folder: Folder, new: NewItem) -> int:
    """Put a message into a folder; the item's number. Received time is now."""
    properties = new.properties
    recipients = {**properties.recipients, **new.recipients}
    sender, author, moment = properties.sender, properties.author, now_ms()
    with store.transaction():
        content = store.add_content(new.raw)
        number = store.execute(
            _INSERT_ITEM,
            (
                mailbox.id,
                folder.id,
                0,
                content,
                moment,
                moment,
                properties.sent_at or moment,
                moment,
                properties.item_class,
                properties.subject,
                new.message_id or properties.message_id,
                properties.in_reply_to,
                properties.reference_ids,
                new.is_read,
                new.is_draft,
                False,
                properties.has_attachments,
                properties.importance,
                len(new.raw),
                sender and sender[0],
                sender and sender[1],
                author and author[0],
                author and author[1],
                display(recipients.get("to", [])),
                display(recipients.get("cc", [])),
                display(recipients.get("bcc", [])),
                properties.topic,
                properties.conversation,
                new.search_key or hashlib.md5(os.urandom(16), usedforsecurity=False).digest(),
                json.dumps(recipients),
                "[]",
                "NotFlagged",
            ),
        )
        set_extended(store, number, new.extended)
        _stamp(store, mailbox.id, folder.id, number, CREATED)
    return number


def set_extended(store: Store, item: int, values: Mapping[str, object]) -> None:
    """Write extended properties of an item; None removes one."""
    for key, value in values.items():
        if value is None:
            store.execute("DELETE FROM item_properties WHERE item = ? AND key = ?", (item, key))
        else:
            sql = "INSERT OR REPLACE INTO item_properties (item, key, value) VALUES (?, ?, ?)"
            store.execute(sql, (item, key, json.dumps(value)))


def _stamp(store: Store, mailbox: int, folder: int, item: int, kind: int) -> None:
    number = store.record_change(mailbox, folder, item, kind)
    store.execute("UPDATE items SET change_number = ? WHERE id = ?", (number, item))


def change_item(store: Store, item: Item, columns: Mapping[str, object]) -> None:
    """Set columns of an item; a change of the read flag alone counts as such in a sync."""
    with store.transaction():
        names = ", ".join(f"{name} = ?" for name in columns)
        sql = f"UPDATE items SET {names}{', ' if names else ''}modified_at = ? WHERE id = ?"
        store.execute(sql, (*columns.values(), now_ms(), item.id))
        kind = READ_FLAG if set(columns) == {"is_read"} else UPDATED
        _stamp(store, item.mailbox, item.folder, item.id, kind)


def copy_item(store: Store, item: Item, target: Folder, raw: bytes | None) -> int:
    """A copy with a new id and the old search key; raw: its rebuilt content, None: the same content."""
    with store.transaction():
        content = item.content if raw is None else store.add_content(raw)
        values = item._replace(mailbox=target.mailbox, folder=target.id, content=content)[1:]
        number = store.execute(_INSERT_ITEM, values)
        store.execute(
            "INSERT INTO item_properties (item, key, value) "
            "SELECT ?, key, value FROM item_properties WHERE item = ?",
            (number, item.id),
        )
        _stamp(store, target.mailbox, target.id, number, CREATED)
    return number


def move_item(store: Store, item: Item, target: Folder) -> int:
    """Move an item, which gives it a new id; the search key and the content stay."""
    with store.transaction():
        number = copy_item(store, item, target, None)
        _remove_row(store, item)
    return number


def delete_item(store: Store, item: Item) -> None:
    """Delete an item for good."""
    with store.transaction():
        _remove_row(store, item)
    store.drop_content_if_unused(item.content)


def _remove_row(store: Store, item: Item) -> None:
    store.execute("DELETE FROM items WHERE id = ?", (item.id,))
    store.execute("DELETE FROM item_properties WHERE item = ?", (item.id,))
    store.record_change(item.mailbox, item.folder, item.id, DELETED)
