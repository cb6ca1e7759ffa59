"""Settings of the whole installation: the **Business Unit** parameter's name, the **Email Server**, the
**Incident Notification** process and retention.

Each has a default that stands until an admin saves something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_FOLLOW_UPS = 10
MAX_FOLLOW_UP_HOURS = 2_160
MAX_RETENTION_DAYS = 36_500
MIN_ACTIVITY_LOG_DAYS = 365
"""So that nobody can make the log forget by a setting what he did last month."""


@dataclass(frozen=True, slots=True)
class BusinessUnitSettings:
    """What users call a business unit. The tab, pages and the template say "Department Mails" where an admin
    names it Department."""

    parameter_name: str = "Business Unit"
    parameter_name_plural: str = "Business Units"

    @property
    def tab_name(self) -> str:
        """The label of an incident's tab."""
        return f"{self.parameter_name} Mails"


class EmailServerKind(StrEnum):
    """Which way mail goes out."""

    EWS = "ews"
    """The configured mailbox itself."""
    SMTP = "smtp"


class SmtpSecurity(StrEnum):
    """How the connection to an SMTP server is protected (RFC 3207, RFC 8314)."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"

    @property
    def default_port(self) -> int:
        """587 and 465 are for submission, 25 is all that a server without TLS mostly listens on."""
        return {SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465}.get(self, 25)


@dataclass(frozen=True, slots=True)
class PasswordRef:
    """Where a password lies in Key Vault: name and pinned version, never the value."""

    name: str
    version: str
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """An SMTP server. `user_name` None: it is not signed in to, and there is no password."""

    host: str
    port: int
    security: SmtpSecurity
    user_name: str | None = None
    password: PasswordRef | None = None


@dataclass(frozen=True, slots=True)
class EmailServer:
    """How mail goes out. `smtp` None: over EWS, by the mailbox itself.

    `sender_name` is the display name of what is sent (empty: the mailbox's own), `signature` plain text below
    it.
    """

    smtp: SmtpServer | None = None
    sender_name: str = ""
    signature: str = ""

    @property
    def kind(self) -> EmailServerKind:
        """Which way mail goes out."""
        return EmailServerKind.SMTP if self.smtp else EmailServerKind.EWS


class NotificationTrigger(StrEnum):
    """What happens when an incident is new."""

    AUTOMATIC = "automatic"
    """Its business units are notified at once."""
    MANUAL = "manual"
    """An analyst notifies them."""


@dataclass(frozen=True, slots=True)
class NotificationProcess:
    """The **Incident Notification** process. `follow_up_after_hours`: each follow-up's distance from the
    primary notification in hours, ascending; empty: there are none."""

    enabled: bool = False
    on_new_incident: NotificationTrigger = NotificationTrigger.MANUAL
    follow_up_after_hours: tuple[int, ...] = ()
    stop_when_answered: bool = True
    """No more follow-ups to a unit that has answered."""


@dataclass(frozen=True, slots=True)
class SendingLimits:
    """What bounds sending. `is_stopped`: nothing goes out, whatever is asked for; what is queued is held.
    `max_mails_per_minute`: of one incident, whoever sends them."""

    is_stopped: bool = False
    max_mails_per_minute: int = 30


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days each kind of data is kept; None: for good.

    `raw_days`: raw messages alone, where they go before the mail's row does.
    """

    mails_days: int | None = None
    raw_days: int | None = None
    activity_log_days: int | None = None
    triage_days: int | None = None
