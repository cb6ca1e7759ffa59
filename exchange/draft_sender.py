"""Sends a mailbox's mail: `domain.sending_ports.DraftSender` over EWS.

Every request that changes something is sent once. A draft whose answer was lost may be in Drafts; nothing
sends it but `send_draft` with its id, which only a recorded draft has. Dies after `SendItem` was sent:
whether it left is found out by the send id.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import IO

from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from domain.outbox import Draft
from domain.sending_ports import DraftChangedError, DraftGoneError, FoundMail
from exchange.answer_parser import malformed
from exchange.errors import ITEM
from exchange.mailbox_session import MailboxSession
from exchange.operations import create_item, create_message, delete_item, find_sent, send_item

_IN_MEMORY_BYTES = 1_048_576
_CHANGED = frozenset(
    ("ErrorIrresolvableConflict", "ErrorStaleObject", "ErrorInvalidChangeKey", "ErrorChangeKeyRequired")
)
_GONE = frozenset(("ErrorItemNotFound", "ErrorInvalidIdMalformed"))


class EwsDraftSender:
    """See the port. Safe for several threads."""

    def __init__(self, session: MailboxSession) -> None:
        self._session = session

    def create_draft(
        self,
        message: Callable[[], Iterator[bytes]],
        *,
        send_id: str,
        to: Sequence[str],
        cc: Sequence[str],
        bcc: Sequence[str],
    ) -> Draft:
        """The request goes through a file: a message of 25 MB takes 1 MiB of memory."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spool:

            def write(request: bytes) -> IO[bytes]:
                spool.seek(0)
                spool.truncate()
                create_message.write(request, message(), spool)
                spool.seek(0)
                return spool

            body = create_message.body(send_id, to, cc, bcc)
            try:
                item_id = create_item.parse(self._session.ask(body, repeatable=False, write=write))
            except RetryLaterError as error:
                raise _refusal(error) from error
        # Exchange may have put another Message-ID and ChangeKey in their place by the time it is stored.
        found = find_sent.parse_draft(self._session.ask(find_sent.request_draft(item_id)))
        if found is None:
            raise malformed("a draft that is gone as soon as it is made")
        return found.draft

    def find_sent(self, send_id: str, created_after: datetime) -> list[FoundMail]:
        """See the port."""
        return find_sent.parse(self._session.ask(find_sent.request(send_id, created_after)))

    def look_at_draft(self, draft: Draft) -> FoundMail | None:
        """See the port."""
        return find_sent.parse_draft(self._session.ask(find_sent.request_draft(draft.item_id)))

    def send_draft(self, draft: Draft) -> None:
        """See the port."""
        try:
            body = send_item.request(draft.item_id, draft.change_key)
            send_item.parse(self._session.ask(body, repeatable=False))
        except BoundaryError as error:
            if error.code in _GONE:
                raise DraftGoneError(error.code) from error
            if error.code in _CHANGED:
                raise DraftChangedError(error.code) from error
            raise _refusal(error) from error

    def delete_draft(self, draft: Draft) -> None:
        """See the port."""
        try:
            delete_item.parse(self._session.ask(delete_item.request(draft.item_id), repeatable=False))
        except BoundaryError as error:
            if error.code not in _GONE:
                raise


def _refusal(error: BoundaryError) -> BoundaryError:
    """What concerns this very message (its size, its form) will not pass by waiting."""
    return AdminActionError(error.code, error.server_message) if error.code in ITEM else error
