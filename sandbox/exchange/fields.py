"""How each property of an item is written, in the order of `ItemType` and `MessageType` in types.xsd."""

import base64
import json
from collections.abc import Callable

from sandbox.exchange.addresses import recipients_element, sender_element
from sandbox.exchange.parts import attachments_element, body_element, preview_text
from sandbox.exchange.schema import Item
from sandbox.exchange.view import View
from sandbox.exchange.xmltext import escape, timestamp

Renderer = Callable[[Item, View], str]

_RIGHTS = (
    "<t:EffectiveRights><t:CreateAssociated>false</t:CreateAssociated><t:CreateContents>false</t:CreateContents>"
    "<t:CreateHierarchy>false</t:CreateHierarchy><t:Delete>true</t:Delete><t:Modify>true</t:Modify>"
    "<t:Read>true</t:Read><t:ViewPrivateItems>true</t:ViewPrivateItems></t:EffectiveRights>"
)


def item_id(item: Item, view: View) -> str:
    """The ItemId with its ChangeKey."""
    ids = view.ids
    return f'<t:ItemId Id="{ids.item(item.id)}" ChangeKey="{ids.change_key(item.change_number)}"/>'


def _flag(tag: str, value: object) -> str:
    return f"<t:{tag}>{'true' if value else 'false'}</t:{tag}>"


def _text(tag: str, value: str | None, view: View) -> str:
    return f"<t:{tag}>{view.text(value)}</t:{tag}>" if value else ""


def _categories(item: Item) -> str:
    names = json.loads(item.categories)
    strings = "".join(f"<t:String>{escape(name)}</t:String>" for name in names)
    return f"<t:Categories>{strings}</t:Categories>" if names else ""


def headers_renderer(names: frozenset[str] | None = None) -> Renderer:
    """Writes InternetMessageHeaders: those of the names (in lower case), or all."""

    def render(item: Item, view: View) -> str:
        written = "".join(
            f'<t:InternetMessageHeader HeaderName="{escape(name)}">{escape(value)}</t:InternetMessageHeader>'
            for name, value in view.headers(item).fields
            if names is None or name.lower() in names
        )
        return f"<t:InternetMessageHeaders>{written}</t:InternetMessageHeaders>" if written else ""

    return render


def _receiver(tag: str, view: View) -> str:
    return sender_element(tag, view.mailbox_name, view.mailbox_address, view)


def _conversation_index(item: Item) -> str:
    raw = b"\x01\x01" + (item.created_at * 10_000).to_bytes(8, "big")[1:6] + item.conversation
    return f"<t:ConversationIndex>{base64.b64encode(raw).decode()}</t:ConversationIndex>"


def conversation_id(item: Item, view: View) -> str:
    """The Id of the item's ConversationId: of this mailbox, and the same for equal normalised subjects."""
    return view.ids.folder_prefix + base64.b64encode(b"\x10\x00" + item.conversation).decode()


