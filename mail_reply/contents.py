"""Bytes of outgoing attachments by their key: uploaded ones from their blob, those of a stored mail from its
raw message, which is never copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.errors import NotFoundError
from domain.mime.part_reader import decoded_size, decoded_slice

if TYPE_CHECKING:
    from domain.compose.mime import ReadContent
    from domain.mail import Mail
    from domain.ports import MailStore, RawMailStore
    from domain.sending_ports import OutgoingContents

_OF_MAIL = "mail:"
_STEP_BYTES = 4 * 1024 * 1024


def part_key(mail: Mail, index: int) -> str:
    """The key of a stored mail's part."""
    return f"{_OF_MAIL}{mail.id}:{index}"


def part_size_bytes(raw: RawMailStore, mail: Mail, index: int) -> int:
    """Exact; an encoded part is read to its end for it. Raises `NotFoundError`."""
    return decoded_size(lambda offset, length: raw.read(mail.id, offset, length), mail.parts[index])


def content_reader(contents: OutgoingContents, mails: MailStore, raw: RawMailStore) -> ReadContent:
    """Reads by key. The reader raises `NotFoundError` where a mail or a blob is gone."""

    def read(key: str) -> Iterator[bytes]:
        if not key.startswith(_OF_MAIL):
            return contents.read(key)
        mail_id, _, index = key.removeprefix(_OF_MAIL).rpartition(":")
        return _part(mails.read(mail_id), raw, int(index))

    return read


def _part(mail: Mail | None, raw: RawMailStore, index: int) -> Iterator[bytes]:
    if mail is None or index >= len(mail.parts):
        raise NotFoundError("the mail that holds this attachment")
    part, offset = mail.parts[index], 0

    def read(at: int, length: int) -> bytes:
        return raw.read(mail.id, at, length) if length else b""

    while piece := decoded_slice(read, part, offset, _STEP_BYTES):
        yield piece
        offset += len(piece)
