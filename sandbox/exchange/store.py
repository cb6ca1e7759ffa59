"""The mailboxes' state: rows in one SQLite file (WAL), messages as files beside it.

A message's file is written before the transaction that names it: a process that dies in between leaves a file
that nothing names, and never a row without its message. Every change of an item or folder is one transaction
with its row in `changes`, so a sync after a crash sees either all of it or nothing.
"""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.exchange.ids import IdSpace
from sandbox.exchange.restriction import contains
from sandbox.exchange.schema import (
    FOLDER_COLUMNS,
    ITEM_COLUMNS,
    TABLES,
    UPDATED,
    Folder,
    Item,
    Mailbox,
)

REMOVED_FILES_STAY_MS = 300_000
"""How long a deleted message's file stays, for answers that are still being sent."""


def now_ms() -> int:
    """The time in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


class Store:
    """Rows and files under one folder. Calls are safe from several threads of one process."""

    def __init__(self, folder: Path) -> None:
        self._messages = folder / "messages"
        self._messages.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._id_spaces: dict[int, IdSpace] = {}
        self._db = sqlite3.connect(folder / "exchange.sqlite", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.create_function("contains", 4, contains, deterministic=True)
        self._db.executescript(TABLES)
        self._remove_files(before=now_ms())

    def close(self) -> None:
        """Close the database; the store cannot be used any more."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are kept together or not at all; nested ones join the outer one."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement; the row id of the last insert."""
        with self._lock:
            return self._db.execute(sql, values).lastrowid or 0

    def scalar(self, sql: str, values: Sequence[object] = ()) -> object:
        """The first column of the first row, None where there is none."""
        found = self.rows(sql, values)
        return found[0][0] if found else None

    def count(self, sql: str, values: Sequence[object] = ()) -> int:
        """The number that a query counts; 0 where it counts none."""
        value = self.scalar(sql, values)
        return value if isinstance(value, int) else 0

    def setting(self, name: str, default: str = "") -> str:
        """A switch of the server that survives a restart."""
        value = self.scalar("SELECT value FROM settings WHERE name = ?", (name,))
        return default if value is None else str(value)

    def change_setting(self, name: str, value: str) -> None:
        """Keep a switch of the server."""
        self.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))

    def mailbox(self, address: str) -> Mailbox | None:
        """The mailbox with this SMTP address, in any case."""
        found = self.rows("SELECT * FROM mailboxes WHERE address = ?", (address,))
        return Mailbox._make(found[0]) if found else None

    def mailbox_by_id(self, mailbox: int) -> Mailbox:
        """The mailbox with this row number. Raises LookupError."""
        found = self.rows("SELECT * FROM mailboxes WHERE id = ?", (mailbox,))
        if not found:
            raise LookupError(mailbox)
        return Mailbox._make(found[0])

    def id_space(self, mailbox: Mailbox) -> IdSpace:
        """How ids of this mailbox are written."""
        space = self._id_spaces.get(mailbox.id)
        if space is None:
            space = self._id_spaces[mailbox.id] = IdSpace.of(mailbox.guid, mailbox.replica)
        return space

    def folders(self, where: str, values: Sequence[object]) -> list[Folder]:
        """Folders by a condition on their columns."""
        found = self.rows(f"SELECT {FOLDER_COLUMNS} FROM folders WHERE {where}", values)
        return [Folder._make(row) for row in found]

    def folder(self, number: int) -> Folder | None:
        """The folder with this row number."""
        found = self.folders("id = ?", (number,))
        return found[0] if found else None

    def items(self, condition: str, values: Sequence[object] = ()) -> list[Item]:
        """Items by what stands behind FROM items (WHERE, ORDER BY, LIMIT)."""
        found = self.rows(f"SELECT {ITEM_COLUMNS} FROM items {condition}", values)
        return [Item._make(row) for row in found]

    def item(self, number: int) -> Item | None:
        """The item with this row number."""
        found = self.items("WHERE id = ?", (number,))
        return found[0] if found else None

    def record_change(self, mailbox: int, folder: int, item: int | None, kind: int) -> int:
        """Append one change and move the folder's commit time on; returns the change's number.

        The time (PidTagLocalCommitTimeMax) always moves, also for two changes within one millisecond.
        """
        sql = "INSERT INTO changes (mailbox, folder, item, kind) VALUES (?, ?, ?, ?)"
        number = self.execute(sql, (mailbox, folder, item, kind))
        moved = "UPDATE folders SET committed_at = max(?, committed_at + 1) WHERE id = ?"
        self.execute(moved, (now_ms(), folder))
        return number

    def touch_folder(self, folder: Folder) -> None:
        """Record that the folder itself changed (name, parent)."""
        number = self.record_change(folder.mailbox, folder.id, None, UPDATED)
        self.execute("UPDATE folders SET change_number = ? WHERE id = ?", (number, folder.id))

    def add_content(self, raw: bytes) -> int:
        """Keep a message's bytes in a file of their own; the number of the content."""
        name = uuid.uuid4().hex
        path = self._messages / name[:2] / f"{name}.eml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
        relative = f"{name[:2]}/{name}.eml"
        return self.execute("INSERT INTO contents (path, size) VALUES (?, ?)", (relative, len(raw)))

    def content_path(self, content: int) -> Path:
        """The file of a content. Raises LookupError."""
        path = self.scalar("SELECT path FROM contents WHERE id = ?", (content,))
        if path is None:
            raise LookupError(content)
        return self._messages / str(path)

    def drop_content_if_unused(self, content: int) -> None:
        """Give up a content that no item names any more; answers under way can still read its file."""
        with self.transaction():
            if self.count("SELECT count(*) FROM items WHERE content = ?", (content,)) == 0:
                path = self.scalar("SELECT path FROM contents WHERE id = ?", (content,))
                self.execute(
                    "INSERT INTO removed_contents (path, removed_at) VALUES (?, ?)", (path, now_ms())
                )
                self.execute("DELETE FROM contents WHERE id = ?", (content,))
                self._remove_files(before=now_ms() - REMOVED_FILES_STAY_MS)

    def _remove_files(self, before: int) -> None:
        """Remove the files of contents that were given up; a row goes after its file."""
        for (path,) in self.rows("SELECT path FROM removed_contents WHERE removed_at < ?", (before,)):
            (self._messages / str(path)).unlink(missing_ok=True)
            self.execute("DELETE FROM removed_contents WHERE path = ?", (path,))
