"""Ids of others in paths: any character, a slash too, percent-encoded once.

The platform decodes a path once before we see it and leaves `%2F` alone: an id that itself holds the text
`%2F` cannot be told from one with a slash, and is sent with its `%` encoded twice.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Path

MAX_ID_CHARS = 200
_SLASH = re.compile("%2[Ff]")


def decoded_id(segment: str) -> str:
    """The id of a path's segment as the application sees it (`api.functions_app`)."""
    return _SLASH.sub("/", segment)


async def _incident_id(
    incident_id: Annotated[str, Path(description="Respond's id, any characters, at most 200.")],
) -> str:
    return decoded_id(incident_id)


IncidentId = Annotated[str, Depends(_incident_id)]
"""The incident's id; may be too long to be one."""
