"""The HTTP application for tests: called through Microsoft's `AsgiMiddleware`, on Azurite, the rest faked.

`HttpApp.call` makes one request as App Service hands it on: a signed-in role becomes the principal header.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func

import config_api.routers
import incident_mails.routers
import mail_reply.routers
import web.routers
from api.application import create_app
from api.functions_app import FunctionsApp
from api.services import Services
from api.settings import ApiSettings
from domain.connection_test import OtherMailboxResult, Outcome, Step, StepResult
from domain.errors import BoundaryError
from domain.mailboxes import MailboxSettings
from domain.server_items import MailFolder
from store.activity_log import TableActivityLog
from store.business_unit_store import TableBusinessUnitStore
from store.connection import StorageConnection
from store.draft_store import TableDraftStore
from store.export_store import TableExportStore
from store.folder_sync_store import TableFolderSyncStore
from store.follow_up_store import TableFollowUpStore
from store.incident_mail_store import TableIncidentMailStore
from store.incident_store import TableIncidentStore
from store.link_store import TableLinkStore
from store.mail_store import TableMailStore
from store.mailbox_store import TableMailboxStore
from store.outbox_store import TableOutboxStore
from store.outgoing_blobs import OutgoingBlobs
from store.pending_store import TablePendingStore
from store.poll_schedule import TablePollSchedule
from store.presence_store import TablePresenceStore
from store.raw_mail_store import BlobRawMailStore
from store.settings_store import TableSettingsStore
from store.subject_token_keys import VaultSubjectTokenKeys
from tests.store.support import FakeVault

ROLES = {
    "admin": [
        "Configurations.Read",
        "Configurations.Update",
        "BusinessUnits.Update",
        "Incidents.Update",
        "BusinessUnitMails.Read",
        "BusinessUnitMails.Reply",
    ],
    "editor": ["Configurations.Read", "Configurations.Update", "BusinessUnits.Update"],
    "analyst": ["BusinessUnitMails.Read", "BusinessUnitMails.Reply"],
    "viewer": ["BusinessUnitMails.Read", "Configurations.Read"],
    "none": [],
    "respond": ["Incidents.Update", "BusinessUnitMails.Read", "BusinessUnitMails.Reply", "ActAs"],
}


class FixedClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


class SentMessages:
    """`domain.ports.WorkQueue` in memory."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, object]]] = []

    def send(self, queue: str, body: Any, delay: timedelta = timedelta(0)) -> None:
        self.sent.append((queue, dict(body)))


class WatchedVault(FakeVault):
    """Remembers which versions were disabled, and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.disabled: list[tuple[str, str]] = []
        self.fails_with: BoundaryError | None = None

    def write(self, name: str, value: str) -> str:
        if self.fails_with:
            raise self.fails_with
        return super().write(name, value)

    def disable(self, name: str, version: str) -> None:
        self.disabled.append((name, version))


class OneTree:
    """`MailServers` and `MailServer` with one folder tree, or a failure."""

    def __init__(self) -> None:
        self.tree = [
            folder("id-inbox", "Posteingang", well_known="inbox"),
            folder("id-incidents", "Posteingang/Incidents"),
            folder("id-calendar", "Kalender", is_mail=False),
            folder("id-hidden", "Versteckt", is_hidden=True),
        ]
        self.fails_with: BoundaryError | None = None

    def open(self, settings: MailboxSettings) -> Any:
        return self

    def folder_tree(self) -> list[MailFolder]:
        if self.fails_with:
            raise self.fails_with
        return self.tree


class ScriptedTester:
    """`ConnectionTester` that passes every step up to one in `fails_with`; remembers what it was given."""

    def __init__(self) -> None:
        self.runs: list[tuple[MailboxSettings, str | None, tuple[Step, ...]]] = []
        self.fails_with: dict[Step, StepResult] = {}
        self.facts: dict[Step, dict[str, str]] = {}
        self.other = OtherMailboxResult("", True)

    def run(
        self, settings: MailboxSettings, secret: str | None, steps: Collection[Step] = tuple(Step)
    ) -> Iterator[StepResult]:
        self.runs.append((settings, secret, tuple(steps)))
        outcome, took = Outcome.PASSED, timedelta(milliseconds=12)
        for step in steps:
            fine = StepResult(step, outcome, took, facts=self.facts.get(step, {}))
            yield self.fails_with.get(step) or fine
            if step in self.fails_with:
                outcome = Outcome.NOT_REACHED

    def try_other_mailbox(
        self, settings: MailboxSettings, secret: str | None, address: str
    ) -> OtherMailboxResult:
        return replace(self.other, address=address)


def folder(folder_id: str, path: str, **changes: Any) -> MailFolder:
    """A mail folder of the fake tree."""
    fields: dict[str, Any] = {
        "id": folder_id,
        "path": path,
        "name": path.rpartition("/")[2],
        "parent_id": None,
        "total_count": 3,
        "child_folder_count": 0,
        "is_mail": True,
        "is_hidden": False,
    }
    return MailFolder(**{**fields, **changes})


@dataclass(frozen=True)
class Answer:
    """An answer. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.json["code"])

    def field_codes(self) -> dict[str, str]:
        """The mistakes of a refused body: field to code."""
        return {one["field"]: one["code"] for one in self.json["errors"]}


