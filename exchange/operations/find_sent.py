"""Finds mails by our send id (Microsoft: "FindItem operation", "GetItem operation"): did it go out?

A restriction on a property of our own makes Exchange look at every item of the folder, so it is bounded by
the time of creation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.outbox import Draft
from domain.sending_ports import FoundMail, SentPlace
from exchange.answer_parser import Node, malformed
from exchange.errors import message_error, response_code
from exchange.properties import SEND_ID, additional, field
from exchange.soap import item_ids
from exchange.values import write_time
from exchange.xml_text import escape

PLACES = (SentPlace.DRAFTS, SentPlace.SENT_ITEMS)
_MOST = 50
_FIELDS = (field("item:IsDraft"), field("item:IsSubmitted"), field("message:InternetMessageId"))
_SHAPE = "<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>" + additional(_FIELDS) + "</m:ItemShape>"


def request(send_id: str, created_after: datetime) -> str:
    """Drafts and Sent Items in one request."""
    created = (
        f"<t:IsGreaterThanOrEqualTo>{field('item:DateTimeCreated')}<t:FieldURIOrConstant>"
        f'<t:Constant Value="{write_time(created_after)}"/></t:FieldURIOrConstant></t:IsGreaterThanOrEqualTo>'
    )
    ours = (
        f"<t:IsEqualTo>{SEND_ID}<t:FieldURIOrConstant>"
        f'<t:Constant Value="{escape(send_id)}"/></t:FieldURIOrConstant></t:IsEqualTo>'
    )
    folders = "".join(f'<t:DistinguishedFolderId Id="{place.value}"/>' for place in PLACES)
    return (
        f'<m:FindItem Traversal="Shallow">{_SHAPE}'
        f'<m:IndexedPageItemView MaxEntriesReturned="{_MOST}" Offset="0" BasePoint="Beginning"/>'
        f"<m:Restriction><t:And>{created}{ours}</t:And></m:Restriction>"
        f"<m:ParentFolderIds>{folders}</m:ParentFolderIds></m:FindItem>"
    )


def parse(messages: Sequence[Node]) -> list[FoundMail]:
    """One answer a folder, in the order asked."""
    if len(messages) != len(PLACES):
        raise malformed("FindItem: not one answer for each folder")
    found = []
    for place, message in zip(PLACES, messages, strict=True):
        if error := message_error(message):
            raise error
        root = message.find("RootFolder")
        items = root.find("Items") if root is not None else None
        if items is None:
            raise malformed("FindItem: no list of items")
        found += [_found(place, item) for item in items.children]
    return found


def request_draft(item_id: str) -> str:
    """One draft as it is now."""
    return f"<m:GetItem>{_SHAPE}{item_ids((item_id,))}</m:GetItem>"


def parse_draft(messages: Sequence[Node]) -> FoundMail | None:
    """None: there is no such item any more."""
    if len(messages) != 1:
        raise malformed("GetItem: not one answer")
    message = messages[0]
    if error := message_error(message):
        if response_code(message) == "ErrorItemNotFound":
            return None
        raise error
    items = message.find("Items")
    if items is None or not items.children:
        raise malformed("GetItem: no item in a successful answer")
    item = items.children[0]
    place = SentPlace.DRAFTS if item.text_of("IsDraft") in ("true", "1") else SentPlace.SENT_ITEMS
    return _found(place, item)


def _found(place: SentPlace, item: Node) -> FoundMail:
    own = item.find("ItemId")
    item_id, change_key = (
        (own.attributes.get("Id"), own.attributes.get("ChangeKey")) if own is not None else (None, None)
    )
    if not item_id or not change_key:
        raise malformed("an item without an id")
    draft = Draft(item_id, change_key, item.text_of("InternetMessageId").strip())
    return FoundMail(place, draft, is_submitted=item.text_of("IsSubmitted") in ("true", "1"))
