"""Mails that wait for a person, newest first: table `triage`, a partition a list, keyed by received time.

`triage`: in no incident. `suggested`: placed by their business unit alone. `dismissed`. `copies`: of the
first two, those that another mailbox's mail is shown for; nobody lists them, but they are re-decided. A mail
has one row at most.

Rows are a projection of mail rows. The new row is written before the old one goes: a crash leaves both, never
none, and the same projection again one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from domain.linking_ports import TriageMail, TriagePage, TriageView
from domain.links import LinkedMail, LinkRule, MailState
from domain.mail import Mail
from store import key_cursor
from store.batches import write_all
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.keys import inverted
from store.link_state import listed_state, state_of
from store.mail_codec import listing_text, mail_from
from store.placements import was_elsewhere
from store.record_codec import Codec
from store.row_removal import remove_rows
from store.rows import Replace, Row
from store.table import Table, quoted

MAX_PAGE = 500
_STATES = Codec(MailState)
_KEY = re.compile(r"\d{16};[A-Za-z0-9_-]{1,100}\.[0-9a-f]{32}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Partition(StrEnum):
    """One for each list."""

    WAITING = "triage"
    SUGGESTED = "suggested"
    DISMISSED = "dismissed"
    COPIES = "copies"


_LISTS = {
    TriageView.WAITING: Partition.WAITING,
    TriageView.SUGGESTED: Partition.SUGGESTED,
    TriageView.DISMISSED: Partition.DISMISSED,
}


class TriageList:
    """Part of `domain.ports.MailStore` and `domain.linking_ports.LinkStore`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "triage")

    def project(self, linked: Sequence[LinkedMail]) -> None:
        """One transaction for each list and hundred mails; where mails were in another list before, what
        `remove_rows` costs beside."""
        rows, gone = [], []
        for one in linked:
            wanted = partition_of(one.state)
            if wanted is not None:
                rows.append(Replace(_row(wanted, one)))
            if was_elsewhere(one) or one.state.shown_as is not None:
                gone += [Row(other, _key(one.mail)) for other in Partition if other is not wanted]
        write_all(self._connection, self._table, rows)
        remove_rows(self._connection, self._table, gone)

    def remove(self, mail: Mail) -> None:
        """A request a list; absent is fine."""
        remove_rows(self._connection, self._table, [Row(one, _key(mail)) for one in Partition])

    def page(
        self, which: TriageView, *, limit: int, cursor: str | None, business_unit: str | None = None
    ) -> TriagePage:
        """One range query. Raises `ValueError` for a bad cursor or limit."""
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError("limit")
        start = f"{key_cursor.read(cursor, _KEY)}!" if cursor is not None else ""
        where = f"businessUnit eq {quoted(business_unit)}" if business_unit else None
        rows = self._table.range(_LISTS[which], start, "~", limit=limit + 1, where=where)
        mails = tuple(
            TriageMail(mail_from(join_text(row.values, "d")), state_of(row)) for row in rows[:limit]
        )
        return TriagePage(mails, key_cursor.written(rows[limit - 1].key) if len(rows) > limit else None)


def partition_of(state: MailState) -> Partition | None:
    """The list that a mail in this state is in."""
    if state.decision is not None and state.decision.dismissed:
        return Partition.DISMISSED if state.shown_as is None else None
    is_weak = state.link is not None and state.link.rule is LinkRule.BUSINESS_UNIT
    if not (state.in_triage or is_weak):
        return None
    if state.shown_as is not None:
        return Partition.COPIES
    return Partition.SUGGESTED if is_weak else Partition.WAITING


def _key(mail: Mail) -> str:
    return f"{inverted(max(mail.received_at, _EPOCH))};{mail.id}"


def _row(partition: Partition, linked: LinkedMail) -> Row:
    mail, state = linked.mail, linked.state
    values = {
        **split_text(listing_text(mail), "d"),
        **split_text(_STATES.to_text(listed_state(state)), "s"),
    }
    if unit := state.business_unit if state.decided else mail.business_unit:
        values["businessUnit"] = unit
    return Row(partition, _key(mail), dict(values))
