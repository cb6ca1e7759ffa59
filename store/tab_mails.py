"""Pages of single mails: of an incident's tab, or of one of its conversations.

A mail's place never changes, so a walk shows every mail that was there when it began, and still is, once."""

from __future__ import annotations

from collections.abc import Sequence

from domain.linking_ports import MailFilter, TabMail, TabPage
from domain.mail import Mail
from store.connection import StorageConnection
from store.tab_cursor import PageCursor, binding, read, written
from store.tab_filter import condition, has_words, words_of
from store.tab_keys import AFTER, MAILS, MEMBERS, is_conversation, partition_of_incident, place_of
from store.tab_merge import Source, merged
from store.tab_rows import tab_mail
from store.table import Table, key_range

MAX_PAGE = 500
SCANNED_MAILS = 1_000
"""How many mails one request looks into for words; then the page is short and its cursor goes on."""
SCAN_CHUNK = 200


class TabMails:
    """Part of `store.incident_mail_store`."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._table = Table(connection, "incidentmails")

    def flat(
        self, incident_ids: Sequence[str], where: MailFilter, *, limit: int, cursor: str | None
    ) -> TabPage:
        """One query an incident of at most a page and one rows; with words, one for each 200 mails looked
        into."""
        return self._page(incident_ids, MAILS, where, limit, cursor, binding("flat", incident_ids, where))

    def conversation(
        self, incident_ids: Sequence[str], conversation_id: str, *, limit: int, cursor: str | None
    ) -> TabPage:
        """As `flat`. A conversation that is not there is an empty page."""
        bound_to = binding("conversation", incident_ids, of=conversation_id)
        if not is_conversation(conversation_id):
            if cursor is not None:
                raise ValueError("cursor")
            return TabPage((), (), None)
        prefix = f"{MEMBERS}{conversation_id};"
        return self._page(incident_ids, prefix, MailFilter(), limit, cursor, bound_to)

    def find(self, incident_ids: Sequence[str], mail: Mail) -> TabMail | None:
        """One point read an incident."""
        key = MAILS + place_of(mail)
        rows = self._connection.parallel(
            lambda incident_id: self._table.get(partition_of_incident(incident_id), key), incident_ids
        )
        for incident_id, row in zip(incident_ids, rows, strict=True):
            if row is not None:
                return tab_mail(row, incident_id)
        return None

    def _page(
        self,
        incident_ids: Sequence[str],
        prefix: str,
        where: MailFilter,
        limit: int,
        cursor: str | None,
        bound_to: str,
    ) -> TabPage:
        check_limit(limit)
        start, end = key_range(prefix)
        if cursor is not None:
            start = f"{prefix}{read(cursor, bound_to, 0).after}{AFTER}"
        words, columns = words_of(where), condition(where)
        sources = [
            Source(tab, incident_id, prefix, start, end, columns)
            for tab, incident_id in enumerate(incident_ids)
        ]
        mails: list[TabMail] = []
        scanned, last = 0, ""
        for found in merged(self._connection, self._table, sources, SCAN_CHUNK if words else limit + 1):
            if len(mails) == limit or scanned == SCANNED_MAILS:
                return TabPage(tuple(mails), (), written(PageCursor(last), bound_to))
            if found.place == last:
                continue  # on its way from one of the merged incidents to another
            scanned, last = scanned + 1, found.place
            mail = tab_mail(found.row, found.source.incident_id)
            if has_words(mail.mail, words):
                mails.append(mail)
        return TabPage(tuple(mails), (), None)


def check_limit(limit: int) -> None:
    """Raises `ValueError`."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError("limit")
