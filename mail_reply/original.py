"""The mail that is answered or forwarded: its bodies, made safe, and its parts, named and not copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from api.sanitise import MAX_HTML_CHARS, sanitise_html
from domain.compose.message import OutgoingPart
from domain.compose.quote import Original
from domain.errors import NotFoundError
from domain.mime.bodies import decode_text, html_to_text
from mail_reply.contents import part_key, part_size_bytes

if TYPE_CHECKING:
    from domain.mail import Mail
    from domain.ports import RawMailStore

_MAX_BODY_BYTES = 4 * 1024 * 1024


class KeptContentIds(Mapping[str, str]):
    """Every image's `cid:` stays as it is while HTML is sanitised; which of them there are is told later."""

    def __getitem__(self, content_id: str) -> str:
        return f"cid:{content_id}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def read_original(raw: RawMailStore, mail: Mail) -> Original:
    """Empty bodies where the message could not be had. Remote images are left out: whoever reads the answer
    would tell the original's sender."""
    html = _body(raw, mail, mail.html_part)
    safe = None
    if html and len(html) <= MAX_HTML_CHARS:
        safe = sanitise_html(html, images=KeptContentIds(), remote_images=False)
    text = _body(raw, mail, mail.text_part)
    if not text and safe is None:
        text = html_to_text(html)
    return Original(mail, safe.html if safe else "", text)


def related_images(raw: RawMailStore, mail: Mail) -> tuple[OutgoingPart, ...]:
    """Its images that its HTML can name."""
    return tuple(
        _part(raw, mail, index)
        for index in mail.attachments
        if mail.parts[index].content_id and mail.parts[index].content_type.startswith("image/")
    )


def attached_files(raw: RawMailStore, mail: Mail) -> tuple[OutgoingPart, ...]:
    """What goes along in a forward: everything that is not shown within the body."""
    return tuple(_part(raw, mail, index) for index in mail.attachments if not mail.parts[index].is_inline)


def _part(raw: RawMailStore, mail: Mail, index: int) -> OutgoingPart:
    part = mail.parts[index]
    return OutgoingPart(
        key=part_key(mail, index),
        name=part.filename or "",
        content_type=part.content_type,
        size_bytes=part_size_bytes(raw, mail, index),
        content_id=part.content_id,
    )


def _body(raw: RawMailStore, mail: Mail, index: int | None) -> str:
    if index is None or mail.raw_size_bytes == 0:
        return ""
    part = mail.parts[index]
    length = min(part.length, _MAX_BODY_BYTES)
    try:
        return decode_text(raw.read(mail.id, part.offset, length) if length else b"", part)
    except NotFoundError:
        return ""
