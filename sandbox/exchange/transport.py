"""Carries mails: into the sandbox's mailboxes with the headers that a mail system adds, or back as
a bounce.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from sandbox.exchange.bounces import non_delivery_report
from sandbox.exchange.mailstore import NewItem, add_item
from sandbox.exchange.mime import read_properties
from sandbox.exchange.schema import Folder, Mailbox
from sandbox.exchange.store import Store

UNKNOWN_LOCAL_PART = "nobody"
"""Recipients whose local part starts so do not exist anywhere."""


@dataclass(frozen=True, slots=True)
class Transport:
    """The mail system around the mailboxes; internal_domain is the organisation's own."""

    store: Store
    internal_domain: str

    def deliver(self, box: Mailbox, folder: Folder, raw: bytes) -> int:
        """Put a mail into a folder as it is, byte for byte; the item's number. Received time is now."""
        properties = read_properties(raw, internal_domain=self.internal_domain)
        return add_item(self.store, box, folder, NewItem(raw=raw, properties=properties))

    def carry(
        self, raw: bytes, *, sender: str, recipients: Iterable[str], message_id: str, subject: str
    ) -> None:
        """Bring a mail to those recipients that have a mailbox here; the sender gets a bounce for unknown
        ones.

        Recipients of other domains are taken to have received it.
        """
        domains = {_domain(str(row[0])) for row in self.store.rows("SELECT address FROM mailboxes")}
        refused: list[str] = []
        for address in dict.fromkeys(recipient.lower() for recipient in recipients):
            box = self.store.mailbox(address)
            if address.startswith(UNKNOWN_LOCAL_PART) or (box is None and _domain(address) in domains):
                refused.append(address)
            elif box is not None:
                self._to_inbox(box, raw, sender)
        author = self.store.mailbox(sender)
        if refused and author is not None:
            report = non_delivery_report(
                raw,
                original_id=message_id,
                sender=sender,
                recipients=refused,
                domain=self.internal_domain,
                subject=subject,
            )
            self._to_inbox(author, report, f"postmaster@{self.internal_domain}")

    def _to_inbox(self, box: Mailbox, raw: bytes, sender: str) -> None:
        inbox = self.store.folders("mailbox = ? AND wellknown = 'inbox'", (box.id,))[0]
        self.deliver(box, inbox, self._trace(box.address, sender) + raw)

    def _trace(self, recipient: str, sender: str) -> bytes:
        """The header fields that the receiving server puts on top (RFC 5321 section 4.4, RFC 8601)."""
        server = f"mx.{_domain(recipient)}"
        moment = format_datetime(datetime.now(UTC))
        lines = [
            f"Received: from mx.{_domain(sender)} ([127.0.0.1]) by {server} with ESMTPS",
            f"\tid {uuid.uuid4().hex[:12]} for <{recipient}>; {moment}",
            f"Return-Path: <{sender}>",
        ]
        if _domain(sender) == _domain(recipient):
            lines.append("X-MS-Exchange-Organization-AuthAs: Internal")
        else:
            lines += [
                f"Authentication-Results: {server}; spf=pass smtp.mailfrom={_domain(sender)};",
                f"\tdkim=none; dmarc=pass action=none header.from={_domain(sender)}",
            ]
        return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
