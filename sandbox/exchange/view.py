"""What rendering one item's properties may need besides its row: its message, headers and parts, read when
asked for.
"""

import email.message
import email.parser
import email.policy
import json
from dataclasses import dataclass, field
from enum import Enum

from sandbox.exchange.ids import IdSpace
from sandbox.exchange.mime import HEADER_LIMIT_BYTES, Headers, read_headers
from sandbox.exchange.schema import Item
from sandbox.exchange.store import Store
from sandbox.exchange.xmltext import SUMMARY_TEXT_LIMIT, escape


class Mode(Enum):
    """Which operation's habits an answer follows: the first two leave much out and cut text."""

    SYNC = "SyncFolderItems"
    FIND = "FindItem"
    GET = "GetItem"


@dataclass(slots=True)
class View:
    """One answer's way to see items; the caches hold the item that was asked for last."""

    store: Store
    ids: IdSpace
    mode: Mode
    internal_domain: str
    mailbox_name: str
    mailbox_address: str
    _headers_of: int = 0
    _headers: Headers = field(default_factory=lambda: Headers([]))
    _message_of: int = 0
    _message: email.message.Message | None = None
    _extended_of: int = 0
    _extended: dict[str, object] = field(default_factory=dict)

    def text(self, value: str) -> str:
        """A string property's value, cut where this operation cuts, escaped."""
        return escape(value if self.mode is Mode.GET else value[:SUMMARY_TEXT_LIMIT])

    def is_internal(self, address: str) -> bool:
        """Whether an SMTP address is of the server's own organisation."""
        return address.lower().endswith("@" + self.internal_domain)

    def headers(self, item: Item) -> Headers:
        """The item's header fields."""
        if self._headers_of != item.id:
            with self.store.content_path(item.content).open("rb") as file:
                self._headers = read_headers(file.read(HEADER_LIMIT_BYTES))
            self._headers_of = item.id
        return self._headers

    def message(self, item: Item) -> email.message.Message:
        """The item's message, parsed."""
        if self._message is None or self._message_of != item.id:
            raw = self.store.content_path(item.content).read_bytes()
            self._message = _parse(raw)
            self._message_of = item.id
        return self._message

    def extended(self, item: Item) -> dict[str, object]:
        """Extended properties that were set on the item, by key."""
        if self._extended_of != item.id:
            found = self.store.rows("SELECT key, value FROM item_properties WHERE item = ?", (item.id,))
            self._extended = {str(key): json.loads(str(value)) for key, value in found}
            self._extended_of = item.id
        return self._extended


def _parse(raw: bytes) -> email.message.Message:
    """The message; one that nests deeper than can be parsed is taken as one part without structure."""
    try:
        return email.parser.BytesParser(policy=email.policy.compat32).parsebytes(raw)
    except RecursionError:
        message = email.message.Message()
        message.set_payload(raw.decode("latin-1"))
        return message
