"""Who names whom: table `references`, keyed hashes only, four partitions by hash.

A row `{hash};{role};{mail id}` says that the mail is in that conversation (`conversation`), has that
Message-ID (`id`) or answers it (`named`). Rows never change, so a crash leaves some of them and a repeated
write ends in all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from domain.mail import Mail
from domain.ours import conversation_key, own_keys
from store.batches import write_all
from store.connection import StorageConnection
from store.keys import quarter
from store.table import Operation, Replace, Row, Table

_CONVERSATION, _ID, _NAMED = "conversation", "id", "named"
"""In this order, so that the first two, which make a name known, are one range of keys."""


class ReferenceIndex:
    """Part of `domain.ports.MailStore`."""

    def __init__(self, connection: StorageConnection, keyed_hash: Callable[[str], str]) -> None:
        self._connection = connection
        self._table = Table(connection, "references")
        self._hash = keyed_hash

    def put(self, mails: Sequence[Mail]) -> None:
        """One transaction for each partition and hundred rows."""
        write_all(self._connection, self._table, [write for mail in mails for write in self._writes(mail)])

    def known_among(self, hashes: Iterable[str]) -> set[str]:
        """A query of at most one row for each hash."""
        asked = list(dict.fromkeys(hashes))
        answers = self._connection.parallel(self._is_known, asked)
        return {one for one, known in zip(asked, answers, strict=True) if known}

    def _is_known(self, digest: str) -> bool:
        return bool(
            self._table.range(quarter(digest), f"{digest};", f"{digest};{_NAMED}", select=(), limit=1)
        )

    def _writes(self, mail: Mail) -> list[Operation]:
        names = [(key, _ID) for key in own_keys(mail.internet_message_id, None)]
        if mail.conversation_id:
            names.append((conversation_key(mail.conversation_id), _CONVERSATION))
        evidence = mail.evidence
        names += [(key, _NAMED) for key in dict.fromkeys((*evidence.in_reply_to, *evidence.references))]
        hashed = [(self._hash(name), role) for name, role in names]
        return [Replace(Row(quarter(digest), f"{digest};{role};{mail.id}")) for digest, role in hashed]
