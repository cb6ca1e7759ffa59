"""Extended properties of items: MAPI tags that the server knows, and those that a client set (MS-OXPROPS)."""

import base64
from collections.abc import Callable

from sandbox.exchange.addresses import legacy_dn
from sandbox.exchange.mime import header_block
from sandbox.exchange.paths import ExtendedPath
from sandbox.exchange.schema import Item
from sandbox.exchange.view import Mode, View
from sandbox.exchange.xmltext import escape, timestamp

_READ, _UNSENT, _HAS_ATTACHMENT, _SUBMITTED = 0x01, 0x08, 0x10, 0x04


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _flags(item: Item) -> str:
    flags = _READ if item.is_read else 0
    flags |= _UNSENT if item.is_draft else 0
    flags |= _HAS_ATTACHMENT if item.has_attachments else 0
    return str(flags | (_SUBMITTED if item.is_submitted else 0))


def _address(value: str | None, view: View) -> str | None:
    return legacy_dn(value) if value and view.is_internal(value) else value


def _address_type(value: str | None, view: View) -> str | None:
    return None if not value else "EX" if view.is_internal(value) else "SMTP"


def _transport_headers(item: Item, view: View) -> str | None:
    """PidTagTransportMessageHeaders: too long for the answers that only summarise."""
    if view.mode is not Mode.GET or item.is_draft:
        return None
    with view.store.content_path(item.content).open("rb") as file:
        return header_block(file.read(262_144)).decode("utf-8", "replace")


KNOWN: dict[int, Callable[[Item, View], str | None]] = {
    0x001A: lambda i, v: i.item_class,
    0x0037: lambda i, v: i.subject,
    0x0039: lambda i, v: timestamp(i.sent_at),
    0x0042: lambda i, v: i.from_name,
    0x0064: lambda i, v: _address_type(i.from_smtp, v),
    0x0065: lambda i, v: _address(i.from_smtp, v),
    0x0070: lambda i, v: i.topic,
    0x007D: _transport_headers,
    0x0C1A: lambda i, v: i.sender_name,
    0x0C1E: lambda i, v: _address_type(i.sender_smtp, v),
    0x0C1F: lambda i, v: _address(i.sender_smtp, v),
    0x0E03: lambda i, v: i.display_cc,
    0x0E04: lambda i, v: i.display_to,
    0x0E06: lambda i, v: timestamp(i.received_at),
    0x0E07: lambda i, v: _flags(i),
    0x0E08: lambda i, v: str(i.size),
    0x0E1B: lambda i, v: "true" if i.has_attachments else "false",
    0x0E1D: lambda i, v: i.topic,
    0x1035: lambda i, v: i.message_id,
    0x1039: lambda i, v: i.reference_ids,
    0x1042: lambda i, v: i.in_reply_to,
    0x3007: lambda i, v: timestamp(i.created_at),
    0x3008: lambda i, v: timestamp(i.modified_at),
    0x300B: lambda i, v: _base64(i.search_key),
    0x3013: lambda i, v: _base64(i.conversation),
    0x5D01: lambda i, v: i.sender_smtp,
    0x5D02: lambda i, v: i.from_smtp,
}
"""Values of the tags that the server computes; None where the item has none."""


def extended_element(path: ExtendedPath, item: Item, view: View) -> str:
    """The item's ExtendedProperty for a path; nothing where it has none."""
    value = _value(path, item, view)
    if value is None:
        return ""
    if isinstance(value, list):
        values = "".join(f"<t:Value>{view.text(str(one))}</t:Value>" for one in value)
        return f"<t:ExtendedProperty>{path.xml}<t:Values>{values}</t:Values></t:ExtendedProperty>"
    text = str(value)
    written = view.text(text) if path.property_type == "String" else escape(text)
    return f"<t:ExtendedProperty>{path.xml}<t:Value>{written}</t:Value></t:ExtendedProperty>"


def _value(path: ExtendedPath, item: Item, view: View) -> object | None:
    tag = path.tag
    if tag is not None and tag in KNOWN:
        return KNOWN[tag](item, view) or None
    stored = view.extended(item).get(path.key)
    if stored is None and path.header_name is not None:
        return view.headers(item).first(path.header_name)
    return stored
