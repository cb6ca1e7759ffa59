"""Sends queue messages as the Functions host reads them: JSON text in base64.

A crash leaves the message sent or not; who sends must be able to send again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import timedelta

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from store.connection import StorageConnection
from store.errors import storage_errors

MAX_BODY_BYTES = 48 * 1024
"""Base64 makes it the 64 KiB that a message may have."""


class StorageWorkQueue:
    """`domain.ports.WorkQueue` on Queue Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection

    def send(self, queue: str, body: Mapping[str, object], delay: timedelta = timedelta(0)) -> None:
        """One request; a missing queue is created. Raises `ValueError` for a body that is too long."""
        text = json.dumps(dict(body), separators=(",", ":"))
        if len(text) > MAX_BODY_BYTES:
            raise ValueError(f"a queue message of {len(text)} bytes")
        client = self._connection.queue(queue)
        seconds = max(0, round(delay.total_seconds()))
        with storage_errors():
            try:
                client.send_message(text, visibility_timeout=seconds)
            except ResourceNotFoundError:
                with contextlib.suppress(ResourceExistsError):  # somebody else was first
                    client.create_queue()
                client.send_message(text, visibility_timeout=seconds)
