"""The list of an incident's conversations, newest first, as it stood when its first page was read.

The first page notes the tab's sequence. A conversation that has moved since is still met where it stood
then, by the row that its move has left, and shown as it is now; so mail that arrives or goes between two
pages makes none appear twice or not at all. Of one that lies in several merged incidents the newest place
counts, by the mails that are still there: of these one can appear twice when its newest mail is moved away
between two pages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from domain.linking_ports import Conversation, TabPage
from store.connection import StorageConnection
from store.tab_cursor import PageCursor, binding, read, written
from store.tab_keys import (
    AFTER,
    FORMER_HEADS,
    HEADS,
    STATE,
    conversation_in,
    partition_of_incident,
    position_in,
)
from store.tab_mails import check_limit
from store.tab_merge import Found, Source, merged
from store.tab_rows import SINCE, UNTIL, state_of
from store.tab_standing import Standing, TabStandings, conversation_of_head
from store.table import Table, key_range


class TabConversations:
    """Part of `store.incident_mail_store`: the list without a filter."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "incidentmails")
        self._standings = TabStandings(connection)

    def page(self, incident_ids: Sequence[str], *, limit: int, cursor: str | None) -> TabPage:
        """The first page of a tab without merged incidents: one query of at most a page and one rows. Else
        two queries an incident and what `_resolved` says."""
        check_limit(limit)
        bound_to = binding("conversations", incident_ids)
        if cursor is None and len(incident_ids) == 1:
            return self._first_page(incident_ids[0], limit, bound_to)
        if cursor is None:
            began = PageCursor("", self._standings.sequences(incident_ids))
        else:
            began = read(cursor, bound_to, len(incident_ids))
        found = merged(self._connection, self._table, _sources(incident_ids, began), limit + 1)
        shown = list(itertools.islice(self._shown(incident_ids, began.snapshot, found, limit + 1), limit + 1))
        more = len(shown) > limit
        after = PageCursor(shown[limit - 1][0], began.snapshot) if more else None
        conversations = tuple(conversation for _, conversation in shown[:limit])
        return TabPage((), conversations, written(after, bound_to) if after else None)

    def _first_page(self, incident_id: str, limit: int, bound_to: str) -> TabPage:
        """The state row lies before all conversations: it says as of when they were read, and how many there
        are, so that no row is read only to see whether another page follows."""
        rows = self._table.range(
            partition_of_incident(incident_id), STATE, key_range(HEADS)[1], limit=limit + 1
        )
        if not rows:
            return TabPage((), (), None)
        state, heads = state_of(rows[0]), rows[1:]
        after = None
        if state.conversations > limit:
            after = written(PageCursor(position_in(heads[-1].key), (state.sequence,)), bound_to)
        return TabPage((), tuple(conversation_of_head(row, incident_id) for row in heads), after)

    def _shown(
        self, incident_ids: Sequence[str], snapshot: tuple[int, ...], found: Iterator[Found], batch: int
    ) -> Iterator[tuple[str, Conversation]]:
        """Each conversation with its position, in order."""
        while places := list(itertools.islice(found, batch)):
            yield from self._resolved(incident_ids, snapshot, places)

    def _resolved(
        self, incident_ids: Sequence[str], snapshot: tuple[int, ...], places: Sequence[Found]
    ) -> list[tuple[str, Conversation]]:
        """What stands at these places. A conversation that has moved costs a point read and a query; where
        several incidents are merged, each costs a point read an incident, and a query if it is in two."""
        merged_tab = len(incident_ids) > 1
        asked = [
            conversation_in(position_in(found.row.key))
            for found in places
            if merged_tab or found.source.prefix == FORMER_HEADS
        ]
        standings = self._standings.of(incident_ids, asked)

        def shown(found: Found) -> Conversation | None:
            here = standings.get(conversation_in(position_in(found.row.key)))
            if here is None:
                return conversation_of_head(found.row, found.source.incident_id)
            if not self._is_first(snapshot, found, here):
                return None
            return self._standings.conversation(here)

        answers = self._connection.parallel(shown, places)
        return [
            (position_in(found.row.key), answer)
            for found, answer in zip(places, answers, strict=True)
            if answer is not None
        ]

    def _is_first(self, snapshot: tuple[int, ...], found: Found, here: Sequence[Standing]) -> bool:
        """Whether no other of the merged incidents had the conversation at a newer place, when the walk
        began."""
        mine = (position_in(found.row.key), found.source.tab)
        for other in here:
            if other.tab != found.source.tab:
                theirs = self._standings.position_as_of(other, snapshot[other.tab])
                if theirs is not None and (theirs, other.tab) < mine:
                    return False
        return True


def _sources(incident_ids: Sequence[str], began: PageCursor) -> list[Source]:
    sources = []
    for tab, incident_id in enumerate(incident_ids):
        sequence = began.snapshot[tab]
        live, former = key_range(HEADS), key_range(FORMER_HEADS)
        # From the first key with digits on, which leaves the state row out.
        from_live = f"{HEADS}{began.after}{AFTER}" if began.after else f"{HEADS}0"
        from_former = f"{FORMER_HEADS}{began.after}<" if began.after else former[0]
        stood = f"{SINCE} le {sequence}"
        sources.append(Source(tab, incident_id, HEADS, from_live, live[1], stood))
        until = f"{stood} and {UNTIL} gt {sequence}"
        sources.append(Source(tab, incident_id, FORMER_HEADS, from_former, former[1], until))
    return sources