FIELDS: dict[str, Renderer] = {
    "item:ItemId": item_id,
    "item:ParentFolderId": lambda i, v: (
        f'<t:ParentFolderId Id="{v.ids.folder(i.folder)}" ChangeKey="AQAAAA=="/>'
    ),
    "item:ItemClass": lambda i, v: f"<t:ItemClass>{i.item_class}</t:ItemClass>",
    "item:Subject": lambda i, v: _text("Subject", i.subject, v),
    "item:Sensitivity": lambda i, v: "<t:Sensitivity>Normal</t:Sensitivity>",
    "item:Body": lambda i, v: body_element("Body", i, v),
    "item:Attachments": attachments_element,
    "item:DateTimeReceived": lambda i, v: (
        f"<t:DateTimeReceived>{timestamp(i.received_at)}</t:DateTimeReceived>"
    ),
    "item:Size": lambda i, v: f"<t:Size>{i.size}</t:Size>",
    "item:Categories": lambda i, v: _categories(i),
    "item:Importance": lambda i, v: f"<t:Importance>{i.importance}</t:Importance>",
    "item:InReplyTo": lambda i, v: _text("InReplyTo", i.in_reply_to, v),
    "item:IsSubmitted": lambda i, v: _flag("IsSubmitted", i.is_submitted),
    "item:IsDraft": lambda i, v: _flag("IsDraft", i.is_draft),
    "item:IsFromMe": lambda i, v: _flag("IsFromMe", (i.from_smtp or "").lower() == v.mailbox_address.lower()),
    "item:IsResend": lambda i, v: _flag("IsResend", False),
    "item:IsUnmodified": lambda i, v: _flag("IsUnmodified", not i.is_draft),
    "item:InternetMessageHeaders": headers_renderer(),
    "item:DateTimeSent": lambda i, v: f"<t:DateTimeSent>{timestamp(i.sent_at)}</t:DateTimeSent>",
    "item:DateTimeCreated": lambda i, v: f"<t:DateTimeCreated>{timestamp(i.created_at)}</t:DateTimeCreated>",
    "item:ReminderIsSet": lambda i, v: _flag("ReminderIsSet", False),
    "item:DisplayCc": lambda i, v: f"<t:DisplayCc>{v.text(i.display_cc)}</t:DisplayCc>",
    "item:DisplayTo": lambda i, v: f"<t:DisplayTo>{v.text(i.display_to)}</t:DisplayTo>",
    "item:DisplayBcc": lambda i, v: f"<t:DisplayBcc>{v.text(i.display_bcc)}</t:DisplayBcc>",
    "item:HasAttachments": lambda i, v: _flag("HasAttachments", i.has_attachments),
    "extended": lambda i, v: "",
    "item:Culture": lambda i, v: "<t:Culture>en-US</t:Culture>",
    "item:EffectiveRights": lambda i, v: _RIGHTS,
    "item:LastModifiedName": lambda i, v: _text("LastModifiedName", v.mailbox_name, v),
    "item:LastModifiedTime": lambda i, v: (
        f"<t:LastModifiedTime>{timestamp(i.modified_at)}</t:LastModifiedTime>"
    ),
    "item:IsAssociated": lambda i, v: _flag("IsAssociated", False),
    "item:ConversationId": lambda i, v: f'<t:ConversationId Id="{conversation_id(i, v)}"/>',
    "item:UniqueBody": lambda i, v: body_element("UniqueBody", i, v),
    "item:Flag": lambda i, v: f"<t:Flag><t:FlagStatus>{i.flag_status}</t:FlagStatus></t:Flag>",
    "item:Preview": lambda i, v: _text("Preview", preview_text(i, v), v),
    "item:TextBody": lambda i, v: body_element("TextBody", i, v),
    "message:Sender": lambda i, v: sender_element("Sender", i.sender_name, i.sender_smtp, v),
    "message:ToRecipients": lambda i, v: recipients_element("ToRecipients", i.addresses("to"), v),
    "message:CcRecipients": lambda i, v: recipients_element("CcRecipients", i.addresses("cc"), v),
    "message:BccRecipients": lambda i, v: recipients_element("BccRecipients", i.addresses("bcc"), v),
    "message:IsReadReceiptRequested": lambda i, v: _flag("IsReadReceiptRequested", False),
    "message:IsDeliveryReceiptRequested": lambda i, v: _flag("IsDeliveryReceiptRequested", False),
    "message:ConversationIndex": lambda i, v: _conversation_index(i),
    "message:ConversationTopic": lambda i, v: _text("ConversationTopic", i.topic, v),
    "message:From": lambda i, v: sender_element("From", i.from_name, i.from_smtp, v),
    "message:InternetMessageId": lambda i, v: _text("InternetMessageId", i.message_id, v),
    "message:IsRead": lambda i, v: _flag("IsRead", i.is_read),
    "message:IsResponseRequested": lambda i, v: _flag("IsResponseRequested", False),
    "message:References": lambda i, v: _text("References", i.reference_ids, v),
    "message:ReplyTo": lambda i, v: recipients_element("ReplyTo", i.addresses("reply_to"), v),
    "message:ReceivedBy": lambda i, v: _receiver("ReceivedBy", v),
    "message:ReceivedRepresenting": lambda i, v: _receiver("ReceivedRepresenting", v),
}
"""Renderers by FieldURI in schema order; `extended` marks the place of extended properties."""

ORDER = {uri: place for place, uri in enumerate(FIELDS)}

GET_ONLY = frozenset(
    {
        "item:MimeContent",
        "item:Body",
        "item:UniqueBody",
        "item:TextBody",
        "item:Attachments",
        "item:InternetMessageHeaders",
        "item:DisplayBcc",
        "message:ToRecipients",
        "message:CcRecipients",
        "message:BccRecipients",
        "message:ReplyTo",
        "message:ReceivedBy",
        "message:ReceivedRepresenting",
    }
)
"""What SyncFolderItems and FindItem leave out without a word."""

DEFAULT_SHAPE = (
    "item:Subject",
    "item:Sensitivity",
    "item:Body",
    "item:Attachments",
    "item:Size",
    "item:DateTimeSent",
    "item:DateTimeCreated",
    "item:HasAttachments",
    "message:Sender",
    "message:ToRecipients",
    "message:CcRecipients",
    "message:IsReadReceiptRequested",
    "message:IsDeliveryReceiptRequested",
    "message:From",
    "message:IsRead",
)

ALL_PROPERTIES = tuple(
    uri for uri in FIELDS if uri not in ("item:UniqueBody", "item:TextBody", "item:Preview")
)
