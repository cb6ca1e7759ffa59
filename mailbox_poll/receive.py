"""One message on its way in: scanned while it streams into its blob, and answered as a row that is not
stored yet.

The blob appears whole or not at all and is never replaced. Dies before the blob: nothing is left. Dies after
it: the
next fetch finds the blob, keeps it, and makes the row from the blob's own bytes, so that the row always
describes
what is stored even where the server rebuilt the message in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from domain.mail import Mail
from domain.mime.message import MailContext, identify, mail_from_message
from domain.mime.scanner import MessageScanner
from domain.server_items import ItemSummary

if TYPE_CHECKING:
    from domain.ports import RawMailStore

HEAD_BYTES = 1_048_576
"""A message up to here is held whole; of a longer one only this much is, the rest streams."""


def receive_message(
    raw: RawMailStore, chunks: Iterator[bytes], summary: ItemSummary, context: MailContext
) -> Mail:
    """Stores the raw message and answers its row. Raises what `chunks` and `raw` raise."""
    scanner = MessageScanner()
    digest = hashlib.sha256()
    head, rest = _split_head(chunks)
    scanner.feed(head)
    digest.update(head)
    whole = not rest
    if whole:
        scanner.close()
    mail_id = identify(scanner, summary, context)
    stored = raw.put(mail_id, [head] if whole else _observed(head, rest, chunks, scanner, digest))
    if not whole:
        for chunk in chunks:  # what an upload that found its blob there did not ask for
            scanner.feed(chunk)
            digest.update(chunk)
        scanner.close()
    if stored.already_there and stored.sha256 != digest.hexdigest():
        scanner = _scan(raw.stream(mail_id))
    return mail_from_message(scanner, summary, context, mail_id=mail_id, raw_sha256=stored.sha256)


def _split_head(chunks: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Exactly the first `HEAD_BYTES`, so that nothing depends on how the network cut the message, and the
    rest of
    the chunk they ended in. `rest` is empty where the message is over."""
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size > HEAD_BYTES:
            break
    joined = b"".join(pieces)
    return joined[:HEAD_BYTES], joined[HEAD_BYTES:]


def _observed(
    head: bytes, rest: bytes, chunks: Iterator[bytes], scanner: MessageScanner, digest: hashlib._Hash
) -> Iterator[bytes]:
    yield head
    scanner.feed(rest)
    digest.update(rest)
    yield rest
    for chunk in chunks:
        scanner.feed(chunk)
        digest.update(chunk)
        yield chunk


def _scan(chunks: Iterable[bytes]) -> MessageScanner:
    scanner = MessageScanner()
    for chunk in chunks:
        scanner.feed(chunk)
    scanner.close()
    return scanner
