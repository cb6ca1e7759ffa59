"""CreateItem (Microsoft: "CreateItem operation"): saves a draft; nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.answer_parser import Node, malformed
from exchange.errors import message_error
from exchange.xml_text import escape


def request_draft(subject: str, text: str) -> str:
    """A message without recipients, saved in Drafts."""
    return (
        '<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>'
        '<t:DistinguishedFolderId Id="drafts"/></m:SavedItemFolderId><m:Items><t:Message>'
        f'<t:Subject>{escape(subject)}</t:Subject><t:Body BodyType="Text">{escape(text)}</t:Body>'
        "</t:Message></m:Items></m:CreateItem>"
    )


def parse(messages: Sequence[Node]) -> str:
    """The new item's id."""
    if len(messages) != 1:
        raise malformed("CreateItem: not one answer")
    if error := message_error(messages[0]):
        raise error
    items = messages[0].find("Items")
    own = items.children[0].find("ItemId") if items is not None and items.children else None
    identifier = own.attributes.get("Id") if own is not None else None
    if not identifier:
        raise malformed("CreateItem: no id in a successful answer")
    return identifier
