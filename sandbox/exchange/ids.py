"""Item, folder and attachment ids and change keys: opaque base64 that differs in letter case only, as
Exchange's do.
"""

import base64
import binascii
import struct
from dataclasses import dataclass

from sandbox.exchange.errors import ItemError

_ITEM = b"\x00\x03\x24\x00"
_FOLDER = b"\x01\x03\x24\x00"
_ATTACHMENT_TAIL = struct.Struct(">3sH")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


@dataclass(frozen=True, slots=True)
class IdSpace:
    """Ids of one mailbox.

    The prefixes are multiples of three bytes, so that an id is the prefix's base64 plus the counter's.
    """

    item_prefix: str
    folder_prefix: str
    change_prefix: str

    @classmethod
    def of(cls, mailbox_guid: str, replica: bytes) -> "IdSpace":
        """mailbox_guid: 36 characters; replica: 38 random bytes that stay with the mailbox."""
        owner = mailbox_guid.encode("ascii")
        item = (
            _ITEM
            + owner
            + b"\x00\x46\x00\x00\x00\x00\x00"
            + replica[:16]
            + b"\x07\x00"
            + replica[:38]
            + b"\x00\x00"
        )
        folder = (
            _FOLDER + owner + b"\x00\x2e\x00\x00\x00\x00\x00" + replica[:16] + replica[16:32] + b"\x01\x00"
        )
        return cls(_text(item), _text(folder), _text(b"\x09\x00\x00\x00\x16\x00\x00\x00" + replica[:16]))

    def item(self, number: int) -> str:
        """The ItemId of an item's row number."""
        return self.item_prefix + _text(struct.pack(">Q", number)[2:] + b"\x00\x00")

    def folder(self, number: int) -> str:
        """The FolderId of a folder's row number."""
        return self.folder_prefix + _text(struct.pack(">Q", number)[2:] + b"\x00\x00")

    def change_key(self, number: int) -> str:
        """The ChangeKey of a change's number."""
        return self.change_prefix + _text(struct.pack(">Q", number)[2:])

    def attachment(self, item_number: int, index: int) -> str:
        """The AttachmentId of the index-th attachment of an item."""
        raw = base64.b64decode(self.item(item_number)) + _ATTACHMENT_TAIL.pack(b"\x01\x12\x00", index)
        return _text(raw)

    def parse_item(self, text: str) -> int:
        """The row number in an ItemId. Raises ItemError."""
        raw = _decode(text)
        if text.startswith(self.folder_prefix):
            raise ItemError("ErrorCannotUseFolderIdForItemId")
        if not text.startswith(self.item_prefix) or len(text) != len(self.item_prefix) + 12:
            raise ItemError("ErrorItemNotFound")
        return _number(raw)

    def parse_folder(self, text: str) -> int:
        """The row number in a FolderId. Raises ItemError."""
        raw = _decode(text)
        if text.startswith(self.item_prefix):
            raise ItemError("ErrorCannotUseItemIdForFolderId")
        if not text.startswith(self.folder_prefix) or len(text) != len(self.folder_prefix) + 12:
            raise ItemError("ErrorFolderNotFound")
        return _number(raw)

    def parse_attachment(self, text: str) -> tuple[int, int]:
        """Item row number and index in an AttachmentId. Raises ItemError."""
        raw = _decode(text)
        if len(raw) <= _ATTACHMENT_TAIL.size or raw[:4] != _ITEM:
            raise ItemError("ErrorInvalidAttachmentId", "The attachment id is invalid.")
        item = self.parse_item(_text(raw[: -_ATTACHMENT_TAIL.size]))
        return item, _ATTACHMENT_TAIL.unpack(raw[-_ATTACHMENT_TAIL.size :])[1]


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ItemError("ErrorInvalidIdMalformed") from error
    if len(raw) < 12 or raw[:4] not in (_ITEM, _FOLDER):
        raise ItemError("ErrorInvalidIdMalformed")
    return raw


def _number(raw: bytes) -> int:
    return int.from_bytes(raw[-8:-2], "big")
