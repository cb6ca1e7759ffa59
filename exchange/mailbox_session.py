"""One mailbox on an Exchange server: `domain.ports.MailServer` over EWS, with an app-only token.

Reading leaves nothing behind wherever it dies, and may be repeated. A draft that is created is there from
then on: whoever dies before `delete_item` leaves it in Drafts, where nothing sends it.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Protocol

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
    sync_folder_items,
)
from exchange.operations.find_folder import FoundFolder
from exchange.soap import FALLBACK_SERVER_VERSION, SERVER_VERSION, envelope
from exchange.transport import Answer, TokenRefusedError, Transport

MAX_CONCURRENT = 5
"""Requests at a time for one mailbox; Exchange Online allows 27 connections and fewer syncs."""
_SLOT_SECONDS = 120.0
_FOLDER_PAGE = 1_000
_MAX_FOLDERS = 50_000


class Tokens(Protocol):
    """Where access tokens come from (`exchange.tokens.TokenSource`)."""

    def token(self, scope: str) -> str:
        """A token that is valid as far as is known."""

    def forget(self, token: str, scope: str) -> None:
        """This token was refused."""


class MailboxSession:
    """Safe for several threads. `scope`: what tokens are asked for (`servers.scope_of`)."""

    def __init__(self, address: str, transport: Transport, tokens: Tokens, scope: str) -> None:
        self._address = address
        self._transport = transport
        self._tokens = tokens
        self._scope = scope
        self._version = SERVER_VERSION
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT)

    def folder_tree(self) -> list[MailFolder]:
        """See `MailServer.folder_tree`."""
        found: list[FoundFolder] = []
        offset: int | None = 0
        while offset is not None:
            page = find_folder.parse(self._ask(find_folder.request(offset, _FOLDER_PAGE)), offset)
            found.extend(page.folders)
            offset = page.next_offset
            if len(found) > _MAX_FOLDERS:
                raise AdminActionError("TooManyFolders", f"more than {_MAX_FOLDERS}")
        return place(found)

    def folder_states(self, folder_ids: Sequence[str]) -> list[FolderState | FolderGone]:
        """See `MailServer.folder_states`."""
        return get_folder.parse(self._ask(get_folder.request(folder_ids)), folder_ids)

    def changes(self, folder_id: str, sync_state: str | None, *, limit: int, ids_only: bool) -> ChangePage:
        """See `MailServer.changes`."""
        body = sync_folder_items.request(folder_id, sync_state, limit, ids_only=ids_only)
        return sync_folder_items.parse(self._ask(body))

    def received_between(
        self, folder_id: str, since: datetime, before: datetime | None, *, limit: int
    ) -> ItemPage:
        """See `MailServer.received_between`."""
        return find_item.parse(self._ask(find_item.request(folder_id, since, before, limit)))

    def envelopes(self, item_ids: Sequence[str]) -> list[Envelope | ItemFailure]:
        """See `MailServer.envelopes`."""
        if not item_ids:
            return []
        return get_item.parse_envelopes(self._ask(get_item.request_envelopes(item_ids)), item_ids)

    def messages(self, item_ids: Sequence[str]) -> Iterator[FetchedMessage | ItemFailure]:
        """See `MailServer.messages`. The request is sent when the first message is asked for."""
        if item_ids:
            with closing(self._events(get_item.request_messages(item_ids))) as events:
                yield from get_item.stream_messages(events, item_ids)

    def create_draft(self, subject: str, text: str) -> str:
        """Saves a message without recipients in Drafts and answers its item id. Sent once: where the answer
        is lost (`ConnectionLost`, `ReadTimeout`, ...) the draft may be there all the same."""
        return create_item.parse(self._ask(create_item.request_draft(subject, text), repeatable=False))

    def delete_item(self, item_id: str) -> None:
        """Removes an item for good."""
        delete_item.parse(self._ask(delete_item.request(item_id), repeatable=False))

    def _ask(self, body: str, *, repeatable: bool = True) -> list[Node]:
        """All response messages of an answer that holds no MIME."""
        messages = []
        with closing(self._events(body, repeatable=repeatable)) as events:
            for event in events:
                if not isinstance(event, Node):
                    raise malformed("a message where none was asked for")
                messages.append(event)
        return messages

    def _events(self, body: str, *, repeatable: bool = True) -> Generator[Event]:
        """The answer's events, as it arrives; holds a slot and a connection until it ends or is closed.
        Raises what a SOAP fault stands for."""
        if not self._slots.acquire(timeout=_SLOT_SECONDS):
            raise RetryLaterError(
                "TooManyRequests", f"{MAX_CONCURRENT} requests for this mailbox are under way"
            )
        try:
            version = self._version
            try:
                yield from self._answer(body, version, repeatable)
            except AdminActionError as error:
                if error.code != "ErrorInvalidServerVersion" or version == FALLBACK_SERVER_VERSION:
                    raise
                self._version = FALLBACK_SERVER_VERSION
                yield from self._answer(body, FALLBACK_SERVER_VERSION, repeatable)
        finally:
            self._slots.release()

    def _answer(self, body: str, version: str, repeatable: bool) -> Iterator[Event]:
        answer = self._post(envelope(body, impersonate=self._address, version=version), repeatable)
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

    def _post(self, request: bytes, repeatable: bool) -> Answer:
        token = self._tokens.token(self._scope)
        try:
            return self._transport.post(request, self._headers(token), repeatable=repeatable)
        except TokenRefusedError:  # refused, so not done: even what must not be repeated may be asked again
            self._tokens.forget(token, self._scope)
        renewed = self._headers(self._tokens.token(self._scope))
        return self._transport.post(request, renewed, repeatable=repeatable)

    def _headers(self, token: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {token}"}
        if self._address.isascii() and self._address.isprintable():
            headers["X-AnchorMailbox"] = self._address
        return headers


def _without_faults(events: list[Event]) -> list[Event]:
    for event in events:
        if isinstance(event, Node) and event.name == "Fault":
            raise fault_error(event)
    return events
