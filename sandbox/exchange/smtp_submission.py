"""Takes mails that the SMTP server accepted: into the outbound list and the queue.

Both in one transaction, after the message's file: a process that dies before its end has not accepted the
mail, and the client got no answer.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.exchange.compose import new_message_id
from sandbox.exchange.limits import message_size_limit_bytes
from sandbox.exchange.mail_queue import MailQueue, QueuedMail
from sandbox.exchange.mime import read_headers
from sandbox.exchange.outbound import Outbound
from sandbox.exchange.refusals import Refusal
from sandbox.exchange.store import Store, now_ms
from sandbox.exchange.transport import domain_of
from sandbox.exchange.xmltext import timestamp


@dataclass(frozen=True, slots=True)
class SmtpSubmission:
    """The mail system as the SMTP server sees it; `wake` is called when the queue has something to do."""

    store: Store
    outbound: Outbound
    queue: MailQueue
    internal_domain: str
    wake: Callable[[], None]

    def size_limit_bytes(self) -> int:
        """How large a mail may be."""
        return message_size_limit_bytes(self.store)

    def may_send_as(self, address: str) -> bool:
        """Whether an envelope sender is of the organisation: a mailbox, or any address of its domain."""
        return domain_of(address) == self.internal_domain or self.store.mailbox(address) is not None

    def refusal(self, recipient: str) -> Refusal | None:
        """What `RCPT` is to be answered, where the recipient is refused at once."""
        found = self.queue.refusals.find(recipient)
        return None if found is None or found.later else found

    def accept(self, raw: bytes, sender: str, recipients: list[str]) -> str:
        """Takes a mail for its envelope's recipients; the queue's id of it.

        The message is kept as it came (no Bcc is removed), but gets a Message-ID where it has none (RFC 6409
        section 8.3). Recipients that stand in no To or Cc count as bcc.
        """
        headers = read_headers(raw)
        message_id = (headers.first("Message-ID") or "").strip()
        if not message_id:
            message_id = new_message_id(self.internal_domain)
            raw = f"Message-ID: {message_id}\r\n".encode() + raw
        subject = headers.text("Subject")
        with self.store.transaction():
            eml = self.outbound.add(
                raw,
                message_id=message_id,
                sender=sender,
                recipients=_by_kind(
                    recipients,
                    to={address.lower() for _, address in headers.addresses("To")},
                    cc={address.lower() for _, address in headers.addresses("Cc")},
                ),
                subject=subject,
                sent_at=timestamp(now_ms()),
                via="smtp",
            )
            self.queue.add(QueuedMail(str(eml), sender, message_id, subject, "smtp"), recipients)
        self.wake()
        return uuid.uuid4().hex[:12].upper()


def _by_kind(recipients: list[str], *, to: set[str], cc: set[str]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {"to": [], "cc": [], "bcc": []}
    for address in recipients:
        kinds["to" if address.lower() in to else "cc" if address.lower() in cc else "bcc"].append(address)
    return kinds
