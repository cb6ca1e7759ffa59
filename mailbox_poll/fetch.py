"""Fetches messages that are ours: batches bounded by bytes, several in flight, one bad item never taking
others along.

Stores raw messages (`receive`), answers rows for the caller to write. Dies anywhere: blobs without rows may
be left,
which the next run finds and keeps.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from domain.errors import BoundaryError, RetryLaterError
from domain.mail import Mail, Problem
from domain.mime.message import MailContext, mail_from_envelope
from domain.server_items import Envelope, FetchedMessage, ItemFailure
from mailbox_poll.context import PollContext
from mailbox_poll.decide import MOST_BROKEN, server_answers
from mailbox_poll.receive import HEAD_BYTES, receive_message

if TYPE_CHECKING:
    from domain.ports import MailServer

BATCH_BYTES = 4 * 1_048_576
BATCH_ITEMS = 64
_IN_FLIGHT = 3
_LARGE_BYTES = 16 * 1_048_576
"""What a streamed message holds at most: its head, blocks on their way, buffers of the connection."""
_LASTING = ("ErrorItemNotFound", "NotParsed")
"""Problems that another try does not mend."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class _TransferBrokenError(RetryLaterError):
    """The mail server's side of a transfer broke: perhaps one item's fault. Storage that is away never is."""

    def __init__(self, origin: BoundaryError) -> None:
        self.origin = origin
        back_off = origin.back_off if isinstance(origin, RetryLaterError) else None
        super().__init__(origin.code, origin.server_message, back_off)


def _from_server(parts: Iterator[T]) -> Generator[T]:
    try:
        yield from parts
    except BoundaryError as error:
        raise _TransferBrokenError(error) from error


@dataclass(slots=True)
class Fetched:
    """What came of a fetch. `mails`: rows by item id, unreadable ones included (their `problem` says why);
    `interrupted`: why the rest could not be fetched."""

    mails: dict[str, Mail] = field(default_factory=dict)
    interrupted: BoundaryError | None = None

    @property
    def worth_another_try(self) -> list[str]:
        """Unreadable items whose problem may pass."""
        return [
            item_id
            for item_id, mail in self.mails.items()
            if mail.problem is not None and mail.problem.code not in _LASTING
        ]


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches for one folder."""

    poll: PollContext
    server: MailServer
    context: MailContext
    folder_id: str

    def fetch(self, envelopes: Sequence[Envelope]) -> Iterator[Fetched]:
        """One result a batch, in order. Stops after a result with `interrupted`."""
        batches = list(_batches(envelopes))
        flying = [self.poll.pool.submit(self._fetch_batch, batch) for batch in batches[:_IN_FLIGHT]]
        waiting = iter(batches[_IN_FLIGHT:])
        while flying:
            result = flying.pop(0).result()
            if result.interrupted:
                for future in flying:
                    future.cancel()
                yield result
                return
            flying += [self.poll.pool.submit(self._fetch_batch, batch) for batch in islice(waiting, 1)]
            yield result

    def _fetch_batch(self, batch: Sequence[Envelope]) -> Fetched:
        result = Fetched()
        try:
            self._read_into(result, batch)
        except _TransferBrokenError as error:
            if error.back_off is not None:
                result.interrupted = error.origin
            else:
                self._one_by_one(result, batch)
        except BoundaryError as error:
            result.interrupted = error
        return result

    def _one_by_one(self, result: Fetched, batch: Sequence[Envelope]) -> None:
        """Finds the item that breaks its batch, so that the others are not held up by it."""
        broken = 0
        for envelope in batch:
            if envelope.summary.item_id in result.mails:
                continue
            try:
                self._read_into(result, [envelope])
            except _TransferBrokenError as error:
                broken += 1
                if (
                    error.back_off is not None
                    or broken > MOST_BROKEN
                    or not server_answers(self.server, self.folder_id)
                ):
                    result.interrupted = error.origin
                    return
                problem = Problem(error.code, error.server_message)
                result.mails[envelope.summary.item_id] = self._unreadable(envelope, problem)
            except BoundaryError as error:
                result.interrupted = error
                return

    def _read_into(self, result: Fetched, batch: Sequence[Envelope]) -> None:
        by_id = {envelope.summary.item_id: envelope for envelope in batch}
        size = sum(min(_LARGE_BYTES, _memory_of(envelope)) for envelope in batch)
        with self.poll.budget.hold(size):
            answers = _from_server(self.server.messages(list(by_id)))
            with closing(answers):  # gives connection and place back at once where storage fails in between
                for answer in answers:
                    envelope = by_id.get(answer.item_id)
                    if envelope is None:
                        continue
                    if isinstance(answer, ItemFailure):
                        problem = Problem(answer.code, answer.server_message)
                        result.mails[answer.item_id] = self._unreadable(envelope, problem)
                    else:
                        result.mails[answer.item_id] = self._receive(answer, envelope)
        for item_id, envelope in by_id.items():
            if item_id not in result.mails:
                problem = Problem("NoAnswer", "The server left this item out of its answer.")
                result.mails[item_id] = self._unreadable(envelope, problem)

    def _receive(self, message: FetchedMessage, envelope: Envelope) -> Mail:
        try:
            return receive_message(
                self.poll.raw, _from_server(message.chunks), envelope.summary, self.context
            )
        except BoundaryError:
            raise
        except Exception as error:
            # A parser's mistake about one mail must not hold up the folder behind it.
            _log.exception("message could not be parsed, recorded as unreadable")
            return self._unreadable(envelope, Problem("NotParsed", type(error).__name__))

    def _unreadable(self, envelope: Envelope, problem: Problem) -> Mail:
        return mail_from_envelope(envelope, self.context, problem)


def _memory_of(envelope: Envelope) -> int:
    size = envelope.summary.size_bytes or HEAD_BYTES
    return size if size <= HEAD_BYTES else _LARGE_BYTES


def _batches(envelopes: Sequence[Envelope]) -> Iterator[list[Envelope]]:
    batch: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        item_size = envelope.summary.size_bytes or HEAD_BYTES
        if batch and (size + item_size > BATCH_BYTES or len(batch) >= BATCH_ITEMS):
            yield batch
            batch, size = [], 0
        batch.append(envelope)
        size += item_size
    if batch:
        yield batch
