"""A place in a list as opaque text: the last row's key, which whoever gives it back may have made up."""

from __future__ import annotations

import base64
import re

MAX_CURSOR_CHARS = 2_000


def written(key: str) -> str:
    """Of an ASCII key."""
    return base64.urlsafe_b64encode(key.encode("ascii")).decode().rstrip("=")


def read(cursor: str, shape: re.Pattern[str]) -> str:
    """The key. Raises `ValueError` where it is not what `written` gives for a key of this shape."""
    if len(cursor) > MAX_CURSOR_CHARS:
        raise ValueError("cursor")
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError as error:
        raise ValueError("cursor") from error
    if not shape.fullmatch(key):
        raise ValueError("cursor")
    return key