@dataclass
class HttpApp:
    """The application and what is behind it."""

    services: Services
    clock: FixedClock
    queue: SentMessages
    vault: WatchedVault
    server: OneTree
    tester: ScriptedTester
    authentication: bool = True
    _served: dict[bool, FunctionsApp] = field(default_factory=dict)

    def app(self) -> Any:
        """The ASGI application itself."""
        routers = (
            *config_api.routers.ROUTERS,
            *incident_mails.routers.ROUTERS,
            *mail_reply.routers.ROUTERS,
            *web.routers.ROUTERS,
        )
        settings = ApiSettings(self.authentication, ("https://respond.corp.example",))
        return create_app(self.services, routers, settings)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        role: str | None = "admin",
        headers: dict[str, str] | None = None,
        raw_body: bytes | None = None,
    ) -> Answer:
        """`body` goes as JSON, `raw_body` as it is."""
        sent = {"host": "app.corp.example"}
        if role is not None:
            sent["x-ms-client-principal"] = principal(role)
            sent["authorization"] = "Bearer token"
        content = raw_body or b""
        if body is not None:
            content = json.dumps(body).encode()
            sent["content-type"] = "application/json"
        if content:
            sent["content-length"] = str(len(content))
        sent |= headers or {}
        request = func.HttpRequest(
            method=method, url=f"https://app.corp.example{path}", headers=sent, body=content
        )
        if self.authentication not in self._served:
            self._served[self.authentication] = FunctionsApp(self.app())
        response = asyncio.run(self._served[self.authentication].handle(request))
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, found, response.get_body())


def principal(role: str, claims: Iterable[tuple[str, str]] = ()) -> str:
    """`X-MS-CLIENT-PRINCIPAL` of somebody with this role; `respond` is an application."""
    who = (
        [("appid", "8b0c2f0e-0000-0000-0000-000000000001"), ("app_displayname", "Respond")]
        if role == "respond"
        else [("preferred_username", f"{role}@corp.example"), ("name", role.title())]
    )
    oid = ("http://schemas.microsoft.com/identity/claims/objectidentifier", f"id-of-{role}")
    pairs = [oid, *who, *(("roles", one) for one in ROLES[role]), *claims]
    data = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in pairs]}
    return base64.b64encode(json.dumps(data).encode()).decode()


def http_app(connection: StorageConnection) -> HttpApp:
    """A fresh application on this storage."""
    clock, queue, vault, server = FixedClock(), SentMessages(), WatchedVault(), OneTree()
    tester = ScriptedTester()
    mailboxes = TableMailboxStore(connection)
    mails = TableMailStore(connection, vault)
    tabs = TableIncidentMailStore(connection)
    services = Services(
        mailboxes=mailboxes,
        schedule=TablePollSchedule(connection),
        folder_syncs=TableFolderSyncStore(connection),
        mails=mails,
        raw=BlobRawMailStore(connection),
        units=TableBusinessUnitStore(connection, mailboxes),
        settings=TableSettingsStore(connection),
        activity_log=TableActivityLog(connection),
        secrets=vault,
        queue=queue,
        servers=server,
        tester=tester,
        clock=clock,
        links=TableLinkStore(connection, mails.keyed_hash, tabs, clock.now),
        incidents=TableIncidentStore(connection),
        incident_mails=tabs,
        pending=TablePendingStore(connection),
        token_keys=VaultSubjectTokenKeys(connection, vault),
        exports=TableExportStore(connection),
        outbox=TableOutboxStore(connection),
        contents=OutgoingBlobs(connection),
        drafts=TableDraftStore(connection),
        presence=TablePresenceStore(connection),
        follow_ups=TableFollowUpStore(connection),
    )
    return HttpApp(services, clock, queue, vault, server, tester)
