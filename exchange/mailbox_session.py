"""One mailbox on an Exchange server: `domain.ports.MailServer` over EWS.

Reading leaves nothing behind wherever it dies, and may be repeated. A draft that is created is there from
then on: whoever dies before `delete_item` leaves it in Drafts, where nothing sends it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import IO

from domain.errors import AdminActionError, RetryLaterError
from domain.server_items import (
    ChangePage,
    Envelope,
    FetchedMessage,
    FolderGone,
    FolderState,
    ItemFailure,
    ItemPage,
    MailFolder,
)
from exchange.answer_parser import MALFORMED, AnswerParser, Event, Node, malformed
from exchange.errors import fault_error
from exchange.folder_paths import place
from exchange.operations import (
    create_item,
    delete_item,
    find_folder,
    find_item,
    get_folder,
    get_item,
    resolve_names,
    sync_folder_items,
)
from exchange.operations.find_folder import FoundFolder
from exchange.sign_in import SignIn
from exchange.soap import FALLBACK_SERVER_VERSION, SERVER_VERSION, envelope
from exchange.transport import Answer, TokenRefusedError, Transport

MAX_CONCURRENT = 5
"""Requests at a time for one mailbox; Exchange Online allows 27 connections and fewer syncs."""
_SLOT_SECONDS = 120.0
_FOLDER_PAGE = 1_000
_MAX_FOLDERS = 50_000


class MailboxSession:
    """Safe for several threads."""

    def __init__(self, transport: Transport, sign_in: SignIn) -> None:
        self._transport = transport
        self._sign_in = sign_in
        self._own_address = "" if sign_in.login else sign_in.impersonated or ""
        self._version = SERVER_VERSION
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT)

    def own_address(self) -> str:
        """See `MailServer.own_address`. Two threads may both ask the server; they hear the same."""
        if not self._own_address:
            login = self._sign_in.login
            self._own_address = resolve_names.parse(self.ask(resolve_names.request(login)), login)
        return self._own_address

    def folder_tree(self) -> list[MailFolder]:
        """See `MailServer.folder_tree`."""
        found: list[FoundFolder] = []
        offset: int | None = 0
        while offset is not None:
            page = find_folder.parse(self.ask(find_folder.request(offset, _FOLDER_PAGE)), offset)
            found.extend(page.folders)
            offset = page.next_offset
            if len(found) > _MAX_FOLDERS:
                raise AdminActionError("TooManyFolders", f"more than {_MAX_FOLDERS}")
        return place(found)

    def folder_states(self, folder_ids: Sequence[str]) -> list[FolderState | FolderGone]:
        """See `MailServer.folder_states`."""
        return get_folder.parse(self.ask(get_folder.request(folder_ids)), folder_ids)

    def changes(self, folder_id: str, sync_state: str | None, *, limit: int, ids_only: bool) -> ChangePage:
        """See `MailServer.changes`."""
        body = sync_folder_items.request(folder_id, sync_state, limit, ids_only=ids_only)
        return sync_folder_items.parse(self.ask(body))

    def received_between(
        self, folder_id: str, since: datetime, before: datetime | None, *, limit: int
    ) -> ItemPage:
        """See `MailServer.received_between`."""
        return find_item.parse(self.ask(find_item.request(folder_id, since, before, limit)))

    def envelopes(self, item_ids: Sequence[str]) -> list[Envelope | ItemFailure]:
        """See `MailServer.envelopes`."""
        if not item_ids:
            return []
        return get_item.parse_envelopes(self.ask(get_item.request_envelopes(item_ids)), item_ids)

    def messages(self, item_ids: Sequence[str]) -> Iterator[FetchedMessage | ItemFailure]:
        """See `MailServer.messages`. The request is sent when the first message is asked for."""
        if item_ids:
            with closing(self._events(get_item.request_messages(item_ids))) as events:
                yield from get_item.stream_messages(events, item_ids)

    def create_draft(self, subject: str, text: str) -> str:
        """Saves a message without recipients in Drafts and answers its item id. Sent once: where the answer
        is lost (`ConnectionLost`, `ReadTimeout`, ...) the draft may be there all the same."""
        return create_item.parse(self.ask(create_item.request_draft(subject, text), repeatable=False))

    def delete_item(self, item_id: str) -> None:
        """Removes an item for good."""
        delete_item.parse(self.ask(delete_item.request(item_id), repeatable=False))

    def ask(
        self, body: str, *, repeatable: bool = True, write: Callable[[bytes], IO[bytes]] | None = None
    ) -> list[Node]:
        """All response messages of an answer that holds no MIME. `write` turns the request into what is sent
        in its place (a file), anew each time it is sent. Raises what a SOAP fault stands for."""
        messages = []
        with closing(self._events(body, repeatable=repeatable, write=write)) as events:
            for event in events:
                if not isinstance(event, Node):
                    raise malformed("a message where none was asked for")
                messages.append(event)
        return messages

    def _events(
        self, body: str, *, repeatable: bool = True, write: Callable[[bytes], IO[bytes]] | None = None
    ) -> Generator[Event]:
        """The answer's events, as it arrives; holds a slot and a connection until it ends or is closed.
        Raises what a SOAP fault stands for."""
        if not self._slots.acquire(timeout=_SLOT_SECONDS):
            raise RetryLaterError(
                "TooManyRequests", f"{MAX_CONCURRENT} requests for this mailbox are under way"
            )
        try:
            version = self._version
            try:
                yield from self._answer(body, version, repeatable, write)
            except AdminActionError as error:
                if error.code != "ErrorInvalidServerVersion" or version == FALLBACK_SERVER_VERSION:
                    raise
                self._version = FALLBACK_SERVER_VERSION
                yield from self._answer(body, FALLBACK_SERVER_VERSION, repeatable, write)
        finally:
            self._slots.release()

    def _answer(
        self, body: str, version: str, repeatable: bool, write: Callable[[bytes], IO[bytes]] | None
    ) -> Iterator[Event]:
        request = envelope(body, impersonate=self._sign_in.impersonated, version=version)
        answer = self._post(lambda: write(request) if write else request, repeatable)
        parser = AnswerParser()
        try:
            for chunk in answer.chunks():
                yield from _without_faults(parser.feed(chunk))
            yield from _without_faults(parser.close())
        except RetryLaterError as error:
            if answer.failed and error.code == MALFORMED:
                raise RetryLaterError("HTTP 500", "without a SOAP fault") from error
            raise
        finally:
            answer.close()

    def _post(self, request: Callable[[], bytes | IO[bytes]], repeatable: bool) -> Answer:
        headers = self._sign_in.headers()
        try:
            return self._transport.post(request(), headers, repeatable=repeatable)
        except TokenRefusedError as refusal:  # not done: even what must not be repeated may be asked again
            self._sign_in.renew(headers, refusal)
        return self._transport.post(request(), self._sign_in.headers(), repeatable=repeatable)


def _without_faults(events: list[Event]) -> list[Event]:
    for event in events:
        if isinstance(event, Node) and event.name == "Fault":
            raise fault_error(event)
    return events
