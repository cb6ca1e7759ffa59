"""The folders that every mailbox is born with, in several languages (Microsoft:
"DistinguishedFolderIdNameType").
"""

from dataclasses import dataclass

from sandbox.exchange.errors import ItemError
from sandbox.exchange.mailstore import delete_item
from sandbox.exchange.schema import CREATED, DELETED, Folder, Mailbox
from sandbox.exchange.store import Store, now_ms


@dataclass(frozen=True, slots=True)
class FolderSeed:
    """A folder to be made; parent is the well-known name of the folder above it."""

    wellknown: str | None
    name: str
    folder_class: str = "IPF.Note"
    kind: str = "Folder"
    hidden: bool = False
    parent: str = "msgfolderroot"


_SEEDS = (
    FolderSeed("searchfolders", "Finder", "", parent="root"),
    FolderSeed(None, "AllItems", "IPF", "SearchFolder", parent="searchfolders"),
    FolderSeed("recoverableitemsroot", "Recoverable Items", "", parent="root"),
    FolderSeed("recoverableitemsdeletions", "Deletions", "", parent="recoverableitemsroot"),
    FolderSeed("msgfolderroot", "Top of Information Store", "", parent="root"),
    FolderSeed("calendar", "Calendar", "IPF.Appointment", "CalendarFolder"),
    FolderSeed("contacts", "Contacts", "IPF.Contact", "ContactsFolder"),
    FolderSeed("conversationhistory", "Conversation History"),
    FolderSeed(None, "Conversation Action Settings", "IPF.Configuration", hidden=True),
    FolderSeed("deleteditems", "Deleted Items"),
    FolderSeed("drafts", "Drafts"),
    FolderSeed("inbox", "Inbox"),
    FolderSeed("journal", "Journal", "IPF.Journal"),
    FolderSeed("junkemail", "Junk Email"),
    FolderSeed("notes", "Notes", "IPF.StickyNote"),
    FolderSeed("outbox", "Outbox"),
    FolderSeed(None, "PersonMetadata", "IPF.Contact", "ContactsFolder", hidden=True),
    FolderSeed("sentitems", "Sent Items"),
    FolderSeed("syncissues", "Sync Issues"),
    FolderSeed("tasks", "Tasks", "IPF.Task", "TasksFolder"),
)

_NAMES = {
    "de": {
        "msgfolderroot": "Oberste Ebene des Informationsspeichers",
        "inbox": "Posteingang",
        "drafts": "Entwürfe",
        "sentitems": "Gesendete Elemente",
        "deleteditems": "Gelöschte Elemente",
        "outbox": "Postausgang",
        "junkemail": "Junk-E-Mail",
        "calendar": "Kalender",
        "contacts": "Kontakte",
        "tasks": "Aufgaben",
        "notes": "Notizen",
    },
    "ja": {
        "msgfolderroot": "インフォメーション ストアの先頭",
        "inbox": "受信トレイ",
        "drafts": "下書き",
        "sentitems": "送信済みアイテム",
        "deleteditems": "削除済みアイテム",
        "outbox": "送信トレイ",
        "junkemail": "迷惑メール",
        "calendar": "予定表",
        "contacts": "連絡先",
        "tasks": "タスク",
        "notes": "メモ",
    },
}


def seed_folders(store: Store, mailbox: Mailbox, language: str) -> None:
    """Make a new mailbox's folders with the names of `language` (`en`, `de`, `ja`). Runs inside a
    transaction.
    """
    names = _NAMES.get(language, {})
    numbers = {"root": insert_folder(store, mailbox.id, None, FolderSeed("root", "root", "", parent=""))}
    for seed in _SEEDS:
        translated = FolderSeed(
            seed.wellknown,
            names.get(seed.wellknown or "", seed.name),
            seed.folder_class,
            seed.kind,
            seed.hidden,
            seed.parent,
        )
        number = insert_folder(store, mailbox.id, numbers[seed.parent], translated)
        if seed.wellknown is not None:
            numbers[seed.wellknown] = number


def insert_folder(store: Store, mailbox: int, parent: int | None, seed: FolderSeed) -> int:
    """Write one folder's row and its change; the folder's number."""
    number = store.execute(
        "INSERT INTO folders (mailbox, parent, name, folder_class, wellknown, hidden, kind, committed_at, "
        "change_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (mailbox, parent, seed.name, seed.folder_class, seed.wellknown, seed.hidden, seed.kind, now_ms()),
    )
    change = store.record_change(mailbox, number, None, CREATED)
    store.execute("UPDATE folders SET change_number = ? WHERE id = ?", (change, number))
    return number


def plain_folder(name: str, folder_class: str = "IPF.Note", kind: str = "Folder") -> FolderSeed:
    """A folder that a person or a client makes."""
    return FolderSeed(None, name, folder_class or "IPF.Note", kind)


def rename_folder(store: Store, folder: Folder, name: str) -> None:
    """Give a folder another name; its id stays. Raises ItemError where the name is empty or taken."""
    if not name:
        raise ItemError("ErrorInvalidPropertySet")
    with store.transaction():
        taken = "parent = ? AND name = ? COLLATE NOCASE AND id <> ?"
        if store.folders(taken, (folder.parent, name, folder.id)):
            raise ItemError("ErrorFolderExists")
        store.execute("UPDATE folders SET name = ? WHERE id = ?", (name, folder.id))
        store.touch_folder(folder)


def place_folder(store: Store, folder: Folder, parent: Folder) -> None:
    """Put a folder under another one; its id stays. Raises ItemError where that would make a ring."""
    above: Folder | None = parent
    while above is not None:
        if above.id == folder.id:
            raise ItemError("ErrorMoveCopyFailed", "A folder cannot be moved below itself.")
        above = None if above.parent is None else store.folder(above.parent)
    with store.transaction():
        store.execute("UPDATE folders SET parent = ? WHERE id = ?", (parent.id, folder.id))
        store.touch_folder(folder)


def remove_folder(store: Store, folder: Folder) -> None:
    """Delete a folder and everything below it in one transaction."""
    with store.transaction():
        for child in store.folders("parent = ?", (folder.id,)):
            remove_folder(store, child)
        for item in store.items("WHERE folder = ?", (folder.id,)):
            delete_item(store, item)
        store.record_change(folder.mailbox, folder.id, None, DELETED)
        store.execute("DELETE FROM folders WHERE id = ?", (folder.id,))
