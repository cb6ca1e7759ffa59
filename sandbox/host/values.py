"""What goes to a function and comes back from it: the host's side of the typed values in frames.

Names follow the messages of Microsoft's language worker protocol (TypedData, RpcHttp).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.host import framing


@dataclass(frozen=True, slots=True)
class Text:
    """A string, or JSON text where `json` is set."""

    text: str
    json: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """Bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class HttpCall:
    """An HTTP request as the worker library takes it; header names in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An HTTP answer as the worker library gives it; each cookie has `name`, `value` and attributes."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[Mapping[str, Any], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """How an invocation ended; `error` is the exception's text where it failed."""

    ok: bool
    error: str = ""
    returned: "Text | Binary | HttpReply | None" = None
    outputs: Mapping[str, "Text | Binary | HttpReply"] = field(default_factory=dict)


def encode(value: Text | Binary | HttpCall, parts: framing.BodyWriter) -> dict[str, Any]:
    """The value for a frame's header; binary parts go to `parts`."""
    if isinstance(value, Text):
        return {"type": "json" if value.json else "string", "text": value.text}
    if isinstance(value, Binary):
        return {"type": "bytes", "at": parts.put(value.data)}
    return {
        "type": "http",
        "method": value.method,
        "url": value.url,
        "headers": dict(value.headers),
        "params": dict(value.params),
        "query": dict(value.query),
        "at": parts.put(value.body),
    }


def decode(raw: dict[str, Any], body: bytes) -> Text | Binary | HttpReply:
    """The value of a worker's answer. Raises FrameError."""
    kind = raw["type"]
    if kind == "bytes":
        return Binary(framing.take(body, raw["at"]))
    if kind != "http":
        return Text(str(raw["text"]), json=kind == "json")
    content = decode(raw["body"], body)
    if isinstance(content, HttpReply):
        raise framing.FrameError("an HTTP answer cannot be the body of another")
    data = content.data if isinstance(content, Binary) else content.text.encode()
    return HttpReply(int(raw["status"]), raw["headers"], tuple(raw["cookies"]), data)


def decode_result(header: framing.Header, body: bytes) -> Result:
    """A worker's whole answer to an invocation. Raises FrameError."""
    returned = header.get("returned")
    return Result(
        ok=bool(header["ok"]),
        error=str(header.get("error") or ""),
        returned=None if returned is None else decode(returned, body),
        outputs={name: decode(raw, body) for name, raw in header.get("outputs", ())},
    )
