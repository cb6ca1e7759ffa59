"""Mails that wait for a decision, newest first: table `triage`, one partition keyed by received time.

Rows are a projection of mail rows: written again from the mail they end the same. A crash leaves some of
them."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from domain.mail import Mail
from domain.stored import MailPage
from store.batches import write_all
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.keys import inverted
from store.mail_codec import listing_text, mail_from
from store.rows import Replace, Row
from store.table import Table, quoted

_PARTITION = "triage"
_KEY = re.compile(r"\d{16};[A-Za-z0-9_-]{1,100}\.[0-9a-f]{32}", re.ASCII)
MAX_PAGE = 500


class TriageList:
    """Part of `domain.ports.MailStore`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "triage")

    def put(self, mails: Sequence[Mail]) -> None:
        """One transaction for each hundred mails."""
        write_all(self._connection, self._table, [Replace(_row(mail)) for mail in mails])

    def delete(self, mail: Mail) -> None:
        """One request; absent is fine."""
        row = _row(mail)
        self._table.delete(row.partition, row.key)

    def page(self, *, limit: int, cursor: str | None, business_unit: str | None = None) -> MailPage:
        """One range query. Raises `ValueError` for a bad cursor or limit."""
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError("limit")
        start = f"{_key_of(cursor)}!" if cursor is not None else ""
        where = f"businessUnit eq {quoted(business_unit)}" if business_unit else None
        rows = self._table.range(_PARTITION, start, "~", limit=limit + 1, where=where)
        mails = tuple(mail_from(join_text(row.values, "d")) for row in rows[:limit])
        return MailPage(mails, _cursor(rows[limit - 1].key) if len(rows) > limit else None)


def _row(mail: Mail) -> Row:
    values = split_text(listing_text(mail), "d")
    if mail.business_unit:
        values["businessUnit"] = mail.business_unit
    return Row(_PARTITION, f"{inverted(mail.received_at)};{mail.id}", dict(values))


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _key_of(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError as error:
        raise ValueError("cursor") from error
    if not _KEY.fullmatch(key):
        raise ValueError("cursor")
    return key
