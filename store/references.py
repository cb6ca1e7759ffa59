"""Who names whom: table `references`, keyed hashes only, partitions `known-{0..3}` and `named-{0..3}` by
hash.

A row `{hash};{mail id}` of the first says that the mail has this Message-ID or is in this conversation, one
of the second that it answers it. Rows never change, so a crash leaves some of them and a repeated write ends
in all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from domain.mail import Mail
from domain.ours import names_of, own_keys
from store.batches import write_all
from store.connection import StorageConnection
from store.keys import by_quarter, quarter
from store.rows import Operation, Replace, Row
from store.table import Table, key_range

_ROWS_A_PAGE = 1000
_MOST_OF_ONE_NAME = 20
"""A Message-ID that more mails have is nobody's."""
_LOOKUPS_A_PAGE = 15
"""A page of a thousand keys takes about as long as so many look-ups."""


class ReferenceIndex:
    """Part of `domain.ports.MailStore`."""

    def __init__(self, connection: StorageConnection, keyed_hash: Callable[[str], str]) -> None:
        self._connection = connection
        self._table = Table(connection, "references")
        self._hash = keyed_hash

    def put(self, mails: Sequence[Mail]) -> None:
        """One transaction for each partition and hundred rows."""
        write_all(self._connection, self._table, [write for mail in mails for write in self._writes(mail)])

    def delete(self, mail: Mail) -> None:
        """One request a row; absent is fine."""
        rows = [write.row for write in self._writes(mail)]
        self._connection.parallel(lambda row: self._table.delete(row.partition, row.key), rows)

    def known_among(self, hashes: Iterable[str]) -> set[str]:
        """A look-up for each hash; or where many are asked for and few are stored, the keys of the whole
        partition."""
        known: set[str] = set()
        look_ups: list[tuple[str, str]] = []
        for partition, asked in by_quarter("known", hashes).items():
            rows, left = self._scanned(partition, asked)
            known |= {row.key.partition(";")[0] for row in rows}.intersection(asked)
            look_ups += [(partition, one) for one in left]
        answers = self._connection.parallel(self._is_known, look_ups)
        return known | {one for (_, one), is_known in zip(look_ups, answers, strict=True) if is_known}

    def known_as(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """One query each, or as `known_among`; at most 20 mails each."""
        return self._mails("known", hashes, _MOST_OF_ONE_NAME)

    def naming(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """One query each, or as `known_among`, and one for each further thousand mails."""
        return self._mails("named", hashes, None)

    def put_named(self, named: Iterable[tuple[str, str]]) -> None:
        """One transaction for each hundred rows of a partition."""
        writes = [_write("named", digest, mail_id) for digest, mail_id in dict.fromkeys(named)]
        write_all(self._connection, self._table, writes)

    def members(self, conversation_hash: str) -> Iterator[str]:
        """One query for each thousand mails."""
        partition, start = f"known-{quarter(conversation_hash)}", f"{conversation_hash};"
        while True:
            rows = self._table.range(partition, start, f"{conversation_hash}<", select=(), limit=_ROWS_A_PAGE)
            yield from (_mail_in(row.key) for row in rows)
            if len(rows) < _ROWS_A_PAGE:
                return
            start = f"{rows[-1].key}!"

    def _mails(self, kind: str, hashes: Iterable[str], limit: int | None) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        look_ups: list[str] = []
        for partition, asked in by_quarter(kind, hashes).items():
            rows, left = self._scanned(partition, asked)
            look_ups += left
            wanted = set(asked) - set(left)
            by_hash: dict[str, list[str]] = {}
            for row in rows:
                if (digest := row.key.partition(";")[0]) in wanted:
                    by_hash.setdefault(digest, []).append(_mail_in(row.key))
            found |= {digest: tuple(mails[:limit]) for digest, mails in by_hash.items()}

        def query(one: str) -> list[Row]:
            partition = f"{kind}-{quarter(one)}"
            return self._table.range(partition, *key_range(f"{one};"), select=(), limit=limit)

        answers = zip(look_ups, self._connection.parallel(query, look_ups), strict=True)
        return found | {one: tuple(_mail_in(row.key) for row in rows) for one, rows in answers if rows}

    def _scanned(self, partition: str, asked: list[str]) -> tuple[list[Row], list[str]]:
        """The keys of a partition in order, for no more pages than look-ups of those asked for would cost;
        and which of those lie at or behind the last key read. `asked` in order."""
        pages = len(asked) // _LOOKUPS_A_PAGE
        if not pages:
            return [], asked
        limit = pages * _ROWS_A_PAGE
        rows = self._table.range(partition, f"{asked[0]};", f"{asked[-1]}<", select=(), limit=limit)
        last = rows[-1].key.partition(";")[0] if len(rows) == limit else "~"
        return rows, [one for one in asked if one >= last]

    def _is_known(self, look_up: tuple[str, str]) -> bool:
        partition, digest = look_up
        return bool(self._table.range(partition, f"{digest};", f"{digest}<", select=(), limit=1))

    def _writes(self, mail: Mail) -> list[Operation]:
        own = own_keys(mail.internet_message_id, mail.conversation_id)
        known = [_write("known", self._hash(name), mail.id) for name in own]
        return known + [_write("named", self._hash(name), mail.id) for name in names_of(mail)]


def _write(kind: str, digest: str, mail_id: str) -> Operation:
    return Replace(Row(f"{kind}-{quarter(digest)}", f"{digest};{mail_id}"))


def _mail_in(key: str) -> str:
    return key.partition(";")[2]
