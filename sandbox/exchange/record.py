"""Records traffic: every SOAP request and answer as one numbered XML file, in the order of their coming and
going.

Long base64 (messages) is shortened to its first bytes, still valid base64. A file is written in one go; a
process that dies leaves at most the last one incomplete.
"""

import itertools
import re
from pathlib import Path

KEPT_BASE64 = 4096
_LONG = re.compile(rb"(<[^>]*(?:MimeContent|Content)[^>]*>)([A-Za-z0-9+/=\s]{8192,})(?=</)")


class Recorder:
    """Writes files under one folder; numbers go on where earlier files end."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        numbers = [int(path.name[:6]) for path in folder.glob("[0-9]*.xml") if path.name[:6].isdigit()]
        self._numbers = itertools.count(max(numbers, default=0) + 1)

    def write(self, operation: str, kind: str, raw: bytes) -> None:
        """Keep one message; kind is `request` or `response`."""
        name = f"{next(self._numbers):06d}-{operation}-{kind}.xml"
        shortened = _LONG.sub(lambda match: match[1] + match[2][:KEPT_BASE64], raw)
        (self._folder / name).write_bytes(shortened)
