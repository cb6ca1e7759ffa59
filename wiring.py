"""Composition root: builds the adapters from the app's settings, once a worker, lazily, and runs use cases.

Holds no state but the adapters. What timers and queues run is built without the HTTP side and its FastAPI.
"""

from __future__ import annotations

import gc
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import azure.functions as func

    from api.functions_app import FunctionsApp
    from domain.mail import Mail
    from domain.ports import ConnectionTester, Secrets
    from exchange.servers import ExchangeServers
    from linking.context import LinkContext
    from mail_reply.context import SendContext
    from mail_reply.process import NotifyContext
    from mailbox_poll.context import PollContext
    from store.connection import StorageConnection

_DEFAULT_POLL_SECONDS = 60
_MESSAGE_MEMORY_BYTES = 64 * 1_048_576
"""What all invocations of a worker hold of messages together: a 512 MB instance has room for it."""
_POOL_THREADS = 8


# Loading makes some hundred thousand objects that stay; to look through them for garbage after every 2,000 is
# a tenth of a fresh worker's start. Cycles are few here: what waits longer for its collection is little.
gc.set_threshold(50_000)

# The SDK writes every request with its headers at INFO: costly, and nothing that anybody would read.
logging.getLogger("azure.core").setLevel(logging.WARNING)


class SystemClock:
    """The machine's time in UTC."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)


@cache
def _connection() -> StorageConnection:
    from store.connection import StorageConnection, StoreSettings

    return StorageConnection(StoreSettings.from_environment(os.environ))


@cache
def _secrets() -> Secrets:
    from store.key_vault import KeyVaultSecrets

    return KeyVaultSecrets(_connection())


def _ca_file() -> str | None:
    """PEM of further authorities to trust."""
    return os.environ.get("EXCHANGE_CA_FILE") or None


def _allowed_networks() -> list[str]:
    """CIDRs that may be connected to though they are not public."""
    networks = os.environ.get("EXCHANGE_ALLOWED_NETWORKS", "").split(",")
    return [network.strip() for network in networks if network.strip()]


@cache
def _servers() -> ExchangeServers:
    from exchange.servers import DEFAULT_AUTHORITY_HOST, ExchangeServers

    return ExchangeServers(
        _secrets(),
        authority_host=os.environ.get("AZURE_AUTHORITY_HOST") or DEFAULT_AUTHORITY_HOST,
        ca_file=_ca_file(),
        allowed_networks=_allowed_networks(),
    )


@cache
def _tester() -> ConnectionTester:
    from exchange.connection_test import ExchangeConnectionTester
    from exchange.servers import DEFAULT_AUTHORITY_HOST

    return ExchangeConnectionTester(
        _secrets(),
        authority_host=os.environ.get("AZURE_AUTHORITY_HOST") or DEFAULT_AUTHORITY_HOST,
        ca_file=_ca_file(),
        allowed_networks=_allowed_networks(),
    )


@cache
def _link_context() -> LinkContext:
    from linking.context import LinkContext, new_id
    from store.business_unit_store import TableBusinessUnitStore
    from store.incident_mail_store import TableIncidentMailStore
    from store.incident_store import TableIncidentStore
    from store.link_store import TableLinkStore
    from store.mail_store import TableMailStore
    from store.mailbox_store import TableMailboxStore
    from store.pending_store import TablePendingStore
    from store.subject_token_keys import VaultSubjectTokenKeys
    from store.work_queue import StorageWorkQueue

    connection = _connection()
    mailboxes = TableMailboxStore(connection)
    mails = TableMailStore(connection, _secrets())
    return LinkContext(
        links=TableLinkStore(connection, mails.keyed_hash, connection.shared(TableIncidentMailStore)),
        incidents=TableIncidentStore(connection),
        pending=TablePendingStore(connection),
        token_keys=VaultSubjectTokenKeys(connection, _secrets()),
        units=TableBusinessUnitStore(connection, mailboxes),
        mailboxes=mailboxes,
        mails=mails,
        queue=StorageWorkQueue(connection),
        clock=SystemClock(),
        new_id=new_id,
    )


@cache
def _poll_context() -> PollContext:
    from mailbox_poll.context import PollContext
    from mailbox_poll.memory_budget import WorkerMemoryBudget
    from store.folder_sync_store import TableFolderSyncStore
    from store.poll_schedule import TablePollSchedule
    from store.raw_mail_store import BlobRawMailStore

    connection, linking = _connection(), _link_context()
    interval = int(os.environ.get("MAILBOX_POLL_INTERVAL_SECONDS", _DEFAULT_POLL_SECONDS))
    return PollContext(
        schedule=TablePollSchedule(connection),
        mailboxes=linking.mailboxes,
        folder_syncs=TableFolderSyncStore(connection),
        mails=linking.mails,
        raw=connection.shared(BlobRawMailStore),
        units=linking.units,
        servers=_servers(),
        queue=linking.queue,
        budget=WorkerMemoryBudget(_MESSAGE_MEMORY_BYTES),
        clock=linking.clock,
        linking=linking,
        pool=ThreadPoolExecutor(_POOL_THREADS, thread_name_prefix="mailbox-poll"),
        interval=timedelta(seconds=interval),
        on_stored=_note_stored_mails,
    )


def _note_stored_mails(mails: Sequence[Mail]) -> None:
    from mail_reply.evidence import EvidencePorts, note_stored_mails
    from store.outbox_store import TableOutboxStore

    poll = _poll_context()
    note_stored_mails(EvidencePorts(_connection().shared(TableOutboxStore), poll.clock), mails)


@cache
def _send_context() -> SendContext:
    from exchange.smtp_sender import SmtpMailSender
    from mail_reply.contents import content_reader
    from mail_reply.context import SendContext
    from store.outbox_store import TableOutboxStore
    from store.outgoing_blobs import OutgoingBlobs
    from store.raw_mail_store import BlobRawMailStore
    from store.settings_store import TableSettingsStore

    connection, linking = _connection(), _link_context()
    return SendContext(
        outbox=connection.shared(TableOutboxStore),
        mailboxes=linking.mailboxes,
        settings=connection.shared(TableSettingsStore),
        senders=_servers(),
        smtp=SmtpMailSender(_secrets(), ca_file=_ca_file(), allowed_networks=_allowed_networks()),
        read_content=content_reader(
            connection.shared(OutgoingBlobs), linking.mails, connection.shared(BlobRawMailStore)
        ),
        queue=linking.queue,
        clock=linking.clock,
        new_claim_id=linking.new_id,
    )


@cache
def _notify_context() -> NotifyContext:
    from mail_reply.process import NotifyContext
    from store.follow_up_store import TableFollowUpStore
    from store.incident_mail_store import TableIncidentMailStore
    from store.outbox_store import TableOutboxStore
    from store.outgoing_blobs import OutgoingBlobs
    from store.raw_mail_store import BlobRawMailStore
    from store.settings_store import TableSettingsStore

    connection, linking = _connection(), _link_context()
    return NotifyContext(
        outbox=connection.shared(TableOutboxStore),
        contents=connection.shared(OutgoingBlobs),
        follow_ups=connection.shared(TableFollowUpStore),
        incident_mails=connection.shared(TableIncidentMailStore),
        settings=connection.shared(TableSettingsStore),
        raw=connection.shared(BlobRawMailStore),
        links=linking.links,
        incidents=linking.incidents,
        pending=linking.pending,
        token_keys=linking.token_keys,
        units=linking.units,
        mailboxes=linking.mailboxes,
        mails=linking.mails,
        queue=linking.queue,
        clock=linking.clock,
    )


def poll_due_mailboxes() -> None:
    """Timer `mailbox_poll`."""
    from mailbox_poll.poll import poll_due_mailboxes as run

    run(_poll_context())


def sync_mailbox(message: str) -> None:
    """Queue `mailbox-sync`. Raises what makes the host repeat the message."""
    from mailbox_poll.messages import read_mailbox_sync
    from mailbox_poll.sync_mailbox import sync_mailbox as run

    run(_poll_context(), read_mailbox_sync(message))


def sync_folder(message: str) -> None:
    """Queue `folder-sync`. Raises what makes the host repeat the message."""
    from mailbox_poll.messages import read_folder_sync
    from mailbox_poll.sync_folder import sync_folder as run

    run(_poll_context(), read_folder_sync(message))


def relink(message: str) -> None:
    """Queue `incident-changed`. Raises what makes the host repeat the message."""
    from linking.messages import read_changed
    from linking.relink import relink as run
    from mail_reply.process import notify_new_incident

    changed = read_changed(message)
    notify_new_incident(_notify_context(), changed)
    run(_link_context(), changed)


def export_mails(message: str) -> None:
    """Queue `mail-export`. Raises what makes the host repeat the message."""
    from incident_mails.export_job import ExportContext
    from incident_mails.export_job import export_mails as run
    from store.export_store import TableExportStore
    from store.incident_mail_store import TableIncidentMailStore

    poll = _poll_context()
    context = ExportContext(
        exports=TableExportStore(_connection()),
        tabs=_connection().shared(TableIncidentMailStore),
        raw=poll.raw,
        queue=poll.queue,
        clock=poll.clock,
        pool=poll.pool,
    )
    run(context, message)


def deliver_mail(message: str) -> None:
    """Queue `mail-delivery`. Raises what makes the host repeat the message."""
    from mail_reply.deliver import deliver_entry
    from mail_reply.messages import read_delivery

    deliver_entry(_send_context(), read_delivery(message))


def sweep_pending() -> None:
    """Timer `pending_sweep`."""
    from mail_reply.process import sweep_follow_ups
    from mail_reply.sweep import sweep_outbox
    from mailbox_poll.sweep import sweep_pending as run

    # Trouble of one kind of work keeps no other from being found.
    try:
        run(_poll_context())
    finally:
        try:
            sweep_outbox(_send_context())
        finally:
            sweep_follow_ups(_notify_context())


async def serve(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every HTTP trigger: one ASGI application behind all of them."""
    return await _http().handle(req, context)


