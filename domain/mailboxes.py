"""A mailbox's settings as an admin enters them, and when it is polled next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

DEFAULT_MAILBOX_ID = "default"
DEFAULT_EWS_PORT = 443
DEFAULT_LOOK_BACK_DAYS = 7
MAX_LOOK_BACK_DAYS = 365
MAILBOX_SYNC_QUEUE = "mailbox-sync"
POLL_CLAIM = timedelta(minutes=2)
"""How long a taken poll stays taken when its worker dies."""


class AuthenticationType(StrEnum):
    """How the mailbox's server wants to be signed in to."""

    OAUTH2 = "oauth2"
    NTLM = "ntlm"
    BASIC = "basic"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where the mailbox's secret lies in Key Vault: name and pinned version, never the value."""

    name: str
    version: str
    set_at: datetime
    set_by: str
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """The **Mailbox** form. `creation_id` tells a mailbox from a later one with the same id."""

    mailbox_id: str
    creation_id: str
    email: str
    incoming_server: str
    app_id: str
    tenant_id: str
    account_type: str = "ews"
    port: int = DEFAULT_EWS_PORT
    authentication_type: AuthenticationType = AuthenticationType.OAUTH2
    ssl_encrypted: bool = True
    enabled: bool = False
    look_back_days: int = DEFAULT_LOOK_BACK_DAYS
    authserv_id: str | None = None
    """authserv-id (RFC 8601) whose `Authentication-Results` are the mailbox server's own."""
    secret: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class SelectedFolder:
    """A folder that the admin selected. `folder_id` is the server's id; `path` is shown, in the server's
    language."""

    folder_id: str
    path: str


@dataclass(frozen=True, slots=True)
class FolderSelection:
    """Which folders are polled. `None` in its place means: nothing chosen yet, so Inbox alone."""

    folders: tuple[SelectedFolder, ...]


@dataclass(frozen=True, slots=True)
class MailboxConfiguration:
    """All that a sync needs to know, read in one query. `settings_etag` and `folders_etag` are the rows'
    ETags."""

    settings: MailboxSettings
    settings_etag: str
    selection: FolderSelection | None
    folders_etag: str | None
    rewalk_requested_at: datetime | None
    """Since when the look-back window has to be walked again because units changed; None: never."""


@dataclass(frozen=True, slots=True)
class PollError:
    """Why a poll failed. `since`: first failure of the present run of failures; `code` is the failing side's
    name."""

    code: str
    server_message: str
    at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class PollState:
    """When a mailbox is polled next and how the last poll ended: one row, changed by conditional writes
    only."""

    mailbox_id: str
    due_at: datetime | None
    """Next poll; None: not scheduled (mailbox off)."""
    claimed_until: datetime | None = None
    """A worker has taken this poll; when it dies, the poll is due again at this time."""
    last_started_at: datetime | None = None
    last_succeeded_at: datetime | None = None
    back_off_until: datetime | None = None
    """The server asked all instances to stay away until then."""
    failures: int = 0
    """Failed polls in a row."""
    error: PollError | None = None
