"""What a client says of an item when it creates or updates one: the elements of a Message, as values."""

import base64
import binascii
from dataclasses import dataclass, field
from email.message import Message

from lxml import etree

from sandbox.exchange.attaching import read_attachment
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.mime import Address
from sandbox.exchange.paths import ExtendedPath, find_path
from sandbox.exchange.soap import T

RECIPIENT_ELEMENTS = {
    "ToRecipients": "to",
    "CcRecipients": "cc",
    "BccRecipients": "bcc",
    "ReplyTo": "reply_to",
}
TEXT_ELEMENTS = ("Subject", "ItemClass", "Importance", "InReplyTo", "References", "InternetMessageId")
_IGNORED = frozenset(
    {
        "Sensitivity",
        "Sender",
        "IsReadReceiptRequested",
        "IsDeliveryReceiptRequested",
        "IsResponseRequested",
        "Culture",
        "ReminderIsSet",
        "ReminderMinutesBeforeStart",
    }
)
"""What may be said of a message and changes nothing here."""


@dataclass(slots=True)
class ItemValues:
    """Values by element; what was not said is missing. body is its type (`HTML` or `Text`) and its text."""

    mime: bytes | None = None
    texts: dict[str, str] = field(default_factory=dict)
    recipients: dict[str, list[Address]] = field(default_factory=dict)
    author: Address | None = None
    body: tuple[str, str] | None = None
    is_read: bool | None = None
    categories: list[str] | None = None
    flag_status: str | None = None
    extended: dict[str, object] = field(default_factory=dict)
    attachments: list[Message] = field(default_factory=list)


def read_item(node: etree._Element) -> ItemValues:
    """The values in a Message (or Item) element. Raises ItemError for what cannot be set."""
    if node.tag not in (T + "Message", T + "Item"):
        raise ItemError("ErrorInvalidRequest", "Only messages can be created or updated.")
    values = ItemValues()
    for child in node.iterchildren("*"):
        _read(str(child.tag).removeprefix(T), child, values)
    return values


def _read(name: str, node: etree._Element, values: ItemValues) -> None:
    text = (node.text or "").strip()
    if name == "MimeContent":
        values.mime = _mime(text)
    elif name in TEXT_ELEMENTS:
        values.texts[name] = node.text or ""
    elif name in RECIPIENT_ELEMENTS:
        values.recipients[RECIPIENT_ELEMENTS[name]] = [
            read_address(box) for box in node.iterfind(T + "Mailbox")
        ]
    elif name == "From":
        box = node.find(T + "Mailbox")
        values.author = None if box is None else read_address(box)
    elif name == "Body":
        values.body = (node.get("BodyType", "Text"), node.text or "")
    elif name == "IsRead":
        values.is_read = text in ("true", "1")
    elif name == "Categories":
        values.categories = [entry.text or "" for entry in node.iterfind(T + "String")]
    elif name == "Flag":
        values.flag_status = node.findtext(T + "FlagStatus", "NotFlagged")
    elif name == "ExtendedProperty":
        key, value = _extended(node)
        values.extended[key] = value
    elif name == "Attachments":
        values.attachments = [read_attachment(child) for child in node.iterchildren("*")]
    elif name not in _IGNORED:
        raise ItemError("ErrorInvalidPropertySet", f"Set action is invalid for property {name}.")


def _mime(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ItemError(
            "ErrorMimeContentInvalidBase64String", "The MIME content is not valid base64."
        ) from error


def read_address(box: etree._Element) -> Address:
    """Name and SMTP address of a Mailbox element."""
    return box.findtext(T + "Name", "").strip(), box.findtext(T + "EmailAddress", "").strip()


def _extended(node: etree._Element) -> tuple[str, object]:
    path = find_path(node)
    if not isinstance(path, ExtendedPath):
        raise RequestError("ErrorSchemaValidation", "The request failed schema validation: ExtendedProperty.")
    many = node.find(T + "Values")
    if many is not None:
        return path.key, [entry.text or "" for entry in many.iterfind(T + "Value")]
    return path.key, node.findtext(T + "Value", "")
