"""All that linking keeps about mails, put together from its tables (each module says what a crash leaves)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from domain.linking_ports import IncidentMailStore
from domain.links import LinkedMail, MailState
from domain.stored import Activity
from store.activity import activity_write
from store.connection import StorageConnection
from store.incident_rows import LINKS_PARTITION, TABLE
from store.link_projection import LinkProjection, utc_now
from store.mail_rows import MailRows
from store.placements import Placements
from store.references import ReferenceIndex
from store.stamps import BEGUN, OVERWRITTEN, Stamp
from store.table import Table
from store.weak_mails import WeakMails


class TableLinkStore:
    """`domain.linking_ports.LinkStore` on Table Storage. `keyed_hash`: the mail store's."""

    def __init__(
        self,
        connection: StorageConnection,
        keyed_hash: Callable[[str], str],
        tabs: IncidentMailStore,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._rows = MailRows(connection)
        self._stamp = Stamp(connection, OVERWRITTEN)
        self._begun = Stamp(connection, BEGUN)
        self._references = ReferenceIndex(connection, keyed_hash)
        self._placements = Placements(connection, keyed_hash)
        self._projection = LinkProjection(connection, self._rows, self._placements, tabs, self._stamp, now)
        self._weak = WeakMails(connection)
        self._log = Table(connection, TABLE)

    def read(self, mail_ids: Iterable[str]) -> dict[str, LinkedMail]:
        """See `MailRows.read_linked`."""
        return self._rows.read_linked(mail_ids)

    def known_as(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """See `ReferenceIndex.known_as`."""
        return self._references.known_as(hashes)

    def naming(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """See `ReferenceIndex.naming`."""
        return self._references.naming(hashes)

    def index_tokens(self, tokens: Iterable[tuple[str, str]]) -> None:
        """See `ReferenceIndex.put_named`."""
        self._references.put_named(tokens)

    def walk(self, cursor: str | None) -> tuple[list[LinkedMail], str | None]:
        """See `MailRows.walk`."""
        return self._rows.walk(cursor)

    def members(self, conversation_hash: str) -> Iterator[str]:
        """See `ReferenceIndex.members`."""
        return self._references.members(conversation_hash)

    def conversation_incidents(
        self, conversation_hashes: Iterable[str], *, apart_from: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """See `Placements.incidents_of_all`."""
        return self._placements.incidents_of_all(list(conversation_hashes), apart_from)

    def save(self, states: Sequence[tuple[LinkedMail, MailState]]) -> dict[str, LinkedMail]:
        """Four transactions and the projections; the stamp is read twice, or written where states that others
        may have projected are overwritten."""
        is_first = not any(linked.state.decided for linked, _ in states)
        stamp = self._stamp.read() if is_first else None
        saved = self._rows.save_states(states)
        if not is_first and saved:
            self._stamp.move()
        self._projection.project(list(saved.values()), since=stamp)
        return saved

    def relinks_begun(self) -> str:
        """See `Stamp.read`."""
        return self._begun.read()

    def begin_relink(self) -> None:
        """See `Stamp.move`."""
        self._begun.move()

    def log(self, activity: Activity, change: str) -> None:
        """One request."""
        self._log.replace(activity_write(LINKS_PARTITION, activity, change).row)

    def project(self, linked: Sequence[LinkedMail]) -> None:
        """See `LinkProjection.project`."""
        self._projection.project(linked)

    def undecided_or_weak(
        self,
        since: datetime | None,
        before: datetime | None,
        units: frozenset[str] | None,
        cursor: str | None,
    ) -> tuple[list[str], str | None]:
        """See `WeakMails.page`."""
        return self._weak.page(since, before, units, cursor)

    def mails_in(self, incident_id: str, cursor: str | None) -> tuple[list[str], str | None]:
        """See `Placements.mails_in`."""
        return self._placements.mails_in(incident_id, cursor)
