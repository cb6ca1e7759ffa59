"""FindItem (Microsoft: "FindItem operation"): items by received time, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.server_items import ItemPage
from exchange.answer_parser import Node, malformed
from exchange.errors import message_error
from exchange.properties import SUMMARY, additional, field
from exchange.soap import folder_id
from exchange.summaries import summary
from exchange.values import write_time

_RECEIVED = field("item:DateTimeReceived")


def request(folder: str, since: datetime, before: datetime | None, limit: int) -> str:
    """The newest `limit` items received at or after `since` and, where given, in or before the second of
    `before`.

    The store keeps fractions of seconds that EWS cuts off when it tells a received time, but compares with.
    """
    bounds = _compare("IsGreaterThanOrEqualTo", since.replace(microsecond=0))
    if before is not None:
        upper = _compare("IsLessThan", before.replace(microsecond=0) + timedelta(seconds=1))
        bounds = f"<t:And>{bounds}{upper}</t:And>"
    return (
        '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>'
        f"{additional(SUMMARY)}</m:ItemShape>"
        f'<m:IndexedPageItemView MaxEntriesReturned="{limit}" Offset="0" BasePoint="Beginning"/>'
        f"<m:Restriction>{bounds}</m:Restriction>"
        f'<m:SortOrder><t:FieldOrder Order="Descending">{_RECEIVED}</t:FieldOrder></m:SortOrder>'
        f"<m:ParentFolderIds>{folder_id(folder)}</m:ParentFolderIds></m:FindItem>"
    )


def parse(messages: Sequence[Node]) -> ItemPage:
    """Raises `FolderGoneError` among others."""
    if len(messages) != 1:
        raise malformed("FindItem: not one answer")
    if error := message_error(messages[0]):
        raise error
    root = messages[0].find("RootFolder")
    items = root.find("Items") if root is not None else None
    if root is None or items is None:
        raise malformed("FindItem: no list of items")
    complete = root.attributes.get("IncludesLastItemInRange", "").lower() in ("true", "1")
    return ItemPage(tuple(summary(item) for item in items.children), complete)


def _compare(operator: str, at: datetime) -> str:
    constant = f'<t:FieldURIOrConstant><t:Constant Value="{write_time(at)}"/></t:FieldURIOrConstant>'
    return f"<t:{operator}>{_RECEIVED}{constant}</t:{operator}>"
