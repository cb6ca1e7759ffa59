"""Runs one invocation from start to end: worker, time limit, output bindings, and what the log says about it.

Outputs are written only after the function has returned. If the host dies between the two, they are lost,
and the trigger's message, which is not deleted yet, comes again.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping

from azure.core.exceptions import AzureError

from sandbox.host.errors import OutputError, WorkerDiedError
from sandbox.host.functions import Function
from sandbox.host.outputs import encoded, queue_messages
from sandbox.host.queue_storage import QueueStorage
from sandbox.host.values import Binary, HttpCall, Result, Text
from sandbox.host.worker_process import WorkerProcess

ERROR_LIMIT_CHARACTERS = 500

log = logging.getLogger("sandbox.host")


class Invoker:
    """What every trigger hands its invocations to."""

    def __init__(
        self, storage: QueueStorage, message_encoding: str, function_timeout_s: float | None
    ) -> None:
        self._storage = storage
        self._message_encoding = message_encoding
        self._function_timeout_s = function_timeout_s
        self._queue_watchers: dict[str, list[Callable[[], None]]] = {}

    def watch_queue(self, queue_name: str, written: Callable[[], None]) -> None:
        """Has `written` called whenever an output binding has written to that queue."""
        self._queue_watchers.setdefault(queue_name, []).append(written)

    def tell_written(self, queue_name: str) -> None:
        """Something was written to that queue: whoever listens there need not wait for its next poll."""
        for written in self._queue_watchers.get(queue_name, ()):
            written()

    async def run(
        self,
        worker: WorkerProcess,
        function: Function,
        value: Text | Binary | HttpCall,
        metadata: Mapping[str, Text],
        reason: str,
    ) -> Result:
        """Runs `function` in `worker`; any failure but WorkerDiedError is in the result.

        A function that runs longer than `functionTimeout` loses its worker, as in Azure.
        """
        invocation_id = str(uuid.uuid4())
        log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation_id)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._function_timeout_s):
                result = await worker.invoke(function, value, metadata, invocation_id)
            if result.ok:
                await self._write_outputs(function, result)
        except TimeoutError:
            worker.kill()
            error = f"the function timeout of {self._function_timeout_s} s was exceeded, its worker was ended"
            result = Result(ok=False, error=error)
        except (OutputError, AzureError) as output_error:
            result = Result(ok=False, error=f"output binding: {output_error}")
        except WorkerDiedError as death:
            self._log_end(function, invocation_id, started, Result(ok=False, error=str(death)))
            raise
        self._log_end(function, invocation_id, started, result)
        return result

    async def _write_outputs(self, function: Function, result: Result) -> None:
        values = dict(result.outputs)
        if "$return" in function.outputs and result.returned is not None:
            values["$return"] = result.returned
        for parameter, queue_name in function.outputs.items():
            if parameter not in values:
                continue
            for message in queue_messages(values[parameter]):
                await self._storage.write(queue_name, encoded(message, self._message_encoding))
            self.tell_written(queue_name)

    def _log_end(self, function: Function, invocation_id: str, started: float, result: Result) -> None:
        duration_ms = round((time.monotonic() - started) * 1000)
        outcome = "Succeeded" if result.ok else "Failed"
        line = "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)"
        log.log(
            logging.INFO if result.ok else logging.ERROR,
            line if result.ok else f"{line} %s",
            *(function.name, outcome, invocation_id, duration_ms),
            *(() if result.ok else (result.error[:ERROR_LIMIT_CHARACTERS],)),
        )
