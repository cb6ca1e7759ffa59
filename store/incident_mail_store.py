"""The Business Unit Mails tab of incidents: table `incidentmails`, put together from its parts (each module
says what a crash leaves)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.linking_ports import MailFilter, TabChange, TabMail, TabPage
from domain.links import LinkedMail
from domain.mail import Mail
from store.connection import StorageConnection
from store.tab_changes import TabChanges
from store.tab_conversations import TabConversations
from store.tab_filtered import FilteredConversations
from store.tab_mails import TabMails
from store.tab_standing import TabStandings
from store.tab_writer import TabWriter

_NO_FILTER = MailFilter()


class TableIncidentMailStore:
    """`domain.linking_ports.IncidentMailStore` on Table Storage. Pages hold 1 to 500."""

    def __init__(self, connection: StorageConnection) -> None:
        self._writer = TabWriter(connection)
        self._mails = TabMails(connection)
        self._conversations = TabConversations(connection)
        self._filtered = FilteredConversations(connection)
        self._standings = TabStandings(connection)
        self._changes = TabChanges(connection)

    def put(self, incident_id: str, mails: Sequence[LinkedMail], at: datetime) -> None:
        """See `TabWriter.put`."""
        self._writer.put(incident_id, mails, at)

    def remove(self, incident_id: str, mails: Sequence[Mail], at: datetime) -> None:
        """See `TabWriter.remove`."""
        self._writer.remove(incident_id, mails, at)

    def version(self, incident_ids: Sequence[str]) -> str:
        """One point read an incident."""
        sequences = self._standings.sequences(incident_ids)
        text = "\n".join(f"{sequence} {one}" for sequence, one in zip(sequences, incident_ids, strict=True))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

    def flat(
        self, incident_ids: Sequence[str], where: MailFilter, *, limit: int, cursor: str | None
    ) -> TabPage:
        """See `TabMails.flat`."""
        return self._mails.flat(incident_ids, where, limit=limit, cursor=cursor)

    def conversations(
        self, incident_ids: Sequence[str], where: MailFilter, *, limit: int, cursor: str | None
    ) -> TabPage:
        """See `TabConversations.page` and, with a filter, `FilteredConversations.page`."""
        if where == _NO_FILTER:
            return self._conversations.page(incident_ids, limit=limit, cursor=cursor)
        return self._filtered.page(incident_ids, where, limit=limit, cursor=cursor)

    def conversation(
        self, incident_ids: Sequence[str], conversation_id: str, *, limit: int, cursor: str | None
    ) -> TabPage:
        """See `TabMails.conversation`."""
        return self._mails.conversation(incident_ids, conversation_id, limit=limit, cursor=cursor)

    def find(self, incident_ids: Sequence[str], mail: Mail) -> TabMail | None:
        """See `TabMails.find`."""
        return self._mails.find(incident_ids, mail)

    def counts(self, incident_ids: Sequence[str]) -> Mapping[str, int]:
        """One point read an incident."""
        return self._standings.counts(incident_ids)

    def changes(
        self, incident_ids: Sequence[str], cursor: str | None, *, limit: int
    ) -> tuple[list[TabChange], str]:
        """See `TabChanges.since`."""
        return self._changes.since(incident_ids, cursor, limit=limit)
