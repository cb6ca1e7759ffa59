"""What it costs in storage requests to find out where a stored mail belongs."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.figure import Figure, Limit, Measurement, Result
from bench.watched import CountingTransport
from domain.business_units import BusinessUnit
from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.mail import Address, Direction, Evidence, Mail
from domain.stored import Activity
from domain.subject_token import make_token
from linking.context import LinkContext
from linking.incidents import save_incident
from linking.link_mails import link_mails
from linking.messages import Changed
from linking.relink import relink
from store.business_unit_store import TableBusinessUnitStore
from store.connection import StorageConnection, StoreSettings
from store.incident_mail_store import TableIncidentMailStore
from store.incident_store import TableIncidentStore
from store.link_store import TableLinkStore
from store.mail_store import TableMailStore
from store.mailbox_store import TableMailboxStore
from store.pending_store import TablePendingStore
from store.subject_token_keys import VaultSubjectTokenKeys
from tests.support.azurite import running_azurite

_NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
_ACTIVITY = Activity(_NOW, "respond", None, "incident.created", "incident", None, None)
_REFERENCES = 10
_THREAD = 20
_STORED = (100, 2_000)
_PAGE = 64
FIGURE = Figure(
    "link.storage_ops",
    "requests",
    Limit("<=", 60),
    "Requests to storage, on a warm worker, that link one stored mail with ten references and a token, the "
    "last of a thread whose mails each answer the ten before: reads, conditional write, index, placement, "
    "tab and triage rows, the pending row. With 100 and with 2,000 mails stored, the worse of the two.",
    "a point read and a look-up for each of the ten names, twice over, and as many writes again",
)


class _Vault:
    """`domain.ports.Secrets` in memory."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], str] = {}

    def read(self, name: str, version: str) -> str:
        return self._values[name, version]

    def write(self, name: str, value: str) -> str:
        version = f"v{len(self._values)}"
        self._values[name, version] = value
        return version

    def disable(self, name: str, version: str) -> None: ...


class _Installation:
    """One incident of a unit, and mails of its thread."""

    def __init__(self, connection: StorageConnection) -> None:
        vault = _Vault()
        mailboxes = TableMailboxStore(connection)
        units = TableBusinessUnitStore(connection, mailboxes)
        units.save(BusinessUnit("fin", "fin", "Finance", domains=("fin.example",)), None, _ACTIVITY)
        self.mails = TableMailStore(connection, vault)
        self.context = LinkContext(
            links=TableLinkStore(connection, self.mails.keyed_hash, TableIncidentMailStore(connection)),
            incidents=TableIncidentStore(connection),
            pending=TablePendingStore(connection),
            token_keys=VaultSubjectTokenKeys(connection, vault),
            units=units,
            mailboxes=mailboxes,
            mails=self.mails,
            queue=self,
            clock=self,
            new_id=lambda: uuid.uuid4().hex,
        )
        self._sent: list[Changed] = []
        wanted = Incident(
            "INC-1042",
            "Invoices",
            IncidentStatus.OPEN,
            _NOW,
            business_units=("fin",),
            open_intervals=(OpenInterval(_NOW),),
        )
        save_incident(self.context, wanted, None, _ACTIVITY)
        for changed in self._sent:
            relink(self.context, changed)

    def now(self) -> datetime:
        return _NOW

    def send(self, queue: str, body: Mapping[str, object], delay: timedelta = timedelta(0)) -> None:
        self._sent.append(Changed(str(body["kind"]), str(body["subject"]), str(body["change"])))

    def mail(self, number: int) -> Mail:
        """Answers the ten before it in its thread and carries the token."""
        first = number // _THREAD * _THREAD
        names = tuple(f"m{one}@fin.example" for one in range(max(first, number - _REFERENCES), number))
        return Mail(
            id=f"default.{uuid.uuid5(uuid.NAMESPACE_OID, str(number)).hex}",
            mailbox_id="default",
            received_at=_NOW + timedelta(minutes=number),
            direction=Direction.INCOMING,
            internet_message_id=f"<m{number}@fin.example>",
            conversation_id=f"c{first}",
            sender=Address("Ann", "ann@fin.example"),
            to=(Address("SOC", "soc@corp.example"),),
            subject=f"Re: Invoices {make_token('INC-1042', self.context.token_keys.keys()[0])}",
            evidence=Evidence(in_reply_to=names[-1:], references=names),
        )

    def store(self, *mails: Mail) -> None:
        """What is written before a mail is linked."""
        self.mails.put(mails)
        self.mails.put_references(mails)


def run(full: bool) -> dict[str, Result]:
    """Once at each size: a count does not vary."""
    with tempfile.TemporaryDirectory() as folder, running_azurite(Path(folder) / "azurite") as azurite:
        counting = CountingTransport()
        connection = StorageConnection(
            StoreSettings(connection_string=azurite.connection_string), lambda: counting
        )
        installation = _Installation(connection)
        stored, counts = 0, []
        for size in _STORED:
            last = size + _THREAD - 1  # the last one of its thread
            while stored < last:
                page = [installation.mail(number) for number in range(stored, min(stored + _PAGE, last))]
                installation.store(*page)
                link_mails(installation.context, page)
                stored += len(page)
            answer = installation.mail(last)
            installation.store(answer)
            counts.append(len(counting.of(partial(link_mails, installation.context, [answer]))))
            stored += 1
    return {FIGURE.name: Result(max(counts), counts)}


MEASUREMENT = Measurement((FIGURE,), run)
