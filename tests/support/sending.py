"""Puts mails into the outbox of a running sandbox as the API would, and follows what becomes of them.

Time passes by writing into the entry: what was claimed is claimed no longer, what waits is due.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.compose.message import OutgoingMessage, OutgoingPart
from domain.errors import ConflictError
from domain.mail import Address
from domain.outbox import OutboxEntry, OutboxState
from sandbox.control.client import ControlClient
from sandbox.state import load
from store.connection import StorageConnection, StoreSettings
from store.outbox_store import TableOutboxStore
from store.outgoing_blobs import OutgoingBlobs
from tests.support.polling import MAILBOX
from tests.support.running_sandbox import RunningSandbox
from tests.support.stored import Storage

QUEUE = "mail-delivery"
ENDED = (OutboxState.SENT, OutboxState.FAILED, OutboxState.UNCONFIRMED, OutboxState.CANCELLED)


class Sending:
    """The outbox of one sandbox."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.storage = Storage(sandbox.state)
        connection = StorageConnection(StoreSettings(self.storage.connection_string))
        self.outbox = TableOutboxStore(connection)
        self._contents = OutgoingBlobs(connection)
        self._count = 0

    def queue(self, *to: str, via: str = "ews", attachment: bytes = b"", **changes: Any) -> str:
        """Puts a mail into the outbox; the entry's id. Nothing happens before `deliver`."""
        self._count += 1
        entry_id = f"{self._count:032x}"
        people = to or ("ann@fin.example",)
        now = datetime.now(UTC)
        parts: tuple[OutgoingPart, ...] = ()
        if attachment:
            size = self._contents.put(f"{entry_id}/1", [attachment])
            parts = (OutgoingPart(f"{entry_id}/1", "report.bin", "application/octet-stream", size),)
        message = OutgoingMessage(
            sender=Address("SOC", "soc@corp.example"),
            to=tuple(Address("", one) for one in people),
            subject=f"Re: Invoice {self._count}",
            message_id=f"<{entry_id}@corp.example>",
            date=now,
            html="<p>Thank you.</p>",
            text=".A line that begins with a dot\n",
            in_reply_to="<question@fin.example>",
            references=("<question@fin.example>",),
            attachments=parts,
        )
        self.outbox.put_message(entry_id, message)
        entry = OutboxEntry(
            id=entry_id,
            request_digest="digest",
            incident_id="INC-1",
            kind="reply",
            mode="reply",
            mailbox_id=MAILBOX,
            subject=message.subject,
            to=people,
            cc=(),
            bcc=(),
            message_id=message.message_id,
            created_at=now,
            created_by="analyst",
            due_at=now,
            via=via,
        )
        self.outbox.create(replace(entry, **changes), None)
        return entry_id

    def deliver(self, entry_id: str) -> None:
        """The queue message comes."""
        self.storage.send(QUEUE, {"entryId": entry_id})

    def entry(self, entry_id: str) -> OutboxEntry:
        """As it stands."""
        found = self.outbox.read(entry_id)
        assert found is not None
        return found.value

    def until(self, entry_id: str, what: Callable[[OutboxEntry], bool], seconds: float = 30.0) -> OutboxEntry:
        """Waits until the entry is so."""
        self.sandbox.until(lambda: what(self.entry(entry_id)), seconds)
        return self.entry(entry_id)

    def ended(self, entry_id: str, seconds: float = 30.0) -> OutboxEntry:
        """Waits until nobody is at work on it any more."""
        return self.until(entry_id, lambda entry: entry.state in ENDED, seconds)

    def let_time_pass(self, entry_id: str) -> None:
        """Whoever had it has it no longer, and it is due."""
        found = self.outbox.read(entry_id)
        assert found is not None
        if found.value.state in (OutboxState.QUEUED, OutboxState.SENDING):
            past = datetime.now(UTC) - timedelta(seconds=1)
            claimed_until = past if found.value.claimed_until else None
            with contextlib.suppress(ConflictError):  # somebody is at work on it right now
                self.outbox.save(replace(found.value, due_at=past, claimed_until=claimed_until), found.etag)

    def left(self, entry_id: str) -> list[dict[str, Any]]:
        """The mails that left for this entry, as the sandbox lists them."""
        mails = ControlClient(load(self.sandbox.data)).run("outbound")
        return [one for one in mails if one["subject"] == self.entry(entry_id).subject]
