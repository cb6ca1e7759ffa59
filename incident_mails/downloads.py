"""File names and headers of what a mail brings along: downloads only, but for raster images within a body."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from domain.mail import Part

_MAX_NAME_CHARS = 150
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]+')
_RASTER_TYPES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"))
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_ACTIVE_TYPES = ("html", "xml", "svg", "javascript", "ecmascript", "pdf", "flash", "x-msdownload")


def safe_file_name(name: str, fallback: str) -> str:
    """A name without paths, controls, direction overrides or Windows's forbidden characters; the extension
    stays."""
    shown = "".join(char for char in unicodedata.normalize("NFC", name) if unicodedata.category(char) != "Cf")
    shown = _UNSAFE.sub("_", shown).strip(" .") or fallback
    if len(shown) <= _MAX_NAME_CHARS:
        return shown
    stem, dot, extension = shown.rpartition(".")
    if not dot or len(extension) > 20:
        return shown[:_MAX_NAME_CHARS]
    return f"{stem[: _MAX_NAME_CHARS - len(extension) - 1]}.{extension}"


def content_disposition(kind: str, name: str) -> str:
    """RFC 6266 with both forms of the name (RFC 8187)."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def served_type(part: Part) -> str:
    """The part's own type where a browser does nothing with it; active types and nonsense as plain bytes."""
    kind = part.content_type
    if not _TYPE.fullmatch(kind) or any(word in kind for word in _ACTIVE_TYPES):
        return "application/octet-stream"
    return (
        kind
        if kind in _RASTER_TYPES or kind.split("/")[0] in ("application", "image")
        else "application/octet-stream"
    )


def download_headers(part: Part, name: str) -> dict[str, str]:
    """Headers of an attachment's answer."""
    shown_in_body = part.content_type in _RASTER_TYPES and (part.is_inline or part.content_id is not None)
    return {
        "Content-Disposition": content_disposition("inline" if shown_in_body else "attachment", name),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
