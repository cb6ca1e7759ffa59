"""Items as SyncFolderItems, FindItem and GetItem list them, as `ItemSummary`."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.server_items import ItemSummary
from exchange.answer_parser import Node, malformed
from exchange.properties import REPRESENTED_SMTP_ADDRESS, SEARCH_KEY, SENDER_SMTP_ADDRESS
from exchange.values import OUR_SEND_ID, integer, read_extended, read_time

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = frozenset(
    (
        "ItemClass",
        "Subject",
        "InternetMessageId",
        "InReplyTo",
        "References",
        "Size",
        "IsDraft",
        "DateTimeReceived",
        "DateTimeCreated",
    )
)


def item_id(node: Node) -> str:
    """The id of the item that `node` holds or refers to. Raises where there is none."""
    for child in node.children:
        if child.name == "ItemId":
            found = child.attributes.get("Id")
            if found:
                return found
    raise malformed("an item without an id")


def summary(item: Node) -> ItemSummary:
    """Whatever the item's kind (`Message`, `MeetingRequest`, ...): what is left out is None or empty."""
    texts: dict[str, str] = {}
    extended: dict[int, str] = {}
    identifier = conversation = None
    sender = represented = None
    for child in item.children:
        name = child.name
        if name in _TEXTS:
            texts[name] = child.text
        elif name == "ExtendedProperty":
            read_extended(child, extended)
        elif name == "ItemId":
            identifier = child.attributes.get("Id")
        elif name == "ConversationId":
            conversation = child.attributes.get("Id")
        elif name == "Sender":
            sender = child.children[0] if child.children else None
        elif name == "From":
            represented = child.children[0] if child.children else None
    if not identifier:
        raise malformed("an item without an id")
    get = texts.get
    person = represented or sender
    return ItemSummary(
        item_id=identifier,
        received_at=read_time(get("DateTimeReceived", "")) or read_time(get("DateTimeCreated", "")) or _NEVER,
        size_bytes=integer(get("Size", "")),
        item_class=get("ItemClass", ""),
        subject=get("Subject", ""),
        sender=_address(extended.get(SENDER_SMTP_ADDRESS[0])) or _smtp(sender) or _smtp(represented),
        sender_name=person.text_of("Name") if person else "",
        represented_sender=_address(extended.get(REPRESENTED_SMTP_ADDRESS[0])) or _smtp(represented),
        internet_message_id=get("InternetMessageId") or None,
        in_reply_to=get("InReplyTo") or None,
        references=get("References") or None,
        conversation_id=conversation,
        search_key=extended.get(SEARCH_KEY[0]) or None,
        send_id=extended.get(OUR_SEND_ID) or None,
        is_draft=get("IsDraft", "") in ("true", "1"),
    )


def _smtp(mailbox: Node | None) -> str | None:
    """SMTP address of a `Mailbox` element; None for legacy DNs and other routing types."""
    if mailbox is None or mailbox.text_of("RoutingType") not in ("", "SMTP"):
        return None
    return _address(mailbox.text_of("EmailAddress"))


def _address(text: str | None) -> str | None:
    return text.strip() if text and "@" in text else None
