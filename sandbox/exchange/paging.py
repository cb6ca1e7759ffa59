"""Pages of FindItem and FindFolder (Microsoft: "IndexedPageItemView", "FractionalPageItemView")."""

from dataclasses import dataclass

from lxml import etree

from sandbox.exchange.errors import ItemError
from sandbox.exchange.soap import M

SERVER_LIMIT = 1000
"""Entries in one answer at most, whatever is asked for (EWSFindCountLimit)."""

MAX_OFFSET = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the found entries to give: offset from the first, and at most how many."""

    offset: int
    limit: int

    def attributes(self, total: int, given: int) -> str:
        """The attributes of RootFolder."""
        end = self.offset + given
        last = "true" if end >= total else "false"
        return f' IndexedPagingOffset="{end}" TotalItemsInView="{total}" IncludesLastItemInRange="{last}"'


def requested_page(request: etree._Element, name: str, total: int) -> Page:
    """The page in a child such as IndexedPageItemView. Raises ItemError where its numbers make none."""
    node = request.find(M + name)
    if node is None:
        return Page(0, SERVER_LIMIT)
    try:
        offset = int(node.get("Offset", "0"))
        limit = int(node.get("MaxEntriesReturned", str(SERVER_LIMIT)))
    except ValueError as error:
        raise ItemError("ErrorInvalidPagingMaxRows", "Paging values are invalid.") from error
    if not 0 <= offset <= MAX_OFFSET or limit <= 0:
        raise ItemError("ErrorInvalidIndexedPagingParameters", "Paging values are invalid.")
    if node.get("BasePoint") == "End":
        offset = max(0, total - offset - limit)
    return Page(offset, min(limit, SERVER_LIMIT))
