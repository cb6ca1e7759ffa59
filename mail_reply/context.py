"""What every use case of sending works with: the ports, and the times that bound it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.compose.mime import ReadContent
    from domain.configuration_ports import SettingsStore
    from domain.ports import Clock, MailboxStore, WorkQueue
    from domain.sending_ports import DraftSenders, OutboxStore, SmtpSender

MAIL_DELIVERY_QUEUE = "mail-delivery"

FIRST_BACK_OFF = timedelta(seconds=5)
LONGEST_BACK_OFF = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=24)
"""What could not even be begun for so long is *failed*: an answer of yesterday is for a person to send."""
LOOK_AGAIN = timedelta(seconds=2)
"""How soon a submitted mail without a trace is looked for again; the copy in Sent Items lags by seconds."""
LONGEST_LOOK_AGAIN = timedelta(minutes=30)
CLOCK_DIFFERENCE = timedelta(minutes=10)
"""By how much the mail server's clock may differ from ours: a draft can seem older than its entry."""


@dataclass(frozen=True, slots=True)
class SendContext:
    """Ports of the area. `new_claim_id`: a random name for one delivery's claim."""

    outbox: OutboxStore
    mailboxes: MailboxStore
    settings: SettingsStore
    senders: DraftSenders
    smtp: SmtpSender
    read_content: ReadContent
    queue: WorkQueue
    clock: Clock
    new_claim_id: Callable[[], str]
