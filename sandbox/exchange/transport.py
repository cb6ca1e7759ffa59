"""Puts mails into the sandbox's mailboxes, with the headers that a mail system adds."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from sandbox.exchange.mailstore import NewItem, add_item
from sandbox.exchange.mime import read_properties
from sandbox.exchange.schema import Folder, Mailbox
from sandbox.exchange.store import Store


@dataclass(frozen=True, slots=True)
class Transport:
    """The mail system around the mailboxes; internal_domain is the organisation's own."""

    store: Store
    internal_domain: str

    def deliver(self, box: Mailbox, folder: Folder, raw: bytes) -> int:
        """Put a mail into a folder as it is, byte for byte; the item's number. Received time is now."""
        properties = read_properties(raw, internal_domain=self.internal_domain)
        return add_item(self.store, box, folder, NewItem(raw=raw, properties=properties))

    def bring(self, box: Mailbox, raw: bytes, sender: str) -> None:
        """Put a mail into an inbox, with what the receiving server writes on top."""
        inbox = self.store.folders("mailbox = ? AND wellknown = 'inbox'", (box.id,))[0]
        self.deliver(box, inbox, self._trace(box.address, sender) + raw)

    def _trace(self, recipient: str, sender: str) -> bytes:
        """The header fields that the receiving server puts on top (RFC 5321 section 4.4, RFC 8601)."""
        server = f"mx.{domain_of(recipient)}"
        moment = format_datetime(datetime.now(UTC))
        lines = [
            f"Received: from mx.{domain_of(sender)} ([127.0.0.1]) by {server} with ESMTPS",
            f"\tid {uuid.uuid4().hex[:12]} for <{recipient}>; {moment}",
            f"Return-Path: <{sender}>",
        ]
        if domain_of(sender) == domain_of(recipient):
            lines.append("X-MS-Exchange-Organization-AuthAs: Internal")
        else:
            lines += [
                f"Authentication-Results: {server}; spf=pass smtp.mailfrom={domain_of(sender)};",
                f"\tdkim=none; dmarc=pass action=none header.from={domain_of(sender)}",
            ]
        return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def domain_of(address: str) -> str:
    """The domain of an address, in lower case."""
    return address.rpartition("@")[2].lower()
