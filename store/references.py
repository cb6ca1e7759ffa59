"""Who names whom: table `references`, keyed hashes only, partitions `known-{0..3}` and `named-{0..3}` by
hash.

A row `{hash};{mail id}` of the first says that the mail has this Message-ID or is in this conversation, one
of the second that it answers it. Rows never change, so a crash leaves some of them and a repeated write ends
in all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from domain.mail import Mail
from domain.ours import own_keys
from store.batches import write_all
from store.connection import StorageConnection
from store.keys import quarter
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
        by_partition: dict[str, set[str]] = {}
        for one in hashes:
            by_partition.setdefault(f"known-{quarter(one)}", set()).add(one)
        known: set[str] = set()
        look_ups: list[tuple[str, str]] = []
        for partition, asked in by_partition.items():
            found, left = self._scanned(partition, sorted(asked))
            known |= found
            look_ups += [(partition, one) for one in left]
        answers = self._connection.parallel(self._is_known, look_ups)
        return known | {one for (_, one), is_known in zip(look_ups, answers, strict=True) if is_known}

    def known_as(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """One query each; at most 20 mails each."""
        return self._mails("known", hashes, _MOST_OF_ONE_NAME)

    def naming(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """One query each, and one for each further thousand mails."""
        return self._mails("named", hashes, None)

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
        asked = list(dict.fromkeys(hashes))

        def query(one: str) -> list[Row]:
            partition = f"{kind}-{quarter(one)}"
            return self._table.range(partition, *key_range(f"{one};"), select=(), limit=limit)

        found = zip(asked, self._connection.parallel(query, asked), strict=True)
        return {one: tuple(_mail_in(row.key) for row in rows) for one, rows in found if rows}

    def _scanned(self, partition: str, asked: list[str]) -> tuple[set[str], list[str]]:
        """What a reading of keys in order finds known, for no more pages than look-ups would cost; and what
        lies behind the last key read."""
        pages = len(asked) // _LOOKUPS_A_PAGE
        if not pages:
            return set(), asked
        limit = pages * _ROWS_A_PAGE
        rows = self._table.range(partition, f"{asked[0]};", f"{asked[-1]}<", select=(), limit=limit)
        stored = {row.key.partition(";")[0] for row in rows}
        left = [one for one in asked if one > rows[-1].key] if len(rows) == limit else []
        return stored.intersection(asked), left

    def _is_known(self, look_up: tuple[str, str]) -> bool:
        partition, digest = look_up
        return bool(self._table.range(partition, f"{digest};", f"{digest}<", select=(), limit=1))

    def _writes(self, mail: Mail) -> list[Operation]:
        own = own_keys(mail.internet_message_id, mail.conversation_id)
        named = dict.fromkeys((*mail.evidence.in_reply_to, *mail.evidence.references))
        keyed = [("known", self._hash(name)) for name in own] + [
            ("named", self._hash(name)) for name in named
        ]
        return [Replace(Row(f"{kind}-{quarter(one)}", f"{one};{mail.id}")) for kind, one in keyed]


def _mail_in(key: str) -> str:
    return key.partition(";")[2]
