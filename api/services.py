"""The ports that HTTP endpoints work with, handed in once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from domain.configuration_ports import ActivityLog, SettingsStore
from domain.drafts import DraftStore, PresenceStore
from domain.exports import ExportStore
from domain.follow_ups import FollowUpStore
from domain.linking_ports import (
    IncidentMailStore,
    IncidentStore,
    LinkStore,
    PendingStore,
    SubjectTokenKeys,
)
from domain.ports import (
    BusinessUnitStore,
    Clock,
    ConnectionTester,
    FolderSyncStore,
    MailboxStore,
    MailServers,
    MailStore,
    PollSchedule,
    RawMailStore,
    Secrets,
    WorkQueue,
)
from domain.sending_ports import OutboxStore, OutgoingContents


@dataclass(frozen=True, slots=True)
class Services:
    """All ports of the HTTP side. Every one of them is safe for use by several threads."""

    mailboxes: MailboxStore
    schedule: PollSchedule
    folder_syncs: FolderSyncStore
    mails: MailStore
    raw: RawMailStore
    units: BusinessUnitStore
    settings: SettingsStore
    activity_log: ActivityLog
    secrets: Secrets
    queue: WorkQueue
    servers: MailServers
    tester: ConnectionTester
    clock: Clock
    links: LinkStore
    incidents: IncidentStore
    incident_mails: IncidentMailStore
    pending: PendingStore
    token_keys: SubjectTokenKeys
    exports: ExportStore
    outbox: OutboxStore
    contents: OutgoingContents
    drafts: DraftStore
    presence: PresenceStore
    follow_ups: FollowUpStore
