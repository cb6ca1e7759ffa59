"""Splits long values over several properties, since one holds at most 64 KiB (Microsoft: "Understanding the
Table service data model": strings as UTF-16)."""

from __future__ import annotations

from collections.abc import Mapping

TEXT_UNITS = 32_000
"""UTF-16 code units a property: 64,000 bytes of the 65,536 that one may have."""
BINARY_BYTES = 64_000
MAX_ENTITY_BYTES = 1_000_000
"""Of the 1,048,576 that an entity may have, names and keys included."""


class TooLargeError(ValueError):
    """The value does not fit into one entity."""


def split_text(text: str, prefix: str, *, limit_bytes: int = MAX_ENTITY_BYTES) -> dict[str, str]:
    """Properties `{prefix}0`, `{prefix}1`, ... An empty text is one empty property. Raises
    `TooLargeError`."""
    if len(text) <= TEXT_UNITS // 2:
        return {f"{prefix}0": text}
    wide = not text.isascii() and max(text) > "\uffff"
    pieces = (
        _split_wide(text) if wide else [text[n : n + TEXT_UNITS] for n in range(0, len(text), TEXT_UNITS)]
    )
    if utf16_bytes(text) > limit_bytes:
        raise TooLargeError(f"{utf16_bytes(text)} bytes of text do not fit into {limit_bytes}")
    return {f"{prefix}{n}": piece for n, piece in enumerate(pieces)}


def split_bytes(data: bytes, prefix: str, *, limit_bytes: int = MAX_ENTITY_BYTES) -> dict[str, bytes]:
    """As `split_text`, for bytes."""
    if len(data) > limit_bytes:
        raise TooLargeError(f"{len(data)} bytes do not fit into {limit_bytes}")
    starts = range(0, len(data) or 1, BINARY_BYTES)
    return {f"{prefix}{n}": data[start : start + BINARY_BYTES] for n, start in enumerate(starts)}


def join_text(values: Mapping[str, object], prefix: str) -> str | None:
    """What `split_text` split; None where no such property is there."""
    pieces: list[str] = []
    while isinstance(piece := values.get(f"{prefix}{len(pieces)}"), str):
        pieces.append(piece)
    return "".join(pieces) if pieces else None


def join_bytes(values: Mapping[str, object], prefix: str) -> bytes | None:
    """What `split_bytes` split; None where no such property is there."""
    pieces: list[bytes] = []
    while isinstance(piece := values.get(f"{prefix}{len(pieces)}"), bytes):
        pieces.append(piece)
    return b"".join(pieces) if pieces else None


def utf16_bytes(text: str) -> int:
    """Size as Table Storage counts it."""
    return 2 * len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass"))


def _split_wide(text: str) -> list[str]:
    """Splits a text with characters that take two code units each (never inside one of them)."""
    pieces, start, units = [], 0, 0
    for index, character in enumerate(text):
        width = 2 if character > "\uffff" else 1
        if units + width > TEXT_UNITS:
            pieces.append(text[start:index])
            start, units = index, 0
        units += width
    pieces.append(text[start:])
    return pieces
