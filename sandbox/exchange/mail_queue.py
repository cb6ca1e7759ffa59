"""The mail system's queue: brings accepted mails to their recipients, and reports back what it cannot bring.

A recipient is a row from the transaction on that accepts the mail. Recipients of one mail that are due are
seen to in one transaction: deliveries, reports and the rows' ends are kept together, so a process that dies
on any line does them again as a whole, or has done them.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.exchange.bounces import Failure, Report, exchange_report, postfix_report
from sandbox.exchange.limits import quota
from sandbox.exchange.refusals import MAILBOX_FULL, UNKNOWN, UNKNOWN_LOCAL_PART, Refusal, Refusals
from sandbox.exchange.store import Store, now_ms
from sandbox.exchange.transport import Transport, domain_of

RETRY_AFTER_MS = 5_000
"""How often a delayed delivery is tried again; real servers wait for minutes."""


@dataclass(frozen=True, slots=True)
class QueuedMail:
    """One mail on its way: its file, envelope sender (empty: nobody gets reports) and how it was sent."""

    eml: str
    sender: str
    message_id: str
    subject: str
    via: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    recipient: str
    is_delay_told: bool


@dataclass(frozen=True, slots=True)
class MailQueue:
    """The queue of one server."""

    store: Store
    transport: Transport
    refusals: Refusals

    def add(self, mail: QueuedMail, recipients: Iterable[str]) -> None:
        """Takes a mail; each recipient once. To be called in the transaction that accepts it."""
        for address in dict.fromkeys(recipient.lower() for recipient in recipients):
            self.store.execute(
                "INSERT INTO mail_queue (eml, sender, recipient, message_id, subject, via, due_at, "
                "is_delay_told) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                (mail.eml, mail.sender, address, mail.message_id, mail.subject, mail.via, now_ms()),
            )

    def try_now(self) -> None:
        """Delayed deliveries are tried again at once."""
        self.store.execute("UPDATE mail_queue SET due_at = ?", (now_ms(),))

    def next_due_at(self) -> int | None:
        """When somebody is to be seen to, in milliseconds since 1970; None where nothing waits."""
        value = self.store.scalar("SELECT min(due_at) FROM mail_queue")
        return value if isinstance(value, int) else None

    def run_due(self) -> None:
        """Sees to everything that is due."""
        rows = self.store.rows(
            "SELECT eml, sender, message_id, subject, via, id, recipient, is_delay_told FROM mail_queue "
            "WHERE due_at <= ? ORDER BY eml, id",
            (now_ms(),),
        )
        for key, group in itertools.groupby(rows, key=lambda row: row[:5]):
            waiting = [_Waiting(row[5], row[6], bool(row[7])) for row in group]
            with self.store.transaction():
                self._carry(QueuedMail(*key), waiting)

    def _carry(self, mail: QueuedMail, waiting: list[_Waiting]) -> None:
        raw = Path(mail.eml).read_bytes()
        failed: list[Failure] = []
        delayed: list[Failure] = []
        for one in waiting:
            refusal = self._refusal(one.recipient)
            if refusal is not None and refusal.code < 500:
                if not one.is_delay_told:
                    delayed.append(Failure(one.recipient, refusal))
                sql = "UPDATE mail_queue SET due_at = ?, is_delay_told = 1 WHERE id = ?"
                self.store.execute(sql, (now_ms() + RETRY_AFTER_MS, one.number))
                continue
            if refusal is not None:
                failed.append(Failure(one.recipient, refusal))
            elif (box := self.store.mailbox(one.recipient)) is not None:
                self.transport.bring(box, raw, mail.sender)
            self.store.execute("DELETE FROM mail_queue WHERE id = ?", (one.number,))
        self._report(mail, raw, failed, is_delay=False)
        self._report(mail, raw, delayed, is_delay=True)

    def _refusal(self, recipient: str) -> Refusal | None:
        """Why a recipient does not get mail; recipients of other domains get theirs."""
        told = self.refusals.find(recipient)
        if told is not None:
            return told
        box = self.store.mailbox(recipient)
        domains = {domain_of(str(row[0])) for row in self.store.rows("SELECT address FROM mailboxes")}
        if recipient.startswith(UNKNOWN_LOCAL_PART) or (box is None and domain_of(recipient) in domains):
            return UNKNOWN
        return MAILBOX_FULL if box is not None and quota(self.store, box) == "full" else None

    def _report(self, mail: QueuedMail, raw: bytes, failures: list[Failure], *, is_delay: bool) -> None:
        author = self.store.mailbox(mail.sender)
        if not failures or author is None:
            return
        domain = self.transport.internal_domain
        report = Report(raw, mail.message_id, mail.subject, mail.sender, domain, failures, is_delay=is_delay)
        if mail.via == "smtp":
            self.transport.bring(author, postfix_report(report), f"MAILER-DAEMON@mx.{domain}")
        else:
            self.transport.bring(author, exchange_report(report), f"postmaster@{domain}")
