"""The rows of stored mails: table `mails`, four partitions a mailbox, keyed by identity.

A row is written once; only one that records a problem yields to a later one without. A crash leaves some of
the rows of a `put`; the same `put` again ends in the rows that an undisturbed one would have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.errors import RetryLaterError
from domain.mail import Mail
from store.batches import transactions
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.keys import partition_of, split_id
from store.mail_codec import mail_from, mail_text
from store.record_codec import time_text
from store.table import Insert, Operation, Replace, Row, Table, TransactionConflictError

_TRIES = 6


class MailRows:
    """Part of `domain.ports.MailStore`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "mails")

    def read(self, mail_id: str) -> Mail | None:
        """One point read."""
        try:
            partition, key = partition_of(mail_id), split_id(mail_id)[1]
        except ValueError:
            return None
        row = self._table.get(partition, key)
        return _mail(row) if row else None

    def put(self, mails: Sequence[Mail]) -> list[Mail]:
        """One transaction for each of the four partitions touched, where no row is there yet."""
        wanted: dict[str, Mail] = {}
        for mail in mails:
            wanted[mail.id] = _standing(wanted.get(mail.id), mail)
        rows = {mail_id: _row(mail) for mail_id, mail in wanted.items()}
        batches = transactions(Insert(row) for row in rows.values())
        stored: dict[str, Mail] = {}
        for part in self._connection.parallel(self._put_batch, batches):
            stored.update(part)
        return [stored[mail.id] for mail in mails]

    def _put_batch(self, batch: list[Operation]) -> dict[str, Mail]:
        """Inserts blindly at first, for a mail is new nearly always; a conflict tells to look at what is
        there."""
        wanted = {one.row.key: _mail(one.row) for one in batch}
        result: dict[str, Mail] = {}
        operations = batch
        for _ in range(_TRIES):
            try:
                if operations:
                    self._table.transaction(operations)
            except TransactionConflictError:
                operations, result = self._merged(batch[0].row.partition, wanted)
                continue
            return {mail.id: result.get(mail.id, mail) for mail in wanted.values()}
        raise RetryLaterError("StorageUnavailable", "the rows keep changing")

    def _merged(self, partition: str, wanted: dict[str, Mail]) -> tuple[list[Operation], dict[str, Mail]]:
        """What is left to write, and how the mails stand that need no write or a changed one."""
        there = self._connection.parallel(lambda key: self._table.get(partition, key), wanted)
        operations: list[Operation] = []
        result: dict[str, Mail] = {}
        for mail, row in zip(wanted.values(), there, strict=True):
            if row is None:
                operations.append(Insert(_row(mail)))
                continue
            old = _mail(row)
            standing = _standing(old, mail)
            result[mail.id] = standing
            if standing is not old:
                operations.append(Replace(_row(standing), row.etag))
        return operations, result


def _standing(old: Mail | None, new: Mail) -> Mail:
    """The first stays, unless it records a problem that the new one has not. The received time, which is in
    keys of projections, stays in any case."""
    if old is None:
        return new
    if old.problem is not None and new.problem is None:
        return replace(new, received_at=old.received_at)
    return old


def _row(mail: Mail) -> Row:
    columns = {"receivedAt": time_text(mail.received_at)}
    if mail.business_unit:
        columns["businessUnit"] = mail.business_unit
    return Row(partition_of(mail.id), split_id(mail.id)[1], {**columns, **split_text(mail_text(mail), "d")})


def _mail(row: Row) -> Mail:
    return mail_from(join_text(row.values, "d"))
