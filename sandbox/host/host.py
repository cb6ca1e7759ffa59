"""Puts the Functions host together: host.json, workers, and a listener for each trigger.

All state lies in queues and in DATA/host, so a host that dies on any line goes on from there at its next
start.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path

from azure.core.exceptions import AzureError

from sandbox.host.errors import HostError
from sandbox.host.functions import Function, QueueTrigger, TimerTrigger, read_functions
from sandbox.host.host_json import HostJsonError, HostOptions, load_host_json
from sandbox.host.http_trigger import HttpTriggers
from sandbox.host.invoker import Invoker
from sandbox.host.pool import WorkerPool
from sandbox.host.queue_listener import QueueListener
from sandbox.host.queue_storage import QueueStorage, open_queue_storage
from sandbox.host.routes import RouteTable
from sandbox.host.timer_listener import TimerListener
from sandbox.host.worker_process import WorkerSpec

DRAIN_LIMIT_S = 3.0
ANSWER_LIMIT_S = 230.0  # "Function app timeout duration": what Azure's load balancer waits for an HTTP answer

log = logging.getLogger("sandbox.host")


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What one host runs. `settings` are the app settings, `storage` the connection string of the host's own
    account.
    """

    data: Path
    app_folder: Path
    app_python: Path
    settings: Mapping[str, str]
    base_environment: Mapping[str, str]
    storage: str
    key: str
    instances: int = 1
    answer_limit_s: float = ANSWER_LIMIT_S


class FunctionsHost:
    """A host; `state` is Azure's name for how far it is: Initializing or Running."""

    def __init__(self, config: HostConfig) -> None:
        self._config = config
        self._timers: dict[str, TimerListener] = {}
        self._queues: dict[str, QueueListener] = {}
        self._manual: set[asyncio.Task[None]] = set()
        self.functions: tuple[Function, ...] = ()
        self.http: HttpTriggers | None = None
        self.state = "Initializing"
        self.failed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the app's functions within the block. Raises HostError when it cannot start.

        Where one of its own parts fails later, `failed` is set: the host is of no use any more.
        """
        config = self._config
        try:
            options = load_host_json(config.app_folder / "host.json", config.settings)
        except HostJsonError as error:
            raise HostError(str(error)) from error
        logs_folder = config.data / "logs"
        logs_folder.mkdir(parents=True, exist_ok=True)
        environment = {**config.base_environment, **config.settings}
        spec = WorkerSpec(config.app_python, config.app_folder, environment, logs_folder)
        pool = WorkerPool(spec, config.instances, config.data / "run" / "workers.json")
        async with open_queue_storage(config.storage) as storage:
            try:
                await pool.start()
                await self._build(options, pool, storage)
                tasks = self._listen(pool)
                self.state = "Running"
                log.info("Host started with %d functions, %d workers", len(self.functions), config.instances)
                yield
                await self._stop(tasks)
            finally:
                self.state = "Stopping"
                await pool.stop()
                await asyncio.gather(*(queue.finish() for queue in self._queues.values()))

    def function(self, name: str) -> Function | None:
        """The function of that name, whatever its case."""
        return next((one for one in self.functions if one.name.lower() == name.lower()), None)

    def run_manually(self, function: Function, text: str) -> None:
        """Starts a timer or queue function now, in the background; `text` is the message's."""
        if function.name in self._timers:
            run = self._timers[function.name].run_manually()
        else:
            run = self._queues[function.name].run_manually(text)
        task = asyncio.create_task(run)
        self._manual.add(task)
        task.add_done_callback(self._manual.discard)

    async def _build(self, options: HostOptions, pool: WorkerPool, storage: QueueStorage) -> None:
        config = self._config
        self.functions = read_functions(pool.functions, config.settings)
        invoker = Invoker(storage, options.queues.message_encoding, options.function_timeout_s)
        routes = RouteTable(self.functions, options.route_prefix)
        timers_folder = config.data / "host" / "timers"
        for function in self.functions:
            trigger = function.trigger
            if isinstance(trigger, TimerTrigger):
                self._timers[function.name] = TimerListener(
                    function, trigger, folder=timers_folder, pool=pool, invoker=invoker
                )
            elif isinstance(trigger, QueueTrigger):
                self._queues[function.name] = QueueListener(
                    *(function, trigger), options=options.queues, storage=storage, pool=pool, invoker=invoker
                )
        await self._make_queues(storage)
        self.http = HttpTriggers(routes, pool, invoker, key=config.key, answer_limit_s=config.answer_limit_s)

    def _listen(self, pool: WorkerPool) -> list["asyncio.Task[None]"]:
        listeners: dict[str, TimerListener | QueueListener] = {**self._timers, **self._queues}
        enabled = {function.name for function in self.functions if not function.disabled}
        parts = {name: listener.run() for name, listener in listeners.items() if name in enabled}
        return [
            asyncio.create_task(self._watched(name, run))
            for name, run in {**parts, "the workers": pool.run()}.items()
        ]

    async def _make_queues(self, storage: QueueStorage) -> None:
        # In Azure the app's own deployment makes the queues that triggers listen to.
        names = {one.trigger.queue_name for one in self.functions if isinstance(one.trigger, QueueTrigger)}
        try:
            for name in sorted(names):
                await storage.make(name)
        except AzureError as error:
            raise HostError(f"the queue storage does not answer: {type(error).__name__}") from error

    async def _watched(self, name: str, run: Coroutine[None, None, None]) -> None:
        try:
            await run
        except Exception:
            log.exception("What serves %s failed; the host stops", name)
            self.failed.set()
            raise

    async def _stop(self, tasks: list["asyncio.Task[None]"]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        running = [asyncio.create_task(queue.finish()) for queue in self._queues.values()]
        if running:
            await asyncio.wait(running, timeout=DRAIN_LIMIT_S)