@cache
def _http() -> FunctionsApp:
    import config_api.routers
    import incident_mails.routers
    import mail_reply.routers
    import web.routers
    from api.application import create_app
    from api.functions_app import FunctionsApp
    from api.services import Services
    from api.settings import ApiSettings
    from store.activity_log import TableActivityLog
    from store.draft_store import TableDraftStore
    from store.export_store import TableExportStore
    from store.follow_up_store import TableFollowUpStore
    from store.incident_mail_store import TableIncidentMailStore
    from store.outbox_store import TableOutboxStore
    from store.outgoing_blobs import OutgoingBlobs
    from store.presence_store import TablePresenceStore
    from store.settings_store import TableSettingsStore

    poll, linking = _poll_context(), _link_context()
    services = Services(
        mailboxes=poll.mailboxes,
        schedule=poll.schedule,
        folder_syncs=poll.folder_syncs,
        mails=poll.mails,
        raw=poll.raw,
        units=poll.units,
        settings=_connection().shared(TableSettingsStore),
        activity_log=TableActivityLog(_connection()),
        secrets=_secrets(),
        queue=poll.queue,
        servers=poll.servers,
        tester=_tester(),
        clock=poll.clock,
        links=linking.links,
        incidents=linking.incidents,
        incident_mails=_connection().shared(TableIncidentMailStore),
        pending=linking.pending,
        token_keys=linking.token_keys,
        exports=TableExportStore(_connection()),
        outbox=_connection().shared(TableOutboxStore),
        contents=_connection().shared(OutgoingBlobs),
        drafts=TableDraftStore(_connection()),
        presence=TablePresenceStore(_connection()),
        follow_ups=_connection().shared(TableFollowUpStore),
    )
    routers = (
        *config_api.routers.ROUTERS,
        *incident_mails.routers.ROUTERS,
        *mail_reply.routers.ROUTERS,
        *web.routers.ROUTERS,
    )
    app = create_app(services, routers, ApiSettings.from_environment(os.environ))
    return FunctionsApp(app)
