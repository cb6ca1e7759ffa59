"""Bounces and receipts that name the mail they are about only inside (Postfix and others write no
`In-Reply-To`): which message that was.

Such a report is read to decide whether it is about a mail that we sent. Nothing of it is kept here; where it
is not ours nothing is stored. A crash leaves nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from domain.errors import RetryLaterError
from domain.mail import Report
from domain.mime.message import read_report
from domain.mime.scanner import MessageScanner
from domain.server_items import Envelope, FetchedMessage

if TYPE_CHECKING:
    from domain.ports import MailServer

_log = logging.getLogger(__name__)
_SCANNED_BYTES = 1_048_576
"""A report is small, but for the mail that it may bring back whole, whose header comes first."""


def reported_messages(server: MailServer, envelopes: Sequence[Envelope]) -> dict[str, Report]:
    """By the report's item id. One request for each; what cannot be read says nothing. Raises what concerns
    more than single items."""
    found = {}
    for envelope in envelopes:
        item_id = envelope.summary.item_id
        try:
            report = _report_of(server, item_id)
        except RetryLaterError as trouble:
            if trouble.back_off is not None:
                raise
            _log.info("a delivery report cannot be read: %s", trouble.code)
            continue
        if report is not None:
            found[item_id] = report
    return found


def _report_of(server: MailServer, item_id: str) -> Report | None:
    for answer in server.messages([item_id]):
        if isinstance(answer, FetchedMessage):
            return _read(answer)
    return None


def _read(message: FetchedMessage) -> Report | None:
    room = _SCANNED_BYTES
    scanner = MessageScanner()
    for chunk in message.chunks:  # to its end, as the port asks for
        scanner.feed(chunk[:room])
        room -= min(room, len(chunk))
    scanner.close()
    return read_report(scanner)
