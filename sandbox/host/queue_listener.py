"""Queue triggers: polls one queue for one function and hands its messages to the workers, each in its own
batches.

Follows the QueueListener and QueueProcessor of Microsoft's storage extension. A message is deleted after
its function succeeded; if the host or a worker dies on any line before that, it comes again, and after
`maxDequeueCount` it is copied to `<queue>-poison` first and deleted then.
"""

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from azure.core.exceptions import AzureError

from sandbox.host.errors import WorkerDiedError
from sandbox.host.functions import Function, QueueTrigger
from sandbox.host.host_json import QueueOptions
from sandbox.host.invoker import Invoker
from sandbox.host.pool import WorkerPool
from sandbox.host.queue_storage import QueueStorage, TakenMessage
from sandbox.host.values import Binary, Text
from sandbox.host.worker_process import WorkerProcess

INVISIBLE_S = 600
RENEW_AFTER_S = INVISIBLE_S / 2
SHORTEST_POLLING_INTERVAL_S = 0.1
RANDOMISATION = 0.2

log = logging.getLogger("sandbox.host")


class QueueListener:
    """The listener of one queue-triggered function."""

    def __init__(
        self,
        function: Function,
        trigger: QueueTrigger,
        *,
        options: QueueOptions,
        storage: QueueStorage,
        pool: WorkerPool,
        invoker: Invoker,
    ) -> None:
        self._function = function
        self._queue_name = trigger.queue_name
        self._options = options
        self._storage = storage
        self._pool = pool
        self._invoker = invoker
        self._in_flight: Counter[int] = Counter()  # by worker number
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._written = asyncio.Event()
        self._delay_s = SHORTEST_POLLING_INTERVAL_S
        pool.watch(self._room.set)
        invoker.watch_queue(self._queue_name, self._written.set)

    async def run(self) -> None:
        """Polls until cancelled."""
        while True:
            worker = self._worker_with_room()
            if worker is None:
                self._room.clear()
                await self._room.wait()
                continue
            self._written.clear()
            if await self._take_batch(worker):
                self._delay_s = SHORTEST_POLLING_INTERVAL_S
            else:
                await self._wait_for_next_poll()

    async def finish(self) -> None:
        """Waits until the running messages have ended one way or the other."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def run_manually(self, text: str) -> None:
        """Runs the function with `text` as its message, as the host's admin endpoint does: no queue is
        involved.
        """
        now = datetime.now(UTC)
        message = TakenMessage("", "", text, 1, now, now, now)
        worker = await self._pool.wait_ready()
        with contextlib.suppress(WorkerDiedError):
            await self._invoke(worker, message, text.encode(), "This function was programmatically called")

    def _worker_with_room(self) -> WorkerProcess | None:
        threshold = self._options.new_batch_threshold
        ready = [worker for worker in self._pool.ready() if self._in_flight[worker.number] <= threshold]
        return min(ready, key=lambda worker: self._in_flight[worker.number], default=None)

    async def _take_batch(self, worker: WorkerProcess) -> bool:
        try:
            batch = await self._storage.take_batch(self._queue_name, self._options.batch_size, INVISIBLE_S)
        except AzureError as error:
            log.error("Queue %s cannot be read: %s", self._queue_name, type(error).__name__)
            return False
        for message in batch:
            self._in_flight[worker.number] += 1
            task = asyncio.create_task(self._process(worker, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return bool(batch)

    async def _wait_for_next_poll(self) -> None:
        spread = random.uniform(1 - RANDOMISATION, 1 + RANDOMISATION)  # so that instances do not poll in step
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(self._delay_s * spread, self._options.max_polling_interval_s)):
                await self._written.wait()
        self._delay_s = min(2 * self._delay_s, self._options.max_polling_interval_s)

    async def _process(self, worker: WorkerProcess, message: TakenMessage) -> None:
        try:
            if message.dequeue_count > self._options.max_dequeue_count:
                await self._move_to_poison(message)
                return
            async with self._kept_invisible(message) as current:
                succeeded = await self._succeeds(worker, message)
            await self._complete(current[0], succeeded)
        except AzureError as error:
            log.error(
                "Message %s of queue %s stays invisible for now: %s",
                *(message.message_id, self._queue_name, type(error).__name__),
            )
        finally:
            self._in_flight[worker.number] -= 1
            self._room.set()

    async def _succeeds(self, worker: WorkerProcess, message: TakenMessage) -> bool:
        try:
            body = self._decoded(message.text)
        except ValueError:
            log.error(
                "Message %s of queue %s is not %s",
                *(message.message_id, self._queue_name, self._options.message_encoding),
            )
            return False
        reason = f"New queue message detected on '{self._queue_name}'."
        try:
            return await self._invoke(worker, message, body, reason)
        except WorkerDiedError:
            return False

    async def _invoke(self, worker: WorkerProcess, message: TakenMessage, body: bytes, reason: str) -> bool:
        try:
            text = body.decode()
            value: Text | Binary = Text(text)
        except UnicodeDecodeError:
            text, value = base64.b64encode(body).decode(), Binary(body)
        metadata = {
            "QueueTrigger": Text(text),
            "Id": Text(message.message_id),
            "PopReceipt": Text(message.pop_receipt),
            "DequeueCount": Text(str(message.dequeue_count), json=True),
            "InsertionTime": Text(json.dumps(message.inserted_at.isoformat()), json=True),
            "ExpirationTime": Text(json.dumps(message.expires_at.isoformat()), json=True),
            "NextVisibleTime": Text(json.dumps(message.next_visible_at.isoformat()), json=True),
        }
        return (await self._invoker.run(worker, self._function, value, metadata, reason)).ok

    async def _complete(self, message: TakenMessage, succeeded: bool) -> None:
        if succeeded:
            await self._storage.delete(self._queue_name, message)
        elif message.dequeue_count >= self._options.max_dequeue_count:
            await self._move_to_poison(message)
        else:
            delay_s = int(self._options.visibility_timeout_s)
            await self._storage.show_after(self._queue_name, message, delay_s)

    async def _move_to_poison(self, message: TakenMessage) -> None:
        poison = f"{self._queue_name}-poison"
        log.error(
            "Message has reached MaxDequeueCount of %d. Moving message to queue '%s'.",
            *(self._options.max_dequeue_count, poison),
        )
        await self._storage.write(poison, message.text)
        await self._storage.delete(self._queue_name, message)
        self._invoker.tell_written(poison)

    @contextlib.asynccontextmanager
    async def _kept_invisible(self, message: TakenMessage) -> AsyncIterator[list[TakenMessage]]:
        current = [message]  # each renewal gives another pop receipt

        async def renew() -> None:
            while True:
                await asyncio.sleep(RENEW_AFTER_S)
                try:
                    current[0] = await self._storage.show_after(self._queue_name, current[0], INVISIBLE_S)
                except AzureError as error:
                    log.warning("A message's lease was not renewed: %s", type(error).__name__)

        renewing = asyncio.create_task(renew())
        try:
            yield current
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    def _decoded(self, text: str) -> bytes:
        if self._options.message_encoding == "none":
            return text.encode()
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
