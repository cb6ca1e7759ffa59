"""One worker process seen from the host: start it, send it invocations, notice when it is gone.

When the worker dies, every invocation that runs in it ends with WorkerDiedError. When the host dies,
the worker ends itself.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.host import framing, values
from sandbox.host.errors import WorkerDiedError
from sandbox.host.functions import Function

WORKER_FILE = Path(__file__).with_name("worker.py")
START_LIMIT_S = 120.0
STOP_LIMIT_S = 2.0
LOG_LIMIT_BYTES = 20 * 1024 * 1024

log = logging.getLogger("sandbox.host")


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """How to start a worker: the app's interpreter and folder, its environment, where its output goes."""

    python: Path
    app_folder: Path
    environment: Mapping[str, str]
    logs_folder: Path


class WorkerProcess:
    """A running worker. `functions` is what it indexed, as it describes it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._write_lock = asyncio.Lock()
        self._answers: dict[str, asyncio.Future[values.Result]] = {}
        self._reading: asyncio.Task[None] | None = None
        self.number = number
        self.functions: list[dict[str, Any]] = []
        self.alive = False

    @classmethod
    async def spawn(cls, spec: WorkerSpec, number: int) -> "WorkerProcess":
        """Starts the process; `connect` then waits until it has indexed the app."""
        ours, theirs = socket.socketpair()
        log_file = spec.logs_folder / f"worker-{number}.log"
        if log_file.exists() and log_file.stat().st_size > LOG_LIMIT_BYTES:
            log_file.replace(log_file.with_suffix(".log.1"))
        reader, writer = await asyncio.open_connection(sock=ours, limit=1024 * 1024)
        with theirs, log_file.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(str(spec.python), "-P", str(WORKER_FILE), str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                cwd=spec.app_folder,
                env=dict(spec.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in a terminal is the host's to handle
            )
        return cls(process, reader, writer, number)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def busy(self) -> int:
        """How many invocations run in it."""
        return len(self._answers)

    async def connect(self) -> None:
        """Waits until the app is indexed. Raises WorkerDiedError with the reason where that fails."""
        try:
            async with asyncio.timeout(START_LIMIT_S):
                frame = await framing.read_frame_async(self._reader)
        except TimeoutError:
            self.kill()
            raise WorkerDiedError(f"the function app was not indexed within {START_LIMIT_S:.0f} s") from None
        if frame is None:
            raise WorkerDiedError("the worker process ended before it had indexed the function app")
        header, _ = frame
        if header["kind"] != "ready":
            raise WorkerDiedError(str(header["error"]))
        self.functions = header["functions"]
        self.alive = True
        self._reading = asyncio.create_task(self._read())

    async def invoke(
        self,
        function: Function,
        value: values.Text | values.Binary | values.HttpCall,
        metadata: Mapping[str, values.Text],
        invocation_id: str | None = None,
    ) -> values.Result:
        """Runs a function to its end. Raises WorkerDiedError."""
        if not self.alive:
            raise WorkerDiedError("the worker process is gone")
        invocation_id = invocation_id or str(uuid.uuid4())
        parts = framing.BodyWriter()
        header = {
            "kind": "invoke",
            "id": invocation_id,
            "function_id": function.function_id,
            "parameter": function.parameter,
            "input": values.encode(value, parts),
            "metadata": {name: values.encode(text, parts) for name, text in metadata.items()},
        }
        answer: asyncio.Future[values.Result] = asyncio.get_running_loop().create_future()
        self._answers[invocation_id] = answer
        try:
            async with self._write_lock:
                for piece in framing.pack(header, parts.parts):
                    self._writer.write(piece)
                await self._writer.drain()
            return await answer
        except ConnectionError as error:
            raise WorkerDiedError("the worker process ended while it was sent an invocation") from error
        finally:
            self._answers.pop(invocation_id, None)

    async def wait_gone(self) -> int:
        """Waits until the process has ended; returns its exit status (negative: by that signal)."""
        status = await self._process.wait()
        if self._reading is not None:
            await self._reading
        self._end("the worker process ended")
        self._writer.close()
        return status

    def kill(self) -> None:
        """Ends the process at once; nothing that runs in it can finish."""
        self.alive = False
        self._signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Ends the process: it is asked first."""
        self.alive = False
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
        await self.wait_gone()

    def _signal(self, number: signal.Signals) -> None:
        # Not by the process object, which would reap a child that has just ended before the event loop does.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _read(self) -> None:
        try:
            while (frame := await framing.read_frame_async(self._reader)) is not None:
                header, body = frame
                answer = self._answers.get(header["id"])
                if answer is not None and not answer.done():
                    answer.set_result(values.decode_result(header, body))
                del frame, header, body  # a large body must not live until the next frame
        except (ValueError, KeyError):
            log.exception("Worker %d sent what is no answer", self.number)
        finally:
            self._end("the worker process ended")
            self.kill()  # without its socket a worker is of no use

    def _end(self, reason: str) -> None:
        self.alive = False
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(WorkerDiedError(reason))
