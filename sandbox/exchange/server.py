"""The sandbox's Exchange server: mailboxes with their EWS endpoint, and what people and the mail system do to
them.

All state is in SQLite and files under one folder (see `store.py`): a server that is started again goes on
there.
"""

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from sandbox.edge import before_answer
from sandbox.exchange.access import EWS_SWITCH, Access
from sandbox.exchange.endpoint import MAX_REQUEST_BYTES, Endpoint, describe
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
from sandbox.exchange.record import Recorder
from sandbox.exchange.schema import Folder, Item, Mailbox
from sandbox.exchange.sending import REPLACE_MESSAGE_IDS, Sender
from sandbox.exchange.store import Store, now_ms
from sandbox.exchange.throttle import MAX_CONNECTIONS, Throttle
from sandbox.exchange.xmltext import timestamp
from sandbox.faults import Faults
from sandbox.tokens import TokenKeys

INTERNAL_DOMAIN = "corp.example"
DEFAULT_MAILBOXES = ("soc@corp.example", "fin@fin.example", "hr@hr.example", "sales@sales.example")


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


class ExchangeServer:
    """One server under `folder`. Methods may be called from any thread; all raise ExchangeError for what is
    not there.

    audience: the resource that access tokens must be made for. record: a folder for SOAP traffic.
    sent_items_delay_s: how late the copy in Sent Items comes. transport_delay_s: how long a mail waits as
    submitted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keys: TokenKeys,
        faults: Faults,
        audience: str,
        record: Path | None = None,
        sent_items_delay_s: float = 2.0,
        transport_delay_s: float = 0.2,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._store = Store(folder)
        self._outbound = Outbound(folder / "outbound")
        self._sender = Sender(
            self._store, self._outbound, INTERNAL_DOMAIN, transport_delay_s, sent_items_delay_s
        )
        self._access = Access(self._store, keys, audience)
        self._submitted = asyncio.Event()
        self._endpoint = Endpoint(
            self._store,
            self._access,
            self._sender,
            Throttle(max_connections),
            faults,
            INTERNAL_DOMAIN,
            Recorder(record) if record else None,
            self._submitted,
        )
        for address in DEFAULT_MAILBOXES:
            if self._store.mailbox(address) is None:
                self.create_mailbox(address)

    describe = staticmethod(describe)
    """What the edge asks about a request: its operation and mailbox."""

    def app(self, edge: Middleware | None = None) -> web.Application:
        """The server as a web application; `edge` is the middleware that counts calls and acts out faults."""
        app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[edge] if edge else [])
        app.router.add_post("/EWS/Exchange.asmx", self._endpoint.handle)
        app.on_response_prepare.append(before_answer)
        app.cleanup_ctx.append(self._transport_running)
        return app

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    async def _transport_running(self, _app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run_transport())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _run_transport(self) -> None:
        while True:
            self._sender.run_due()
            self._submitted.clear()
            due = self._sender.next_due_at()
            timeout = None if due is None else max(0.0, (due - now_ms()) / 1000)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._submitted.wait(), timeout)

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
        number = self._sender.deliver(box, self._folder(box, folder_path or "inbox"), raw)
        return self._store.id_space(box).item(number)

    def folders(self, mailbox: str) -> list[FolderEntry]:
        """All folders below the mailbox's top folder, parents first."""
        box = self._mailbox(mailbox)
        paths = self._paths(box)
        ids = self._store.id_space(box)
        counts = "SELECT folder, count(*), sum(is_read = 0) FROM items WHERE mailbox = ? GROUP BY folder"
        totals = {row[0]: (int(str(row[1])), int(str(row[2]))) for row in self._store.rows(counts, (box.id,))}
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
        rename_folder(self._store, self._folder(self._mailbox(mailbox), path), new_name)

    def move_folder(self, mailbox: str, path: str, new_parent_path: str) -> None:
        """Put a folder under another one; its id stays."""
        box = self._mailbox(mailbox)
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

    def outbound(self) -> list[dict[str, object]]:
        """Mails that left, oldest first: messageId, from, to, cc, bcc, subject, sentAt, via, eml."""
        return self._outbound.entries()

    def ews_switch(self, on: bool) -> None:
        """The tenant's switch: off answers every request with 403."""
        self._store.change_setting(EWS_SWITCH, "on" if on else "off")

    def allow_app(self, app_id: str, mailbox: str | None) -> None:
        """Limit an application to a mailbox (further calls add to them); None: every mailbox again."""
        self._access.allow(app_id, mailbox)

    def replace_message_ids(self, on: bool) -> None:
        """Whether mails that are sent get a Message-ID of the server's own."""
        self._store.change_setting(REPLACE_MESSAGE_IDS, "on" if on else "off")

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
