"""The list of an incident's conversations through a filter: each stands at its newest mail that matches, of
those that were in the tab when the first page was read.

Mails that come between two pages change nothing in what follows. One that stops matching meanwhile (read,
moved away) can make its conversation appear again, further down, by an older mail that does match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.linking_ports import Conversation, MailFilter, TabPage
from store.connection import StorageConnection
from store.rows import Row
from store.tab_cursor import PageCursor, binding, read, written
from store.tab_filter import both, condition, has_words, words_of
from store.tab_keys import AFTER, MAILS, MEMBERS, member_key
from store.tab_mails import SCAN_CHUNK, SCANNED_MAILS, check_limit
from store.tab_merge import Found, Source, merged
from store.tab_rows import ADDED, Totals, tab_mail
from store.tab_standing import TabStandings, made_conversation
from store.table import Table, key_range


class FilteredConversations:
    """Part of `store.incident_mail_store`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "incidentmails")
        self._standings = TabStandings(connection)

    def page(
        self, incident_ids: Sequence[str], where: MailFilter, *, limit: int, cursor: str | None
    ) -> TabPage:
        """One query an incident for each 200 matching mails, and for each conversation that they are of a
        query and a point read an incident. After `SCANNED_MAILS` mails a page is short; its cursor goes
        on."""
        check_limit(limit)
        bound_to = binding("filtered", incident_ids, where)
        if cursor is None:
            began = PageCursor("", self._standings.sequences(incident_ids))
        else:
            began = read(cursor, bound_to, len(incident_ids))
        conversations: list[Conversation] = []
        met: set[str] = set()
        scanned, last = 0, began.after
        for found in self._matching(incident_ids, where, began):
            if len(conversations) == limit or scanned == SCANNED_MAILS:
                after = PageCursor(last, began.snapshot)
                return TabPage((), tuple(conversations), written(after, bound_to))
            scanned, last = scanned + 1, found.place
            conversation_id = found.row.text("conversation")
            if conversation_id in met or not _has_words(found, where):
                continue
            met.add(conversation_id)
            if self._is_newest(incident_ids, where, began.snapshot, conversation_id, found):
                conversations += self._shown(incident_ids, conversation_id, found)
        return TabPage((), tuple(conversations), None)

    def _matching(self, incident_ids: Sequence[str], where: MailFilter, began: PageCursor) -> Iterator[Found]:
        start, end = key_range(MAILS)
        if began.after:
            start = f"{MAILS}{began.after}{AFTER}"
        sources = [
            Source(tab, incident_id, MAILS, start, end, _as_of(where, began.snapshot[tab]))
            for tab, incident_id in enumerate(incident_ids)
        ]
        return merged(self._connection, self._table, sources, SCAN_CHUNK)

    def _is_newest(
        self,
        incident_ids: Sequence[str],
        where: MailFilter,
        snapshot: Sequence[int],
        conversation_id: str,
        found: Found,
    ) -> bool:
        """Whether no newer mail of the conversation matches, which an earlier page has shown it at."""
        start, end = key_range(f"{MEMBERS}{conversation_id};")
        end = min(end, member_key(conversation_id, found.place))
        words = words_of(where)
        sources = [
            Source(tab, incident_id, MEMBERS, start, end, _as_of(where, snapshot[tab]))
            for tab, incident_id in enumerate(incident_ids)
        ]
        newer = merged(self._connection, self._table, sources, SCAN_CHUNK if words else 1)
        return not any(has_words(tab_mail(one.row, "").mail, words) for one in newer)

    def _shown(self, incident_ids: Sequence[str], conversation_id: str, found: Found) -> list[Conversation]:
        """With the totals of all its mails, those that do not match included; none where it has gone."""
        totals = Totals()
        standings = self._standings.of(incident_ids, [conversation_id])[conversation_id]
        for one in standings:
            totals = totals.and_those_of(one.head.totals)
        row: Row = found.row
        return (
            [made_conversation(conversation_id, row, found.source.incident_id, totals)] if standings else []
        )


def _as_of(where: MailFilter, sequence: int) -> str | None:
    return both(condition(where), f"{ADDED} le {sequence}")


def _has_words(found: Found, where: MailFilter) -> bool:
    words = words_of(where)
    return not words or has_words(tab_mail(found.row, found.source.incident_id).mail, words)
