"""The queues of the storage account, as the host uses them: what it takes, gives back, moves and writes.

Messages lie in Azure Storage, so a host that dies loses none: what it had taken shows again after the ten
minutes that it was taken for.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient


@dataclass(frozen=True, slots=True)
class TakenMessage:
    """A message that is invisible to others; `text` as it lies in the queue. Times are aware, UTC."""

    message_id: str
    pop_receipt: str
    text: str
    dequeue_count: int
    inserted_at: datetime
    expires_at: datetime
    next_visible_at: datetime


class QueueStorage:
    """The queue service of one account."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service
        self._clients: dict[str, QueueClient] = {}

    async def make(self, queue_name: str) -> None:
        """Creates a queue unless it is there."""
        with contextlib.suppress(ResourceExistsError):
            await self._client(queue_name).create_queue()

    async def take_batch(self, queue_name: str, count: int, invisible_s: int) -> list[TakenMessage]:
        """Takes up to `count` messages in one request; nobody else gets them for `invisible_s` seconds."""
        pages = (
            self._client(queue_name)
            .receive_messages(messages_per_page=count, visibility_timeout=invisible_s)
            .by_page()
        )
        async for page in pages:
            return [
                TakenMessage(
                    message_id=message.id,
                    pop_receipt=str(message.pop_receipt),
                    text=str(message.content),
                    dequeue_count=int(message.dequeue_count or 1),
                    inserted_at=_aware(message.inserted_on),
                    expires_at=_aware(message.expires_on),
                    next_visible_at=_aware(message.next_visible_on),
                )
                async for message in page
            ]
        return []

    async def delete(self, queue_name: str, message: TakenMessage) -> None:
        """Deletes a message that is still ours; where somebody else has it by now, it stays."""
        with contextlib.suppress(ResourceNotFoundError):
            await self._client(queue_name).delete_message(message.message_id, message.pop_receipt)

    async def show_after(self, queue_name: str, message: TakenMessage, delay_s: int) -> TakenMessage:
        """Makes a message visible `delay_s` seconds from now, its text unchanged."""
        updated = await self._client(queue_name).update_message(
            message.message_id, message.pop_receipt, visibility_timeout=delay_s
        )
        return replace(message, pop_receipt=str(updated.pop_receipt))

    async def write(self, queue_name: str, text: str) -> None:
        """Writes a message; makes the queue if there is none."""
        client = self._client(queue_name)
        try:
            await client.send_message(text)
        except ResourceNotFoundError:
            await self.make(queue_name)
            await client.send_message(text)

    def _client(self, queue_name: str) -> QueueClient:
        if queue_name not in self._clients:
            self._clients[queue_name] = self._service.get_queue_client(queue_name)
        return self._clients[queue_name]


@contextlib.asynccontextmanager
async def open_queue_storage(connection_string: str) -> AsyncIterator[QueueStorage]:
    """The queues behind a connection string, for an `async with` block."""
    service = QueueServiceClient.from_connection_string(
        connection_string, retry_total=2, retry_backoff_factor=0.3, connection_timeout=5, read_timeout=30
    )
    async with service:
        yield QueueStorage(service)


def _aware(moment: object) -> datetime:
    if not isinstance(moment, datetime):
        raise TypeError("the queue service gave no time")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
