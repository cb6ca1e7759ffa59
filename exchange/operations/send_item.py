"""SendItem (Microsoft: "SendItem operation"): a saved draft leaves, its copy goes to Sent Items."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.answer_parser import Node, malformed
from exchange.errors import message_error
from exchange.xml_text import escape


def request(item_id: str, change_key: str) -> str:
    """The ChangeKey makes the server refuse a draft that somebody changed."""
    return (
        '<m:SendItem SaveItemToFolder="true"><m:ItemIds>'
        f'<t:ItemId Id="{escape(item_id)}" ChangeKey="{escape(change_key)}"/></m:ItemIds>'
        '<m:SavedItemFolderId><t:DistinguishedFolderId Id="sentitems"/></m:SavedItemFolderId></m:SendItem>'
    )


def parse(messages: Sequence[Node]) -> None:
    """Raises what the server refuses."""
    if len(messages) != 1:
        raise malformed("SendItem: not one answer")
    if error := message_error(messages[0]):
        raise error
