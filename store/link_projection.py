"""What is derived from mails' states: placements, incidents' tabs, triage.

A projection may be overtaken: between a worker's save and its projection another one may save and project a
newer state. Whoever has projected therefore reads the row again, and projects again what has changed, until
nothing has: the last one to write saw the state that stands. A crash leaves some of it; the pending work that
its worker wrote first makes another one project again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from domain.errors import RetryLaterError
from domain.linking_ports import IncidentMailStore
from domain.links import LinkedMail
from domain.mail import Mail
from store.connection import StorageConnection
from store.mail_rows import MailRows
from store.placements import Placements, was_elsewhere
from store.stamps import Stamp
from store.triage import TriageList

_ROUNDS = 10


class LinkProjection:
    """Part of `store.link_store`."""

    def __init__(
        self,
        connection: StorageConnection,
        rows: MailRows,
        placements: Placements,
        tabs: IncidentMailStore,
        stamp: Stamp,
        now: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._rows = rows
        self._placements = placements
        self._tabs = tabs
        self._stamp = stamp
        self._triage = TriageList(connection)
        self._now = now

    def project(self, linked: Sequence[LinkedMail], *, since: str | None = None) -> None:
        """`since`: the stamp as it was before these states, each its mail's first, were saved: nobody can
        have overtaken them while it is the same. Raises `RetryLaterError` where the states keep changing."""
        left = {one.mail.id: one for one in linked}
        if left and since is not None:
            self._write(linked)
            if self._stamp.read() == since:
                return
        for _ in range(_ROUNDS):
            if not left:
                return
            self._write(list(left.values()))
            etags = self._rows.etags(left)
            left = self._rows.read_linked(
                key for key, one in left.items() if key in etags and etags[key] != one.etag
            )
        if left:
            raise RetryLaterError("StorageUnavailable", "the mails' states keep changing")

    def remove(self, linked: LinkedMail) -> None:
        """Everything that was derived from a mail; absent is fine."""
        incidents = _ever_in(linked)
        at = self._now()
        for incident_id in incidents:
            self._tabs.remove(incident_id, [linked.mail], at)
        self._placements.remove(linked)
        self._triage.remove(linked.mail)

    def _write(self, linked: Sequence[LinkedMail]) -> None:
        """Out of a tab before into another one: for a moment a mail is missing, never in the wrong place as
        well."""
        self._placements.project(linked)
        at = self._now()
        leaving: dict[str, list[Mail]] = {}
        coming: dict[str, list[LinkedMail]] = {}
        for one in linked:
            link = one.state.link
            shown_in = link.incident_id if link is not None and one.state.shown_as is None else None
            if shown_in is not None:
                coming.setdefault(shown_in, []).append(one)
            if was_elsewhere(one) or one.state.shown_as is not None:
                for incident_id in _ever_in(one):
                    if incident_id != shown_in:
                        leaving.setdefault(incident_id, []).append(one.mail)
        self._connection.parallel(lambda one: self._tabs.remove(one[0], one[1], at), leaving.items())
        self._connection.parallel(lambda one: self._tabs.put(one[0], one[1], at), coming.items())
        self._triage.project(linked)


def utc_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def _ever_in(linked: LinkedMail) -> list[str]:
    link = linked.state.link
    return list(dict.fromkeys((*linked.state.placed_before, *((link.incident_id,) if link else ()))))
