"""Which incidents mails are placed in: two indexes in table `references`, projections of the mails' states.

`placed-{0..3}`, by conversation: `{keyed hash};{digest of the incident};{mail id}`, of mails that a person, a
reference or a token placed. `in;{incident}`: `{mail id}`, of every mail placed there. A row holds the
incident's id. Both are made from the mail's state: a crash leaves some of the rows of a projection, the same
projection again ends in all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from domain.links import LinkedMail, Stratum
from domain.mail import Mail
from domain.ours import conversation_key
from store.batches import write_all
from store.connection import StorageConnection
from store.keys import by_quarter, quarter, safe
from store.row_removal import remove_rows
from store.rows import Replace, Row
from store.table import Table

MAX_INCIDENTS = 10
_LOOK_UPS_A_PAGE, _ROWS_A_PAGE = 8, 1000
"""A page of a thousand rows takes about as long as so many look-ups."""
PAGE = 500
_DIGEST_CHARS = 32


class Placements:
    """Part of `store.link_store`."""

    def __init__(self, connection: StorageConnection, keyed_hash: Callable[[str], str]) -> None:
        self._connection = connection
        self._table = Table(connection, "references")
        self._hash = keyed_hash

    def project(self, linked: Sequence[LinkedMail]) -> None:
        """One transaction for each incident and each of the four partitions; where mails were placed
        elsewhere before, what `remove_rows` costs beside."""
        there = {(row.partition, row.key): row for one in linked for row in self._rows(one)}
        gone = [row for one in linked for row in self._ever(one) if (row.partition, row.key) not in there]
        remove_rows(self._connection, self._table, gone)
        write_all(self._connection, self._table, [Replace(row) for row in there.values()])

    def remove(self, linked: LinkedMail) -> None:
        """A request for each row it may have."""
        remove_rows(self._connection, self._table, [*self._rows(linked), *self._ever(linked)])

    def incidents_of_all(self, hashes: Sequence[str], apart_from: str | None) -> dict[str, tuple[str, ...]]:
        """As `incidents_of`; where many are asked for and few rows are there, by reading those."""
        found: dict[str, tuple[str, ...]] = {}
        left: list[str] = []
        for partition, asked in by_quarter("placed", hashes).items():
            rows: list[Row] = []
            if len(asked) >= _LOOK_UPS_A_PAGE:
                rows = self._table.range(partition, f"{asked[0]};", f"{asked[-1]}<", limit=_ROWS_A_PAGE)
            if len(asked) < _LOOK_UPS_A_PAGE or len(rows) == _ROWS_A_PAGE:
                left += asked
                continue
            there: dict[str, set[str]] = {}
            for row in rows:
                if row.key.rpartition(";")[2] != apart_from:
                    there.setdefault(row.key.partition(";")[0], set()).add(row.text("incident"))
            found |= {one: tuple(sorted(there.get(one, ()))[:MAX_INCIDENTS]) for one in asked}
        answers = self._connection.parallel(lambda one: self.incidents_of(one, apart_from), left)
        return found | dict(zip(left, answers, strict=True))

    def incidents_of(self, conversation_hash: str, apart_from: str | None) -> tuple[str, ...]:
        """Skips from incident to incident: a query where the conversation has at most one placed mail, and
        one more for each incident where it has more."""
        partition, prefix = f"placed-{quarter(conversation_hash)}", f"{conversation_hash};"
        found: list[str] = []
        start, end = prefix, f"{conversation_hash}<"
        while len(found) < MAX_INCIDENTS:
            rows = self._table.range(partition, start, end, limit=2)
            if not rows:
                break
            first = _digest_in(rows[0].key)
            counted = [
                row
                for row in rows
                if _digest_in(row.key) == first and row.key.rpartition(";")[2] != apart_from
            ]
            if counted:
                found.append(counted[0].text("incident"))
            if len(rows) < 2:
                break
            start = rows[1].key if _digest_in(rows[1].key) != first else f"{prefix}{first}<"
        return tuple(sorted(found))

    def mails_in(self, incident_id: str, cursor: str | None) -> tuple[list[str], str | None]:
        """One query. `cursor`: the last mail's id."""
        start = f"{cursor}!" if cursor else ""
        rows = self._table.range(_of_incident(incident_id), start, "~", select=(), limit=PAGE + 1)
        ids = [row.key for row in rows[:PAGE]]
        return ids, ids[-1] if len(rows) > PAGE else None

    def _rows(self, linked: LinkedMail) -> list[Row]:
        """As the state has them."""
        link = linked.state.link
        if link is None:
            return []
        rows = [_member(link.incident_id, linked.mail)]
        if link.stratum is Stratum.CERTAIN and (row := self._placed(link.incident_id, linked.mail)):
            rows.append(row)
        return rows

    def _ever(self, linked: LinkedMail) -> list[Row]:
        """Rows that an earlier state may have left."""
        if not was_elsewhere(linked):
            return []
        rows = []
        for incident_id in linked.state.placed_before:
            rows.append(_member(incident_id, linked.mail))
            if placed := self._placed(incident_id, linked.mail):
                rows.append(placed)
        return rows

    def _placed(self, incident_id: str, mail: Mail) -> Row | None:
        if not mail.conversation_id:
            return None
        conversation = self._hash(conversation_key(mail.conversation_id))
        digest = hashlib.sha256(incident_id.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
        key = f"{conversation};{digest};{mail.id}"
        return Row(f"placed-{quarter(conversation)}", key, {"incident": incident_id})


def was_elsewhere(linked: LinkedMail) -> bool:
    """Whether an earlier state may have left rows in another place: the first one has at most one entry of
    history."""
    return len(linked.state.history) > 1 or len(linked.state.placed_before) > 1


def _member(incident_id: str, mail: Mail) -> Row:
    return Row(_of_incident(incident_id), mail.id, {"incident": incident_id})


def _of_incident(incident_id: str) -> str:
    return f"in;{safe(incident_id)}"


def _digest_in(key: str) -> str:
    return key.split(";", 2)[1]
