"""A world for one delivery: outbox, queue and clock in memory, an Exchange and an SMTP server that keep the
rules that matter here, and a fault at any call that leaves the worker.

Every call of a port goes through `World.call`. A fault may kill the worker before or after it, lose its
answer, refuse it, or let another deliverer run its course in the middle of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar, cast

from domain.compose.message import OutgoingMessage
from domain.configuration import EmailServer, SendingLimits, SmtpSecurity, SmtpServer
from domain.errors import AdminActionError, ConflictError, NotFoundError, RetryLaterError
from domain.mail import Address
from domain.mailboxes import MailboxSettings
from domain.outbox import OutboxEntry, RecipientOutcome
from domain.stored import Versioned
from mail_reply.context import SendContext
from mail_reply.deliver import deliver_entry
from tests.mail_reply.sending_servers import START, Item, Senders, Smtp

T = TypeVar("T")
ID = "e" * 32
__all__ = ["ID", "START", "Fault", "World"]


class Fault(StrEnum):
    """What happens at a call."""

    DIE_BEFORE = "die before"
    DIE_AFTER = "die after"
    LOST_BEFORE = "lost before"
    LOST_AFTER = "lost after"
    BUSY = "busy"
    REFUSED = "refused"
    OVERTAKEN = "overtaken before"
    OVERTAKEN_AFTER = "overtaken after"


class WorkerDied(BaseException):
    """Nothing of the worker goes on."""


@dataclass
class World:
    """`faults`: by number of the call. `copy_delay`: how late a copy stands in Sent Items."""

    faults: dict[int, Fault] = field(default_factory=dict)
    via: str = "ews"
    copy_delay: timedelta = timedelta(seconds=3)
    now_at: datetime = START
    next_sweep: datetime = START + timedelta(minutes=1)
    calls: list[str] = field(default_factory=list)
    entries: dict[str, Versioned[OutboxEntry]] = field(default_factory=dict)
    queue: list[tuple[datetime, str]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    mailbox_on: bool = True
    stopped: bool = False
    message_is_gone: bool = False
    refused_recipients: tuple[RecipientOutcome, ...] = ()
    data_answer: tuple[bool, str] = (True, "SMTP 250")
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        entry = OutboxEntry(
            id=ID,
            request_digest="d",
            incident_id="INC-1",
            kind="reply",
            mode="reply",
            mailbox_id="default",
            subject="Re: x",
            to=("ann@fin.example",),
            cc=(),
            bcc=(),
            message_id="<m@corp.example>",
            created_at=START,
            created_by="analyst",
            due_at=START,
            via=self.via,
        )
        self.entries[ID] = Versioned(entry, "1")
        self.queue.append((START, ID))

    @property
    def entry(self) -> OutboxEntry:
        return self.entries[ID].value

    @property
    def context(self) -> SendContext:
        return SendContext(
            outbox=cast(Any, Outbox(self)),
            mailboxes=cast(Any, Mailboxes(self)),
            settings=cast(Any, Settings(self)),
            senders=cast(Any, Senders(self)),
            smtp=Smtp(self),
            read_content=lambda key: iter(()),
            queue=cast(Any, Queue(self)),
            clock=Clock(self),
            new_claim_id=lambda: f"claim-{next(self._numbers)}",
        )

    def call(self, name: str, work: Callable[[], T], *, is_storage: bool = False) -> T:
        number = len(self.calls)
        self.calls.append(name)
        fault = self.faults.pop(number, None)
        if fault is Fault.DIE_BEFORE:
            raise WorkerDied
        if fault is Fault.OVERTAKEN:
            self.overtake()
        if fault in (Fault.LOST_BEFORE, Fault.BUSY):
            raise RetryLaterError("ErrorServerBusy" if fault is Fault.BUSY else "ConnectionLost")
        if fault is Fault.REFUSED:
            raise (
                RetryLaterError("StorageUnavailable") if is_storage else AdminActionError("ErrorSendAsDenied")
            )
        answer = work()
        if fault is Fault.OVERTAKEN_AFTER:
            self.overtake()
        if fault is Fault.DIE_AFTER:
            raise WorkerDied
        if fault is Fault.LOST_AFTER:
            raise RetryLaterError("ConnectionLost")
        return answer

    def overtake(self) -> None:
        """This worker stalls for a minute, in which another one does what is to be done."""
        self.now_at += timedelta(minutes=1)
        self.run(timedelta(seconds=1))

    def run(self, span: timedelta) -> None:
        """Delivers messages as they come due, and sweeps each minute, until the time is over."""
        end = self.now_at + span
        while True:
            sweep = max(self.next_sweep, self.now_at)
            due = min([sweep, *(at for at, _ in self.queue)])
            if due > end or (not self.queue and self.is_quiet()):
                self.now_at = max(self.now_at, end)
                return
            self.now_at = max(self.now_at, due)
            come = [one for one in self.queue if one[0] <= due]
            self.queue = [one for one in self.queue if one[0] > due]
            if sweep <= due:
                self.next_sweep = self.now_at + timedelta(minutes=1)
            if come or self.entry.due_at <= self.now_at:
                self.deliver()

    def is_quiet(self) -> bool:
        """Whether nothing will happen by itself any more."""
        return self.entry.next_work_at is None

    def deliver(self) -> None:
        try:
            deliver_entry(self.context, ID)
        except WorkerDied:
            pass
        except (RetryLaterError, AdminActionError):
            self.queue.append((self.now_at + timedelta(seconds=5), ID))  # the host repeats the message

    def number(self) -> int:
        return next(self._numbers)


@dataclass
class Clock:
    world: World

    def now(self) -> datetime:
        return self.world.now_at


@dataclass
class Outbox:
    world: World

    def read(self, entry_id: str) -> Versioned[OutboxEntry] | None:
        return self.world.call("read", lambda: self.world.entries.get(entry_id), is_storage=True)

    def save(self, entry: OutboxEntry, etag: str, activity: object = None) -> Versioned[OutboxEntry]:
        def write() -> Versioned[OutboxEntry]:
            if self.world.entries[entry.id].etag != etag:
                raise ConflictError("changed")
            saved = Versioned(entry, f"etag-{self.world.number()}")
            self.world.entries[entry.id] = saved
            return saved

        return self.world.call(f"save {entry.state}", write, is_storage=True)

    def message(self, entry_id: str) -> OutgoingMessage:
        if self.world.message_is_gone:
            raise NotFoundError(entry_id)
        people = (Address("", "ann@fin.example"),)
        return OutgoingMessage(
            sender=Address("", "soc@corp.example"),
            to=people,
            subject="Re: x",
            message_id="<m@corp.example>",
            date=START,
            text="Text",
        )


@dataclass
class Queue:
    world: World

    def send(self, queue: str, body: dict[str, str], delay: timedelta = timedelta(0)) -> None:
        due = self.world.now_at + delay
        self.world.call("queue", lambda: self.world.queue.append((due, body["entryId"])), is_storage=True)


@dataclass
class Mailboxes:
    world: World

    def read_settings(self, mailbox_id: str) -> Versioned[MailboxSettings]:
        settings = MailboxSettings(
            mailbox_id, "c", "soc@corp.example", "mail.corp.example", "a", "t", enabled=self.world.mailbox_on
        )
        return Versioned(settings, "1")


@dataclass
class Settings:
    world: World

    def read(self, kind: type) -> Versioned[EmailServer] | Versioned[SendingLimits]:
        if kind is SendingLimits:
            return Versioned(SendingLimits(is_stopped=self.world.stopped), "1")
        return Versioned(EmailServer(smtp=SmtpServer("mail.corp.example", 587, SmtpSecurity.STARTTLS)), "1")
