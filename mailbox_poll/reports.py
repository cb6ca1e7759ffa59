"""Delivery reports that name the mail they are about only inside (RFC 3464; Postfix and others write no
`In-Reply-To`): which message came back.

Such a report is read to decide whether it is about a mail that we sent. Nothing of it is kept here; where it
is not ours nothing is stored. A crash leaves nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from domain.errors import RetryLaterError
from domain.mime.delivery_report import read_report
from domain.mime.scanner import MessageScanner
from domain.server_items import Envelope, FetchedMessage

if TYPE_CHECKING:
    from domain.ports import MailServer

_log = logging.getLogger(__name__)
_HELD_BYTES = 1_048_576
"""A report is small, but for the mail that it may bring back whole, whose header comes first."""


def reported_messages(server: MailServer, envelopes: Sequence[Envelope]) -> dict[str, str]:
    """The returned mail's Message-ID, normalised, by the report's item id. One request for each report; what
    cannot be read says nothing. Raises what concerns more than single items."""
    found = {}
    for envelope in envelopes:
        item_id = envelope.summary.item_id
        try:
            original = _original_of(server, item_id)
        except RetryLaterError as trouble:
            if trouble.back_off is not None:
                raise
            _log.info("a delivery report cannot be read: %s", trouble.code)
            continue
        if original is not None:
            found[item_id] = original
    return found


def _original_of(server: MailServer, item_id: str) -> str | None:
    for answer in server.messages([item_id]):
        if isinstance(answer, FetchedMessage):
            return _named_inside(answer)
    return None


def _named_inside(message: FetchedMessage) -> str | None:
    held = bytearray()
    scanner = MessageScanner()
    for chunk in message.chunks:  # to its end, as the port asks for
        room = _HELD_BYTES - len(held)
        if room > 0:
            held += chunk[:room]
            scanner.feed(chunk[:room])
    scanner.close()
    return read_report(
        scanner.parts, lambda offset, length: bytes(held[offset : offset + length])
    ).original_id
