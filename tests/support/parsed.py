"""A raw message to the mail's row, as the poll makes it, without anything being fetched or stored."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.business_units import UnitDirectory
from domain.mail import Mail
from domain.mime.message import MailContext, identify, mail_from_message
from domain.mime.scanner import MessageScanner
from domain.server_items import ItemSummary

RECEIVED = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def parsed(
    raw: bytes,
    *,
    units: UnitDirectory | None = None,
    received_at: datetime = RECEIVED,
    item_class: str = "IPM.Note",
    conversation_id: str | None = None,
    send_id: str | None = None,
    mailbox_id: str = "default",
) -> Mail:
    """The mailbox is `soc@corp.example`."""
    scanner = MessageScanner()
    scanner.feed(raw)
    scanner.close()
    summary = ItemSummary(
        item_id="item",
        received_at=received_at,
        item_class=item_class,
        conversation_id=conversation_id,
        send_id=send_id,
    )
    context = MailContext(mailbox_id, "soc@corp.example", units or UnitDirectory([]))
    mail_id = identify(scanner, summary, context)
    return mail_from_message(scanner, summary, context, mail_id=mail_id, raw_sha256="0" * 64)
