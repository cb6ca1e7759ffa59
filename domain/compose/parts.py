"""Attachments and inline images as they go out: their types, names, and which images the HTML names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from domain.compose.file_names import distinct_file_names
from domain.compose.message import OutgoingPart
from domain.mime.bodies import unescape

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,90}")
_UNKNOWN_TYPE = "application/octet-stream"
_IMAGE_TYPE = re.compile(r"image/(?:png|gif|jpeg|jpg|pjpeg|webp|bmp|tiff|x-icon|heic|avif)")
_TAG = re.compile(r"""<[a-z](?:[^>"']++|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+>?""", re.IGNORECASE)
_CID = re.compile(
    r"""(?<=[\s"'/])[a-z][a-z-]*+\s*+=\s*+("\s*+cid:[^"]*+"|'\s*+cid:[^']*+'|cid:[^\s>"']*+)""", re.IGNORECASE
)
_IMG = re.compile(r"<img[\s/]", re.IGNORECASE)
_MAX_CID_CHARS = 1_000
_MAX_REPORTED = 50


@dataclass(frozen=True, slots=True)
class InlinedHtml:
    """`html` names exactly `images`. `dropped`: Content-IDs that nothing has; their images are left out."""

    html: str
    images: tuple[OutgoingPart, ...]
    dropped: tuple[str, ...]


def media_type(content_type: str) -> str:
    """The type as it is written. Whole messages and multiparts may not be base64 (RFC 2046, section 5), so
    they go as plain files, as does what is no type."""
    text = content_type.strip().lower()
    if not _MEDIA_TYPE.fullmatch(text) or text.startswith(("multipart/", "message/")):
        return _UNKNOWN_TYPE
    return text


def outgoing_attachments(parts: Iterable[OutgoingPart]) -> tuple[OutgoingPart, ...]:
    """The same parts as attachments, with safe names of which no two are the same."""
    given = tuple(parts)
    names = distinct_file_names(part.name for part in given)
    return tuple(
        replace(part, name=name, content_type=media_type(part.content_type), content_id=None)
        for part, name in zip(given, names, strict=True)
    )


def inline_images(html: str, candidates: Iterable[OutgoingPart], message_id: str) -> InlinedHtml:
    """Which of `candidates` (the original's related parts, the draft's images) go along with `html`.

    They get Content-IDs of their own, made from `message_id`, since those of other mails may clash or hold
    anything. Only raster images are taken. Of two candidates with one Content-ID the first counts.
    """
    known: dict[str, OutgoingPart] = {}
    for part in candidates:
        if part.content_id and _IMAGE_TYPE.fullmatch(part.content_type.strip().lower()):
            known.setdefault(part.content_id.strip("<> "), part)
    named: dict[str, OutgoingPart] = {}
    dropped: dict[str, None] = {}

    def written(tag: re.Match[str]) -> str:
        if "cid:" not in tag[0].lower():
            return tag[0]
        is_image = _IMG.match(tag[0]) is not None
        lost = False

        def attribute(found: re.Match[str]) -> str:
            nonlocal lost
            content_id = _content_id(found[1])
            if not is_image or found[0][:3].lower() != "src" or content_id not in known:
                dropped.setdefault(content_id)
                lost = True
                return ""
            part = named.get(content_id)
            if part is None:
                part = replace(known[content_id], content_id=_new_id(len(named) + 1, message_id))
                named[content_id] = part
            return f'src="cid:{part.content_id}"'

        replaced = _CID.sub(attribute, tag[0])
        return "" if lost and is_image else replaced

    html = _TAG.sub(written, html)
    names = distinct_file_names(part.name for part in named.values())
    images = tuple(
        replace(part, name=name, content_type=media_type(part.content_type))
        for part, name in zip(named.values(), names, strict=True)
    )
    return InlinedHtml(html, images, tuple(dropped)[:_MAX_REPORTED])


def _content_id(value: str) -> str:
    text = unescape(value.strip("\"'").strip())[4:]
    return unquote(text[:_MAX_CID_CHARS]).strip("<> ")


def _new_id(number: int, message_id: str) -> str:
    digest = hashlib.sha256(message_id.encode("utf-8", "replace")).hexdigest()[:24]
    return f"image{number}.{digest}@{message_id.strip('<>').rpartition('@')[2]}"
