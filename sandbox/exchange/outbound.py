"""The list of mails that left, oldest first, with each message in a file of its own.

An entry is a row, so it can be part of the transaction that sends the mail; its file is written before it.
"""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.exchange.store import Store


@dataclass(frozen=True, slots=True)
class Outbound:
    """The mails that left one server; their messages are files under `folder`."""

    store: Store
    folder: Path

    def add(
        self,
        raw: bytes,
        *,
        message_id: str,
        sender: str,
        recipients: dict[str, list[str]],
        subject: str,
        sent_at: str,
        via: str,
    ) -> Path:
        """Note one mail; recipients are SMTP addresses under `to`, `cc` and `bcc`; sent_at is RFC 3339 in
        UTC; via is `ews` or `smtp`. Returns the message's file.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{uuid.uuid4().hex}.eml"
        path.write_bytes(raw)
        entry = {
            "messageId": message_id,
            "from": sender,
            "to": recipients.get("to", []),
            "cc": recipients.get("cc", []),
            "bcc": recipients.get("bcc", []),
            "subject": subject,
            "sentAt": sent_at,
            "via": via,
            "eml": str(path),
        }
        self.store.execute("INSERT INTO outbound (entry) VALUES (?)", (json.dumps(entry),))
        return path

    def entries(self) -> list[dict[str, Any]]:
        """All mails that left, oldest first."""
        return [json.loads(row[0]) for row in self.store.rows("SELECT entry FROM outbound ORDER BY id")]
