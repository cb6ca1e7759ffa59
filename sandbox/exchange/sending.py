"""Sends mails: from a draft over transport to mailboxes and the outbound list, and to Sent Items a while
later.

A submission is a row from SendItem's transaction on. Its two steps (`transport`, then `copy`) each end with
one transaction that moves the row on; after a crash the step is done again: transport notes the mail in the
outbound list first, so a process that dies just there can list it twice, as a mail system that dies in its
answer sends twice.
"""

from dataclasses import dataclass

from sandbox.exchange.bounces import non_delivery_report
from sandbox.exchange.compose import new_message_id
from sandbox.exchange.errors import ItemError
from sandbox.exchange.mailstore import NewItem, add_item, change_item, delete_item, move_item
from sandbox.exchange.mime import Address, read_properties
from sandbox.exchange.outbound import Outbound
from sandbox.exchange.rebuild import rebuild_mime
from sandbox.exchange.schema import Folder, Item, Mailbox
from sandbox.exchange.store import Store, now_ms
from sandbox.exchange.xmltext import timestamp

REPLACE_MESSAGE_IDS = "replace-message-ids"
"""Setting: `on` gives every mail that is sent a Message-ID of the server's own."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Submission and transport of one server. Delays are in seconds."""

    store: Store
    outbound: Outbound
    internal_domain: str
    transport_delay_s: float
    sent_items_delay_s: float

    def submit(self, item: Item, save_to: Folder | None) -> None:
        """Accept a draft for sending: it shows as submitted until transport takes it. Raises ItemError."""
        if item.is_submitted:
            raise ItemError("ErrorInvalidOperation", "The message has been submitted already.")
        addresses = [address for kind in ("to", "cc", "bcc") for _, address in item.addresses(kind)]
        if not addresses:
            raise ItemError("ErrorMissingRecipients")
        if any("@" not in address for address in addresses):
            raise ItemError("ErrorInvalidRecipients")
        box = self.store.mailbox_by_id(item.mailbox)
        if (item.from_smtp or box.address).lower() != box.address.lower():
            raise ItemError("ErrorSendAsDenied")
        with self.store.transaction():
            change_item(self.store, item, {"is_submitted": True})
            self.store.execute(
                "INSERT INTO submissions (mailbox, item, save_to, due_at, stage) "
                "VALUES (?, ?, ?, ?, 'transport')",
                (item.mailbox, item.id, save_to and save_to.id, self._due(self.transport_delay_s)),
            )

    def _due(self, delay_s: float) -> int:
        return now_ms() + round(delay_s * 1000)

    def next_due_at(self) -> int | None:
        """When the next step is due, in milliseconds since 1970; None where nothing waits."""
        value = self.store.scalar("SELECT min(due_at) FROM submissions")
        return value if isinstance(value, int) else None

    def run_due(self) -> int:
        """Do every step that is due; how many were done."""
        sql = (
            "SELECT id, mailbox, item, save_to, stage FROM submissions WHERE due_at <= ? ORDER BY due_at, id"
        )
        rows = self.store.rows(sql, (now_ms(),))
        for number, mailbox, item, save_to, stage in rows:
            box = self.store.mailbox_by_id(int(str(mailbox)))
            found = self.store.item(int(str(item)))
            target = None if save_to is None else self.store.folder(int(str(save_to)))
            if found is None:
                self.store.execute("DELETE FROM submissions WHERE id = ?", (number,))
            elif stage == "transport":
                self._transport(int(str(number)), box, found, target)
            else:
                self._copy(int(str(number)), found, target)
        return len(rows)

    def _transport(self, number: int, box: Mailbox, draft: Item, save_to: Folder | None) -> None:
        """Send a submitted draft; it leaves its folder for the outbox, where the copy waits to be filed."""
        message_id = draft.message_id or new_message_id(self.internal_domain)
        if self.store.setting(REPLACE_MESSAGE_IDS) == "on":
            message_id = new_message_id(self.internal_domain)
        raw = self.store.content_path(draft.content).read_bytes()
        sent = rebuild_mime(raw, {"Message-ID": message_id, "Bcc": ""})
        moment = now_ms()
        self._note(sent, box, draft, message_id, moment)
        properties = read_properties(sent, internal_domain=self.internal_domain)
        with self.store.transaction():
            if save_to is None:
                self.store.execute("DELETE FROM submissions WHERE id = ?", (number,))
            else:
                outbox = self.store.folders("mailbox = ? AND wellknown = 'outbox'", (box.id,))[0]
                extended = {
                    str(key): value
                    for key, value in self.store.rows(
                        "SELECT key, json_extract(value, '$') FROM item_properties WHERE item = ?",
                        (draft.id,),
                    )
                }
                copy = add_item(
                    self.store,
                    box,
                    outbox,
                    NewItem(
                        raw=sent,
                        properties=properties,
                        is_read=True,
                        recipients={kind: draft.addresses(kind) for kind in ("to", "cc", "bcc", "reply_to")},
                        extended=extended,
                        search_key=draft.search_key,
                        message_id=message_id,
                    ),
                )
                waiting = self.store.item(copy)
                if waiting is not None:
                    change_item(self.store, waiting, {"is_submitted": True, "sent_at": moment})
                self.store.execute(
                    "UPDATE submissions SET stage = 'copy', item = ?, due_at = ? WHERE id = ?",
                    (copy, self._due(self.sent_items_delay_s), number),
                )
            self._deliver(sent, box, draft, message_id)
            delete_item(self.store, draft)

    def _copy(self, number: int, waiting: Item, save_to: Folder | None) -> None:
        """File the copy of a mail that was sent, with a new id."""
        with self.store.transaction():
            if save_to is None:
                delete_item(self.store, waiting)
            else:
                change_item(self.store, waiting, {"is_submitted": False})
                fresh = self.store.item(waiting.id)
                if fresh is not None:
                    move_item(self.store, fresh, save_to)
            self.store.execute("DELETE FROM submissions WHERE id = ?", (number,))

    def _note(self, sent: bytes, box: Mailbox, draft: Item, message_id: str, moment: int) -> None:
        recipients = {kind: [address for _, address in draft.addresses(kind)] for kind in ("to", "cc", "bcc")}
        self.outbound.add(
            sent,
            message_id=message_id,
            sender=draft.from_smtp or box.address,
            recipients=recipients,
            subject=draft.subject,
            sent_at=timestamp(moment),
            via="ews",
        )

    def _deliver(self, sent: bytes, box: Mailbox, draft: Item, message_id: str) -> None:
        addresses: dict[str, Address] = {}
        for kind in ("to", "cc", "bcc"):
            for name, address in draft.addresses(kind):
                addresses.setdefault(address.lower(), (name, address))
        domains = {
            str(row[0]).partition("@")[2].lower() for row in self.store.rows("SELECT address FROM mailboxes")
        }
        refused: list[str] = []
        for lower, (_, address) in addresses.items():
            target = self.store.mailbox(lower)
            if lower.startswith("nobody") or (target is None and lower.partition("@")[2] in domains):
                refused.append(address)
            elif target is not None:
                self.deliver_to_inbox(target, sent)
        if refused:
            report = non_delivery_report(
                sent,
                original_id=message_id,
                sender=box.address,
                recipients=refused,
                domain=self.internal_domain,
                subject=draft.subject,
            )
            self.deliver_to_inbox(box, report)

    def deliver_to_inbox(self, box: Mailbox, raw: bytes) -> int:
        """Put a mail into a mailbox's inbox as the mail system does; the item's number."""
        inbox = self.store.folders("mailbox = ? AND wellknown = 'inbox'", (box.id,))[0]
        return self.deliver(box, inbox, raw)

    def deliver(self, box: Mailbox, folder: Folder, raw: bytes) -> int:
        """Put a mail into a folder as it came, byte for byte; the item's number. Received time is now."""
        properties = read_properties(raw, internal_domain=self.internal_domain)
        return add_item(self.store, box, folder, NewItem(raw=raw, properties=properties))
