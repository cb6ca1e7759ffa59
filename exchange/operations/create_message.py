"""CreateItem (Microsoft: "CreateItem operation") of a whole message as a draft: MIME, our send id and the
recipients in one request, written into a file so that a large message is never held in memory. Its answer is
`create_item`'s."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from exchange.properties import SEND_ID
from exchange.xml_text import escape

_MIME_STANDS_HERE = "@MIME@"
_GROUP = 3 * 16_384


def body(send_id: str, to: Sequence[str], cc: Sequence[str], bcc: Sequence[str]) -> str:
    """The request's body with a mark where the message goes. Recipients are properties beside the MIME, since
    Exchange ignores a `Bcc` in it."""
    recipients = "".join(
        f"<t:{name}>{''.join(_mailbox(address) for address in addresses)}</t:{name}>"
        for name, addresses in (("ToRecipients", to), ("CcRecipients", cc), ("BccRecipients", bcc))
        if addresses
    )
    return (
        '<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>'
        '<t:DistinguishedFolderId Id="drafts"/></m:SavedItemFolderId><m:Items><t:Message>'
        f'<t:MimeContent CharacterSet="UTF-8">{_MIME_STANDS_HERE}</t:MimeContent>'
        f"<t:ExtendedProperty>{SEND_ID}<t:Value>{escape(send_id)}</t:Value></t:ExtendedProperty>"
        f"{recipients}</t:Message></m:Items></m:CreateItem>"
    )


def write(request: bytes, message: Iterable[bytes], out: IO[bytes]) -> None:
    """The whole request with the message in its place."""
    start, _, end = request.partition(_MIME_STANDS_HERE.encode())
    out.write(start)
    for piece in _base64(message):
        out.write(piece)
    out.write(end)


def _mailbox(address: str) -> str:
    return f"<t:Mailbox><t:EmailAddress>{escape(address)}</t:EmailAddress></t:Mailbox>"


def _base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        rest += chunk
        whole = len(rest) // _GROUP * _GROUP
        if whole:
            yield binascii.b2a_base64(rest[:whole], newline=False)
            rest = rest[whole:]
    yield binascii.b2a_base64(rest, newline=False)
