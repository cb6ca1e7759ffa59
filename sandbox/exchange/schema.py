"""The tables of the Exchange server's SQLite file, and the rows that are read from them.

Times are milliseconds since 1970 in UTC. `changes.seq` is the one counter that sync states, change keys and
the order of events are made from; it never goes back, and rows are never taken out of it.
"""

import json
from typing import NamedTuple

TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mailboxes (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL,
    kind TEXT NOT NULL, guid TEXT NOT NULL, replica BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS folders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL, parent INTEGER, name TEXT NOT NULL,
    folder_class TEXT NOT NULL, wellknown TEXT, hidden INTEGER NOT NULL, kind TEXT NOT NULL,
    committed_at INTEGER NOT NULL, change_number INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS folders_by_mailbox ON folders (mailbox, parent);
CREATE TABLE IF NOT EXISTS contents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, size INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS removed_contents (path TEXT PRIMARY KEY, removed_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL, folder INTEGER NOT NULL,
    change_number INTEGER NOT NULL, content INTEGER NOT NULL, received_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL, sent_at INTEGER NOT NULL, modified_at INTEGER NOT NULL,
    item_class TEXT NOT NULL, subject TEXT NOT NULL,
    message_id TEXT, in_reply_to TEXT, reference_ids TEXT, is_read INTEGER NOT NULL,
    is_draft INTEGER NOT NULL, is_submitted INTEGER NOT NULL, has_attachments INTEGER NOT NULL,
    importance TEXT NOT NULL, size INTEGER NOT NULL, sender_name TEXT, sender_smtp TEXT, from_name TEXT,
    from_smtp TEXT, display_to TEXT NOT NULL, display_cc TEXT NOT NULL, display_bcc TEXT NOT NULL,
    topic TEXT NOT NULL, conversation BLOB NOT NULL, search_key BLOB NOT NULL, recipients TEXT NOT NULL,
    categories TEXT NOT NULL, flag_status TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS items_by_received ON items (folder, received_at);
CREATE INDEX IF NOT EXISTS items_by_content ON items (content);
CREATE TABLE IF NOT EXISTS item_properties (
    item INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (item, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL, folder INTEGER NOT NULL, item INTEGER,
    kind INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS changes_by_folder ON changes (folder, seq);
CREATE INDEX IF NOT EXISTS changes_of_folders ON changes (mailbox, seq) WHERE item IS NULL;
CREATE TABLE IF NOT EXISTS fetched (item INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS outbound (id INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS submissions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL, item INTEGER NOT NULL, save_to INTEGER,
    due_at INTEGER NOT NULL, stage TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mail_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, eml TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    message_id TEXT NOT NULL, subject TEXT NOT NULL, via TEXT NOT NULL,
    due_at INTEGER NOT NULL, is_delay_told INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refusals (
    pattern TEXT PRIMARY KEY, code INTEGER NOT NULL, text TEXT NOT NULL, later INTEGER NOT NULL);
"""

CREATED, UPDATED, DELETED, READ_FLAG = range(4)
"""Kinds of a change: of an item, or of a folder where `item` is null."""


class Mailbox(NamedTuple):
    """A mailbox; kind is `online` (Exchange Online) or `server` (on premises)."""

    id: int
    address: str
    name: str
    kind: str
    guid: str
    replica: bytes


class Folder(NamedTuple):
    """A folder; kind is the name of its element in types.xsd, for example `CalendarFolder`."""

    id: int
    mailbox: int
    parent: int | None
    name: str
    folder_class: str
    wellknown: str | None
    hidden: int
    kind: str
    committed_at: int
    change_number: int


class Item(NamedTuple):
    """An item's properties, as the store keeps them beside its content."""

    id: int
    mailbox: int
    folder: int
    change_number: int
    content: int
    received_at: int
    created_at: int
    sent_at: int
    modified_at: int
    item_class: str
    subject: str
    message_id: str | None
    in_reply_to: str | None
    reference_ids: str | None
    is_read: int
    is_draft: int
    is_submitted: int
    has_attachments: int
    importance: str
    size: int
    sender_name: str | None
    sender_smtp: str | None
    from_name: str | None
    from_smtp: str | None
    display_to: str
    display_cc: str
    display_bcc: str
    topic: str
    conversation: bytes
    search_key: bytes
    recipients: str
    categories: str
    flag_status: str

    def addresses(self, kind: str) -> list[tuple[str, str]]:
        """Names and SMTP addresses of `to`, `cc`, `bcc` or `reply_to`."""
        return [(name, address) for name, address in json.loads(self.recipients).get(kind, [])]


ITEM_COLUMNS = ", ".join(f"items.{name}" for name in Item._fields)
FOLDER_COLUMNS = ", ".join(f"folders.{name}" for name in Folder._fields)
