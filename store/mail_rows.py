"""The rows of stored mails: table `mails`, four partitions a mailbox, keyed by identity.

The mail in a row is written once; only one that records a problem yields to a later one without. Its state,
in columns beside it, changes under the row's ETag: one request, so a crash leaves the old state or the new
one. A crash leaves some of the rows of a `put`; the same `put` again ends in the rows that an undisturbed one
would have written, and leaves states as they are. Before the first record of a problem a mailbox gets a
marker, which stays: no such record is ever without it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.errors import RetryLaterError
from domain.links import LinkedMail, MailState
from domain.mail import Mail
from store import key_cursor
from store.batches import transactions
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.inserted_rows import InsertedRows
from store.keys import partition_of, split_id
from store.link_state import columns_of_state, state_columns, state_of
from store.mail_codec import as_stored, mail_from, mail_text
from store.record_codec import time_text
from store.rows import Insert, Operation, Replace, Row, Value
from store.table import Table, TransactionConflictError

_TRIES = 6
_MARKER = "recorded"
_WALKED_ROWS = 500
_READS_A_PAGE, _ROWS_A_PAGE = 8, 1_000
_PLACE = re.compile(rf"[A-Za-z0-9_-]{{1,120}} (?:[0-9a-f]{{32}}|{_MARKER})", re.ASCII)


class MailRows:
    """Part of `domain.ports.MailStore`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "mails")
        self._inserted = connection.shared(InsertedRows)

    def read(self, mail_id: str) -> Mail | None:
        """One point read."""
        try:
            partition, key = partition_of(mail_id), split_id(mail_id)[1]
        except ValueError:
            return None
        row = self._table.get(partition, key)
        return mail_from(join_text(row.values, "d")) if row else None

    def read_linked(self, mail_ids: Iterable[str]) -> dict[str, LinkedMail]:
        """A point read each, several at a time. One query with the keys in an `or` would be a scan of the
        partition (Microsoft: "Design Azure Table storage for queries"), the slower the more mails are
        stored. Rows that this worker has just inserted are taken from memory, once: a stale one shows by its
        ETag when it is saved."""
        asked = list(mail_ids)
        inserted = self._inserted.take(asked)
        places: dict[str, tuple[str, str]] = {}
        for mail_id in asked:
            if mail_id in inserted:
                continue
            try:
                places[mail_id] = partition_of(mail_id), split_id(mail_id)[1]
            except ValueError:
                continue  # nothing is stored under it
        rows = self._connection.parallel(lambda place: self._table.get(*place), places.values())
        return inserted | {
            mail_id: LinkedMail(mail_from(join_text(row.values, "d")), state_of(row), row.etag)
            for mail_id, row in zip(places, rows, strict=True)
            if row is not None
        }

    def etags(self, mail_ids: Iterable[str]) -> dict[str, str]:
        """As `read_linked`; where 8 or more of a partition are asked for, first a page of its keys in order,
        which takes about as long."""
        by_partition: dict[str, dict[str, str]] = {}
        for mail_id in mail_ids:
            by_partition.setdefault(partition_of(mail_id), {})[split_id(mail_id)[1]] = mail_id
        found: dict[str, str] = {}
        left: list[tuple[str, str]] = []
        for partition, asked in by_partition.items():
            keys = sorted(asked)
            if len(keys) >= _READS_A_PAGE:
                rows = self._table.range(partition, keys[0], f"{keys[-1]}!", select=(), limit=_ROWS_A_PAGE)
                found |= {asked[row.key]: row.etag for row in rows if row.key in asked}
                keys = [key for key in keys if key > rows[-1].key] if len(rows) == _ROWS_A_PAGE else []
            left += [(partition, key) for key in keys]
        for row in self._connection.parallel(lambda place: self._table.get(*place), left):
            if row is not None:
                found[by_partition[row.partition][row.key]] = row.etag
        return found

    def walk(self, cursor: str | None) -> tuple[list[LinkedMail], str | None]:
        """Some 500 rows a page, whatever mailbox they are of. Raises `ValueError` for a bad cursor."""
        after = key_cursor.read(cursor, _PLACE).partition(" ") if cursor is not None else None
        rows = self._table.scan((after[0], after[2]) if after else None, _WALKED_ROWS)
        mails = [
            LinkedMail(mail_from(join_text(row.values, "d")), state_of(row), row.etag)
            for row in rows
            if row.key != _MARKER
        ]
        last = f"{rows[-1].partition} {rows[-1].key}" if len(rows) == _WALKED_ROWS else None
        return mails, key_cursor.written(last) if last else None

    def save_states(self, states: Sequence[tuple[LinkedMail, MailState]]) -> dict[str, LinkedMail]:
        """A transaction for each of the four partitions. Where one of a partition's rows has changed, the
        partition's rows are written one by one, and those that have changed are left out."""
        saved: dict[str, LinkedMail] = {}
        by_key: dict[tuple[str, str], tuple[LinkedMail, MailState]] = {}
        operations: list[Operation] = []
        for linked, state in states:
            kept, columns = state_columns(state)
            mail, row = _stored_form(linked.mail)
            by_key[row.partition, row.key] = (replace(linked, mail=mail), kept)
            operations.append(Replace(replace(row, values={**row.values, **columns}), linked.etag))

        def write(batch: list[Operation]) -> None:
            try:
                etags = self._table.transaction(batch)
            except TransactionConflictError:
                if len(batch) > 1:
                    for one in batch:
                        write([one])
                return
            for one, etag in zip(batch, etags, strict=True):
                linked, kept = by_key[one.row.partition, one.row.key]
                saved[linked.mail.id] = LinkedMail(linked.mail, kept, etag)

        self._connection.parallel(write, transactions(operations))
        return saved

    def put(self, mails: Sequence[Mail]) -> list[Mail]:
        """One transaction for each of the four partitions touched, where no row is there yet."""
        wanted: dict[str, Mail] = {}
        for mail in mails:
            wanted[mail.id] = _standing(wanted.get(mail.id), mail)
        rows = {mail_id: _stored_form(mail) for mail_id, mail in wanted.items()}
        mails_by_key = {(row.partition, row.key): mail for mail, row in rows.values()}
        stored: dict[str, Mail] = {}
        for mailbox_id in {mail.mailbox_id for mail in wanted.values() if mail.problem is not None}:
            self._table.replace(Row(_marker_partition(mailbox_id), _MARKER, {}))

        def write(batch: list[Operation]) -> None:
            batch_mails = [mails_by_key[one.row.partition, one.row.key] for one in batch]
            stored.update(self._put_batch(batch, batch_mails))

        self._connection.parallel(write, transactions(Insert(row) for _, row in rows.values()))
        return [stored[mail.id] for mail in mails]

    def problem_recorded(self, mailbox_id: str) -> bool:
        """One point read."""
        return self._table.get(_marker_partition(mailbox_id), _MARKER) is not None

    def delete(self, mail_id: str) -> None:
        """One request; absent is fine."""
        self._table.delete(partition_of(mail_id), split_id(mail_id)[1])

    def _put_batch(self, batch: list[Operation], mails: list[Mail]) -> dict[str, Mail]:
        """Inserts blindly at first, for a mail is new nearly always; a conflict tells to look at what is
        there. Inserts may be sent again by themselves: the conflict with our own rows ends in the same
        answer."""
        partition, operations = batch[0].row.partition, batch
        standing = {mail.id: mail for mail in mails}
        for _ in range(_TRIES):
            try:
                etags = self._table.transaction(operations, repeatable=True) if operations else ()
            except TransactionConflictError:
                operations, standing = self._merged(partition, mails)
                continue
            if operations is batch:
                self._inserted.add(
                    LinkedMail(standing[mail.id], MailState(), etag)
                    for mail, etag in zip(mails, etags, strict=True)
                )
            return standing
        raise RetryLaterError("StorageUnavailable", "the rows keep changing")

    def _merged(self, partition: str, mails: list[Mail]) -> tuple[list[Operation], dict[str, Mail]]:
        """What is left to write, and how the mails stand once it is written."""
        keys = [split_id(mail.id)[1] for mail in mails]
        there = self._connection.parallel(lambda key: self._table.get(partition, key), keys)
        operations: list[Operation] = []
        standing: dict[str, Mail] = {}
        for mail, row in zip(mails, there, strict=True):
            old = mail_from(join_text(row.values, "d")) if row else None
            standing[mail.id], new_row = _stored_form(_standing(old, mail))
            if row is None:
                operations.append(Insert(new_row))
            elif standing[mail.id] != old:
                values = {**new_row.values, **columns_of_state(row.values)}
                operations.append(Replace(replace(new_row, values=values), row.etag))
        return operations, standing


def _marker_partition(mailbox_id: str) -> str:
    return f"{mailbox_id}-unreadable"


def _standing(old: Mail | None, new: Mail) -> Mail:
    """The first stays, unless it records a problem that the new one has not. The received time, which is in
    keys of projections, stays in any case."""
    if old is None:
        return new
    if old.problem is not None and new.problem is None:
        return replace(new, received_at=old.received_at)
    return old


def _stored_form(mail: Mail) -> tuple[Mail, Row]:
    """The row, and the mail as it will be read from it."""
    text = mail_text(mail)
    columns: dict[str, Value] = {"receivedAt": time_text(mail.received_at), **split_text(text, "d")}
    if mail.business_unit:
        columns["businessUnit"] = mail.business_unit
    return as_stored(mail, text), Row(partition_of(mail.id), split_id(mail.id)[1], columns)
