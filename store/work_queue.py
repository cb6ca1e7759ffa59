"""Sends queue messages as the Functions host reads them: JSON text in base64.

A crash leaves the message sent or not; who sends must be able to send again. A message whose answer was lost
is sent again and may then be there twice.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta

from store.connection import StorageConnection
from store.storage_requests import StorageRequests

MAX_BODY_BYTES = 48 * 1024
"""Base64 makes it the 64 KiB that a message may have."""
_SENT = frozenset({201})
_SENT_OR_MISSING = frozenset({201, 404})
_MADE = frozenset({201, 204, 409})
"""Made, there already, or being made by somebody else."""


class StorageWorkQueue:
    """`domain.ports.WorkQueue` on Queue Storage (Microsoft: "Put Message", "Create Queue")."""

    def __init__(self, connection: StorageConnection) -> None:
        self._requests = StorageRequests(connection, "queue")

    def send(self, queue: str, body: Mapping[str, object], delay: timedelta = timedelta(0)) -> None:
        """One request; a missing queue is created. Raises `ValueError` for a body that is too long."""
        text = json.dumps(dict(body), separators=(",", ":"))
        if len(text) > MAX_BODY_BYTES:
            raise ValueError(f"a queue message of {len(text)} bytes")
        seconds = max(0, round(delay.total_seconds()))
        if not self._put(queue, text, seconds, _SENT_OR_MISSING):
            self._requests.send("PUT", queue, expected=_MADE)
            self._put(queue, text, seconds, _SENT)

    def _put(self, queue: str, text: str, seconds: int, expected: frozenset[int]) -> bool:
        encoded = base64.b64encode(text.encode())
        answer = self._requests.send(
            "POST",
            f"{queue}/messages",
            query={"visibilitytimeout": str(seconds)},
            headers={"Content-Type": "application/xml"},
            content=b"<QueueMessage><MessageText>" + encoded + b"</MessageText></QueueMessage>",
            expected=expected,
        )
        return answer.status == 201
