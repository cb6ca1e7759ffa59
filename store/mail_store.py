"""All that is kept about mails, put together from its tables (each module says what a crash leaves)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from domain.linking_ports import TriagePage, TriageView
from domain.mail import Mail
from domain.stored import ItemPlace, WaitingAnswer
from store.connection import StorageConnection
from store.incident_mail_store import TableIncidentMailStore
from store.item_places import ItemPlaces
from store.link_projection import LinkProjection, utc_now
from store.mail_rows import MailRows
from store.placements import Placements
from store.reference_key import ReferenceKey
from store.references import ReferenceIndex
from store.stamps import OVERWRITTEN, Stamp
from store.triage import TriageList
from store.waiting_answers import WaitingAnswers

if TYPE_CHECKING:
    from domain.ports import Secrets


class TableMailStore:
    """`domain.ports.MailStore` on Table Storage."""

    def __init__(self, connection: StorageConnection, secrets: Secrets) -> None:
        self._key = ReferenceKey(connection, secrets)
        self._rows = MailRows(connection)
        self._references = ReferenceIndex(connection, self.keyed_hash)
        self._triage = TriageList(connection)
        placements = Placements(connection, self.keyed_hash)
        tabs = TableIncidentMailStore(connection)
        self._projection = LinkProjection(
            connection, self._rows, placements, tabs, Stamp(connection, OVERWRITTEN), utc_now
        )
        self._places = ItemPlaces(connection)
        self._waiting = WaitingAnswers(connection)

    def put(self, mails: Sequence[Mail]) -> list[Mail]:
        """See `MailRows.put`."""
        return self._rows.put(mails)

    def read(self, mail_id: str) -> Mail | None:
        """See `MailRows.read`."""
        return self._rows.read(mail_id)

    def put_references(self, mails: Sequence[Mail]) -> None:
        """See `ReferenceIndex.put`."""
        self._references.put(mails)

    def known_among(self, hashes: Iterable[str]) -> set[str]:
        """See `ReferenceIndex.known_among`."""
        return self._references.known_among(hashes)

    def keyed_hash(self, text: str) -> str:
        """See `ReferenceKey.keyed_hash`."""
        return self._key.keyed_hash(text)

    def triage(
        self,
        *,
        limit: int,
        cursor: str | None,
        business_unit: str | None = None,
        which: TriageView = TriageView.WAITING,
    ) -> TriagePage:
        """See `TriageList.page`."""
        return self._triage.page(which, limit=limit, cursor=cursor, business_unit=business_unit)

    def put_places(self, mailbox_id: str, places: Sequence[ItemPlace]) -> None:
        """See `ItemPlaces.put`."""
        self._places.put(mailbox_id, places)

    def place(self, mailbox_id: str, folder_id: str, item_id: str) -> ItemPlace | None:
        """See `ItemPlaces.read`."""
        return self._places.read(mailbox_id, folder_id, item_id)

    def note_removed(self, mailbox_id: str, folder_id: str, item_ids: Sequence[str], at: datetime) -> int:
        """See `ItemPlaces.note_removed`."""
        return self._places.note_removed(mailbox_id, folder_id, item_ids, at)

    def unreadable_recorded(self, mailbox_id: str) -> bool:
        """See `MailRows.problem_recorded`."""
        return self._rows.problem_recorded(mailbox_id)

    def drop_unreadable(self, mail_ids: Sequence[str]) -> None:
        """Projections first and the row last, so that a crash in between is found again by the row."""
        for mail_id, linked in self._rows.read_linked(mail_ids).items():
            if linked.mail.problem is not None:
                self._projection.remove(linked)
                self._references.delete(linked.mail)
                self._rows.delete(mail_id)

    def purge_waiting(self, now: datetime) -> int:
        """See `WaitingAnswers.purge`."""
        return self._waiting.purge(now)

    def put_waiting(self, answers: Sequence[WaitingAnswer]) -> None:
        """See `WaitingAnswers.put`."""
        self._waiting.put(answers)

    def waiting_for(self, hashes: Sequence[str], now: datetime) -> list[WaitingAnswer]:
        """See `WaitingAnswers.waiting_for`."""
        return self._waiting.waiting_for(hashes, now)

    def delete_waiting(self, answer: WaitingAnswer) -> None:
        """See `WaitingAnswers.delete`."""
        self._waiting.delete(answer)
