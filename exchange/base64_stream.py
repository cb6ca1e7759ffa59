"""Base64 (RFC 4648 section 4) decoded piece by piece, so that a message of any size passes in bounded
memory."""

from __future__ import annotations

from binascii import Error, a2b_base64

_WHITE_SPACE = b" \t\r\n"


class Base64Error(ValueError):
    """What came is not base64, or ends in the middle of a group."""


class Base64Stream:
    """Decodes one base64 text whose pieces may be cut anywhere. White space is allowed, anything else is
    not."""

    def __init__(self) -> None:
        self._rest = b""
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """The bytes that are complete so far; may be empty. Raises `Base64Error`."""
        # Looking for each character is far cheaper than copying without them, and Exchange writes none.
        if b"\n" in data or b"\r" in data or b" " in data or b"\t" in data:
            data = data.translate(None, _WHITE_SPACE)
        if self._rest:
            data = self._rest + data
        if not data:
            return b""
        if self._ended:
            raise Base64Error("text after the padding")
        whole = len(data) & ~3
        self._rest = data[whole:]
        self._ended = data[whole - 1 : whole] == b"="
        try:
            return a2b_base64(data[:whole] if self._rest else data, strict_mode=True)
        except Error as error:
            raise Base64Error("not base64") from error

    def end(self) -> None:
        """To be called when no more comes. Raises `Base64Error` where a group is incomplete."""
        if self._rest:
            raise Base64Error("ends in the middle of a group")
