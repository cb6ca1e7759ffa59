"""Turns what a function returned into queue messages, as the Functions host does it
(FunctionBinding.ReadAsEnumerable).

Text that looks like JSON is parsed: an array gives one message an element, and objects are written anew,
indented. A function that wants its text unchanged returns a JSON array of strings.
"""

import base64
import json
from typing import Any

from sandbox.host.errors import OutputError
from sandbox.host.values import Binary, HttpReply, Text

MESSAGE_LIMIT_BYTES = 64 * 1024  # "Scalability and performance targets for Queue Storage"


def queue_messages(value: Text | Binary | HttpReply) -> list[bytes]:
    """The messages that a queue output binding writes for `value`, not yet encoded. Raises OutputError."""
    if isinstance(value, Binary):
        return [value.data]
    if isinstance(value, HttpReply):
        raise OutputError("an HTTP response cannot be written to a queue")
    trimmed = value.text.strip()
    if not (value.json or _looks_like_json(trimmed)):
        return [value.text.encode()]
    try:
        parsed = json.loads(trimmed)
    except (ValueError, RecursionError) as error:
        raise OutputError(f"the output looks like JSON but is none: {error}") from error
    elements = parsed if isinstance(parsed, list) else [parsed]
    return [_as_text(element).encode() for element in elements]


def encoded(message: bytes, encoding: str) -> str:
    """The message as it lies in the queue. Raises OutputError when it is too large for one."""
    text = base64.b64encode(message).decode() if encoding == "base64" else message.decode()
    if len(text.encode()) > MESSAGE_LIMIT_BYTES:
        raise OutputError(f"a queue message may have {MESSAGE_LIMIT_BYTES} bytes, this one has {len(text)}")
    return text


def _looks_like_json(text: str) -> bool:
    return (text.startswith("{") and text.endswith("}")) or (text.startswith("[") and text.endswith("]"))


def _as_text(element: Any) -> str:
    # What .NET's JToken.ToString gives for each kind.
    if isinstance(element, str):
        return element
    if element is None:
        return ""
    if isinstance(element, bool):
        return str(element)
    return json.dumps(element, indent=2, ensure_ascii=False)
