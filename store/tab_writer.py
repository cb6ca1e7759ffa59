"""Writes mails into an incident's tab and out of it: table `incidentmails`, transactions under the state
row's ETag.

A crash leaves some of the transactions of a call, each whole: its mails are counted, listed and logged once.
The same call again writes the rest, and nothing where all is there. Two instances that write one tab at the
same time: one's transaction conflicts, it reads again and goes on from what the other wrote."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from domain.errors import RetryLaterError
from domain.links import LinkedMail
from domain.mail import Mail
from store.batches import MAX_OPERATIONS, MAX_TRANSACTION_BYTES, wire_bytes
from store.connection import StorageConnection
from store.rows import Operation
from store.tab_keys import (
    MAILS,
    MEMBERS,
    STATE,
    TOTALS,
    conversation_of,
    partition_of_incident,
    place_of,
)
from store.tab_plan import Change, Stored, losing, planned
from store.tab_rows import Head, Listed, head_of, listed, listed_of, state_of
from store.table import Table, TransactionConflictError, key_range

_TRIES = 12
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.02, 1.0
_ROWS_A_MAIL, _ROWS_A_CONVERSATION, _ROWS_OF_STATE = 3, 4, 1

_Wanted = tuple[str, str, Listed | None]
"""Place, conversation, and how the mail is to be listed (None: not at all)."""


class TabWriter:
    """Part of `store.incident_mail_store`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "incidentmails")

    def put(self, incident_id: str, mails: Sequence[LinkedMail], at: datetime) -> None:
        """For a mail: 3 point reads and a transaction, 2 point reads where nothing is new."""
        rows = [listed(linked) for linked in mails]
        self._write(incident_id, [(row.place, row.conversation, row) for row in rows], at)

    def remove(self, incident_id: str, mails: Sequence[Mail], at: datetime) -> None:
        """As `put`, and a query where a conversation loses its newest mail."""
        self._write(incident_id, [(place_of(mail), conversation_of(mail), None) for mail in mails], at)

    def _write(self, incident_id: str, wanted: Iterable[_Wanted], at: datetime) -> None:
        partition = partition_of_incident(incident_id)
        latest = {place: (place, conversation, row) for place, conversation, row in wanted}
        for batch in _batches(sorted(latest.values(), key=lambda one: (one[1], one[0]))):
            self._write_batch(partition, batch, at)

    def _write_batch(self, partition: str, batch: Sequence[_Wanted], at: datetime) -> None:
        for attempt in range(_TRIES):
            changes, stored = self._compared(partition, batch)
            if not changes:
                return
            operations = planned(partition, changes, stored, at)
            if len(changes) > 1 and not _fits(operations):
                half = len(batch) // 2
                self._write_batch(partition, batch[:half], at)
                self._write_batch(partition, batch[half:], at)
                return
            try:
                self._table.transaction(operations)
            except TransactionConflictError:
                longest = min(_FIRST_WAIT_SECONDS * 2**attempt, _LONGEST_WAIT_SECONDS)
                time.sleep(random.uniform(longest / 4, longest))
                continue
            return
        raise RetryLaterError("StorageUnavailable", "the incident's tab keeps changing")

    def _compared(self, partition: str, batch: Sequence[_Wanted]) -> tuple[list[Change], Stored]:
        """What has to change, and what is there: all of it read after the state row, so that it holds if the
        state's ETag does when the changes are written."""
        state = self._table.get(partition, STATE)
        rows = self._connection.parallel(lambda one: self._table.get(partition, MAILS + one[0]), batch)
        changes = []
        for (place, _, new), row in zip(batch, rows, strict=True):
            old = listed_of(row, place) if row else None
            if (old is None and new is not None) or (old is not None and not (new and new.same_as(old))):
                changes.append(Change(place, old, new))
        heads = self._heads(partition, changes)
        following = self._following(partition, losing(changes, heads))
        return changes, Stored(state_of(state), state.etag if state else None, heads, following)

    def _heads(self, partition: str, changes: Iterable[Change]) -> dict[str, Head]:
        touched = list(dict.fromkeys(one for change in changes for one in change.conversations))
        rows = self._connection.parallel(lambda one: self._table.get(partition, TOTALS + one), touched)
        return {one: head_of(row) for one, row in zip(touched, rows, strict=True) if row is not None}

    def _following(self, partition: str, gone: Mapping[str, frozenset[str]]) -> dict[str, Listed]:
        def newest_left(conversation: str) -> Listed | None:
            leaving, prefix = gone[conversation], f"{MEMBERS}{conversation};"
            rows = self._table.range(partition, *key_range(prefix), limit=len(leaving) + 1)
            for row in rows:
                if (place := row.key.removeprefix(prefix)) not in leaving:
                    return listed_of(row, place)
            return None

        found = self._connection.parallel(newest_left, gone)
        return {one: left for one, left in zip(gone, found, strict=True) if left is not None}


def _batches(wanted: Sequence[_Wanted]) -> list[list[_Wanted]]:
    """As many mails as a transaction takes; those of a conversation together, for its rows are written
    once."""
    batches: list[list[_Wanted]] = []
    rows, conversation = MAX_OPERATIONS, ""
    for one in wanted:
        cost = _ROWS_A_MAIL + (_ROWS_A_CONVERSATION if one[1] != conversation else 0)
        if rows + cost > MAX_OPERATIONS:
            batches.append([])
            rows, cost = _ROWS_OF_STATE, _ROWS_A_MAIL + _ROWS_A_CONVERSATION
        batches[-1].append(one)
        rows, conversation = rows + cost, one[1]
    return batches


def _fits(operations: Sequence[Operation]) -> bool:
    size = sum(wire_bytes(operation.row) for operation in operations)
    return len(operations) <= MAX_OPERATIONS and size <= MAX_TRANSACTION_BYTES
