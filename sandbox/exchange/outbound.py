"""The list of mails that left: one JSON line each, oldest first, with the message in a file of its own.

The message's file is written before its line, and each line in one write, so a reader never sees half an
entry.
"""

import json
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Outbound:
    """The mails that left, under one folder."""

    folder: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def _lines(self) -> Path:
        return self.folder / "outbound.jsonl"

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
    ) -> None:
        """Note one mail; recipients are SMTP addresses under `to`, `cc` and `bcc`; sent_at is RFC 3339 in
        UTC.
        """
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
        with self._lock, self._lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def entries(self) -> list[dict[str, object]]:
        """All mails that left, oldest first."""
        if not self._lines.exists():
            return []
        with self._lock:
            return [json.loads(line) for line in self._lines.read_text("utf-8").splitlines() if line]
