"""Frames between the Functions host and a worker process: a JSON header and a binary body, on one stream
socket.

Both sides load this file (the worker by its path), so it needs the standard library alone. Frames carry no
state: when either process dies, the other reads the end of the stream.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

PREFIX = struct.Struct("!IQ")  # size of the header and of the body, in bytes
HEADER_LIMIT_BYTES = 64 * 1024 * 1024
BODY_LIMIT_BYTES = 512 * 1024 * 1024

Header = dict[str, Any]


class FrameError(ValueError):
    """The peer sent something that is no frame, or a larger one than allowed."""


class BodyWriter:
    """Collects the binary parts of one frame, so that the header can say where each lies."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._size_bytes = 0

    def put(self, data: bytes) -> list[int]:
        """Appends `data`; returns its place as [offset, size in bytes]."""
        place = [self._size_bytes, len(data)]
        self.parts.append(data)
        self._size_bytes += len(data)
        return place


def take(body: bytes, place: Sequence[int]) -> bytes:
    """The part of a frame's body that `BodyWriter.put` placed there."""
    offset, size_bytes = place
    if offset < 0 or size_bytes < 0 or offset + size_bytes > len(body):
        raise FrameError(f"the frame has no part at {offset} of {size_bytes} bytes")
    return body if size_bytes == len(body) else body[offset : offset + size_bytes]


def pack(header: Header, parts: Sequence[bytes] = ()) -> list[bytes]:
    """The pieces to send one after another for one frame; large bodies are not copied."""
    encoded = json.dumps(header, separators=(",", ":")).encode()
    return [PREFIX.pack(len(encoded), sum(map(len, parts))) + encoded, *parts]


def read_frame(connection: socket.socket) -> tuple[Header, bytes] | None:
    """Blocks for the next frame; None when the peer is gone. Raises FrameError."""
    prefix = _receive(connection, PREFIX.size)
    if prefix is None:
        return None
    header_size, body_size = _sizes(prefix)
    header = _receive(connection, header_size)
    body = _receive(connection, body_size)
    return None if header is None or body is None else (_decoded(header), body)


async def read_frame_async(reader: asyncio.StreamReader) -> tuple[Header, bytes] | None:
    """As `read_frame`, on an event loop."""
    try:
        header_size, body_size = _sizes(await reader.readexactly(PREFIX.size))
        header = await reader.readexactly(header_size)
        return _decoded(header), await reader.readexactly(body_size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _sizes(prefix: bytes) -> tuple[int, int]:
    header_size, body_size = PREFIX.unpack(prefix)
    if header_size > HEADER_LIMIT_BYTES or body_size > BODY_LIMIT_BYTES:
        raise FrameError(f"a frame of {header_size} and {body_size} bytes is larger than allowed")
    return header_size, body_size


def _decoded(header: bytes) -> Header:
    decoded = json.loads(header)
    if not isinstance(decoded, dict):
        raise FrameError("the frame's header is not a JSON object")
    return decoded


def _receive(connection: socket.socket, size_bytes: int) -> bytes | None:
    if size_bytes == 0:
        return b""
    buffer = bytearray(size_bytes)
    view = memoryview(buffer)
    while view:
        try:
            count = connection.recv_into(view)
        except ConnectionError:
            return None
        if count == 0:
            return None
        view = view[count:]
    view.release()
    return bytes(buffer)
