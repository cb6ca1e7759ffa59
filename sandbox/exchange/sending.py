"""Sends mails: a submitted draft goes to the queue and the outbound list, its copy to Sent Items later.

A submission is a row from the submitting transaction on. Its two steps (`transport`, then `copy`) each end
with one transaction that moves the row on; after a crash the step is done again: transport notes the mail in
the outbound list first, so a process that dies just there can list it twice, as any mail system can send
twice.
"""

import json
from dataclasses import dataclass

from sandbox.exchange.compose import new_message_id
from sandbox.exchange.errors import ItemError
from sandbox.exchange.limits import check_may_send, check_message_size
from sandbox.exchange.mail_queue import MailQueue, QueuedMail
from sandbox.exchange.mailstore import NewItem, add_item, change_item, delete_item, move_item
from sandbox.exchange.mime import read_properties
from sandbox.exchange.outbound import Outbound
from sandbox.exchange.rebuild import rebuild_mime
from sandbox.exchange.schema import Folder, Item, Mailbox
from sandbox.exchange.store import Store, now_ms
from sandbox.exchange.transport import Transport
from sandbox.exchange.xmltext import timestamp

REPLACE_MESSAGE_IDS = "replace-message-ids"
"""Setting: `on` gives drafts, and once more every mail that is sent, a Message-ID of the server's own."""

SENT_ITEMS_DELAY = "sent-items-delay"
"""Setting: how late the copy in Sent Items comes, in seconds, instead of the server's own delay."""

_KINDS = ("to", "cc", "bcc")


@dataclass(frozen=True, slots=True)
class _Submission:
    number: int
    mailbox: int
    item: int
    save_to: int | None
    stage: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Submission of one server's mails. Delays are in seconds."""

    store: Store
    outbound: Outbound
    transport: Transport
    queue: MailQueue
    transport_delay_s: float
    sent_items_delay_s: float

    def submit(self, item: Item, save_to: Folder | None) -> None:
        """Accept a draft for sending: it shows as submitted until transport takes it. Raises ItemError."""
        if item.is_submitted:
            raise ItemError("ErrorInvalidOperation", "The message has been submitted already.")
        addresses = [address for kind in _KINDS for _, address in item.addresses(kind)]
        if not addresses:
            raise ItemError("ErrorMissingRecipients")
        if any("@" not in address for address in addresses):
            raise ItemError("ErrorInvalidRecipients")
        box = self.store.mailbox_by_id(item.mailbox)
        if (item.from_smtp or box.address).lower() != box.address.lower():
            raise ItemError("ErrorSendAsDenied")
        check_may_send(self.store, box)
        check_message_size(self.store, item.size)
        with self.store.transaction():
            change_item(self.store, item, {"is_submitted": True})
            self.store.execute(
                "INSERT INTO submissions (mailbox, item, save_to, due_at, stage) "
                "VALUES (?, ?, ?, ?, 'transport')",
                (item.mailbox, item.id, save_to and save_to.id, _due(self.transport_delay_s)),
            )

    def next_due_at(self) -> int | None:
        """When the next step is due, in milliseconds since 1970; None where nothing waits."""
        value = self.store.scalar("SELECT min(due_at) FROM submissions")
        return value if isinstance(value, int) else None

    def run_due(self) -> int:
        """Do every step that is due; how many were done."""
        sql = "SELECT id, mailbox, item, save_to, stage FROM submissions WHERE due_at <= ? ORDER BY due_at"
        due = [_Submission(*row) for row in self.store.rows(sql, (now_ms(),))]
        for submission in due:
            item = self.store.item(submission.item)
            save_to = None if submission.save_to is None else self.store.folder(submission.save_to)
            if item is None:
                self._end(submission)
            elif submission.stage == "transport":
                self._send(submission, item, save_to)
            else:
                self._file(submission, item, save_to)
        return len(due)

    def _sent_items_delay_s(self) -> float:
        return float(self.store.setting(SENT_ITEMS_DELAY, str(self.sent_items_delay_s)))

    def _end(self, submission: _Submission) -> None:
        self.store.execute("DELETE FROM submissions WHERE id = ?", (submission.number,))

    def _send(self, submission: _Submission, draft: Item, save_to: Folder | None) -> None:
        """Hand a submitted draft to transport; it leaves its folder for the outbox until its copy
        is filed.
        """
        box = self.store.mailbox_by_id(submission.mailbox)
        domain = self.transport.internal_domain
        message_id = draft.message_id or new_message_id(domain)
        if self.store.setting(REPLACE_MESSAGE_IDS) == "on":
            message_id = new_message_id(domain)
        raw = self.store.content_path(draft.content).read_bytes()
        sent, moment = rebuild_mime(raw, {"Message-ID": message_id, "Bcc": ""}), now_ms()
        recipients = {kind: [address for _, address in draft.addresses(kind)] for kind in _KINDS}
        with self.store.transaction():
            eml = self.outbound.add(
                sent,
                message_id=message_id,
                sender=box.address,
                recipients=recipients,
                subject=draft.subject,
                sent_at=timestamp(moment),
                via="ews",
            )
            if save_to is None:
                self._end(submission)
            else:
                copy = self._put_into_outbox(box, draft, sent, message_id, moment)
                self.store.execute(
                    "UPDATE submissions SET stage = 'copy', item = ?, due_at = ? WHERE id = ?",
                    (copy, _due(self._sent_items_delay_s()), submission.number),
                )
            self.queue.add(
                QueuedMail(str(eml), box.address, message_id, draft.subject, "ews"),
                [address for kind in _KINDS for address in recipients[kind]],
            )
            delete_item(self.store, draft)

    def _put_into_outbox(self, box: Mailbox, draft: Item, sent: bytes, message_id: str, moment: int) -> int:
        """The item that will be filed: the draft's properties, the sent message, a new id; its number."""
        outbox = self.store.folders("mailbox = ? AND wellknown = 'outbox'", (box.id,))[0]
        stored = self.store.rows("SELECT key, value FROM item_properties WHERE item = ?", (draft.id,))
        number = add_item(
            self.store,
            box,
            outbox,
            NewItem(
                raw=sent,
                properties=read_properties(sent, internal_domain=self.transport.internal_domain),
                is_read=True,
                recipients={kind: draft.addresses(kind) for kind in (*_KINDS, "reply_to")},
                extended={str(key): json.loads(str(value)) for key, value in stored},
                search_key=draft.search_key,
                message_id=message_id,
            ),
        )
        item = self.store.item(number)
        if item is not None:
            change_item(self.store, item, {"is_submitted": True, "sent_at": moment})
        return number

    def _file(self, submission: _Submission, waiting: Item, save_to: Folder | None) -> None:
        """File the copy of a mail that was sent; a folder that is gone by then means Sent Items."""
        with self.store.transaction():
            fallback = "mailbox = ? AND wellknown = 'sentitems'"
            target = save_to or self.store.folders(fallback, (submission.mailbox,))[0]
            change_item(self.store, waiting, {"is_submitted": False})
            fresh = self.store.item(waiting.id)
            if fresh is not None:
                move_item(self.store, fresh, target)
            self._end(submission)


def _due(delay_s: float) -> int:
    return now_ms() + round(delay_s * 1000)
