"""Pages of a folder list that may change between two pages: the tree is read anew for each.

A cursor names the last folders shown and a place. The next page begins after the last of them that is still
there, so that folders made or removed meanwhile neither repeat nor hide others; where all of them have gone,
at the place. Pure.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

_NAMED = 3


def page_of_folders(
    items: Sequence[dict[str, object]], limit: int, cursor: str | None
) -> tuple[list[dict[str, object]], str | None]:
    """The page after `cursor`, and the next cursor. Raises `ValueError` for what is no cursor."""
    start = _start(items, cursor) if cursor else 0
    page = list(items[start : start + limit])
    if start + limit >= len(items):
        return page, None
    return page, _cursor([str(one["id"]) for one in reversed(page[-_NAMED:])], start + limit)


def _start(items: Sequence[dict[str, object]], cursor: str) -> int:
    text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    decoded = json.loads(text)
    match decoded:
        case [int(place), *named] if place >= 0:
            places = {str(item["id"]): after for after, item in enumerate(items, 1)}
            return next((places[one] for one in map(str, named) if one in places), place)
    raise ValueError("not a cursor")


def _cursor(folder_ids: Sequence[str], place: int) -> str:
    """`folder_ids`: the last shown first."""
    text = json.dumps([place, *folder_ids], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
