"""Keeps N workers running, for each is an instance as Azure scales: a worker that ends is replaced at once.

The current pids are in DATA/run/workers.json, replaced as a whole, before a worker can call anything.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.host.errors import HostError, WorkerDiedError
from sandbox.host.worker_process import WorkerProcess, WorkerSpec

FIRST_RESTART_DELAY_S = 1.0
LONGEST_RESTART_DELAY_S = 15.0

log = logging.getLogger("sandbox.host")


class WorkerPool:
    """The workers of one host."""

    def __init__(self, spec: WorkerSpec, count: int, pids_file: Path) -> None:
        self._spec = spec
        self._count = count
        self._pids_file = pids_file
        self._running: dict[int, WorkerProcess] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._turn = 0
        self._watchers: list[Callable[[], None]] = []
        self.functions: list[dict[str, Any]] = []

    async def start(self) -> None:
        """Starts all workers, waits until each has indexed the app. Raises HostError with the app's error."""
        if not self._spec.python.exists():
            raise HostError(f"there is no Python for the app at {self._spec.python}")
        started = await asyncio.gather(
            *(self._start(number) for number in range(self._count)), return_exceptions=True
        )
        workers = [worker for worker in started if isinstance(worker, WorkerProcess)]
        failures = [failure for failure in started if isinstance(failure, BaseException)]
        if failures:
            await asyncio.gather(*(worker.stop() for worker in workers))
            self._running.clear()
            self._write_pids()
            log_file = self._spec.logs_folder / "worker-0.log"
            raise HostError(f"the function app does not start: {failures[0]} (see {log_file})")
        self.functions = workers[0].functions
        self._keepers = [asyncio.create_task(self._keep(worker)) for worker in workers]

    async def run(self) -> None:
        """Replaces workers that end, until cancelled."""
        await asyncio.gather(*self._keepers)

    async def stop(self) -> None:
        """Ends all workers; what runs in them counts as failed."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in list(self._running.values())))
        self._running.clear()
        self._write_pids()

    def ready(self) -> list[WorkerProcess]:
        """The workers that take invocations, the one whose turn it is first."""
        alive = [worker for _, worker in sorted(self._running.items()) if worker.alive]
        self._turn += 1
        start = self._turn % len(alive) if alive else 0
        return alive[start:] + alive[:start]

    def pick(self) -> WorkerProcess | None:
        """The least busy worker; None while none is ready."""
        return min(self.ready(), key=lambda worker: worker.busy, default=None)

    def watch(self, changed: Callable[[], None]) -> None:
        """Has `changed` called whenever a worker becomes ready or is gone."""
        self._watchers.append(changed)

    async def wait_ready(self) -> WorkerProcess:
        """Waits until there is a worker, and returns the least busy one."""
        while (worker := self.pick()) is None:
            changed = asyncio.Event()
            self._watchers.append(changed.set)
            try:
                await changed.wait()
            finally:
                self._watchers.remove(changed.set)
        return worker

    async def _start(self, number: int) -> WorkerProcess:
        worker = await WorkerProcess.spawn(self._spec, number)
        self._running[number] = worker
        self._write_pids()
        try:
            await worker.connect()
        except WorkerDiedError:
            worker.kill()
            await self._gone(worker)
            raise
        log.info("Worker %d started (pid %d)", number, worker.pid)
        self._tell()
        return worker

    async def _gone(self, worker: WorkerProcess) -> int:
        status = await worker.wait_gone()
        if self._running.get(worker.number) is worker:
            del self._running[worker.number]
            self._write_pids()
        self._tell()
        return status

    async def _keep(self, worker: WorkerProcess) -> None:
        while True:
            status = await self._gone(worker)
            log.warning("Worker %d ended with status %d; starting another", worker.number, status)
            worker = await self._restart(worker.number)
            if _names(worker.functions) != _names(self.functions):
                log.error("The app has other functions than at the host's start: restart the host")

    async def _restart(self, number: int) -> WorkerProcess:
        delay_s = FIRST_RESTART_DELAY_S
        while True:
            try:
                return await self._start(number)
            except (WorkerDiedError, OSError) as error:
                log.error("Worker %d does not start: %s; next try in %.0f s", number, error, delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_RESTART_DELAY_S)

    def _tell(self) -> None:
        for changed in list(self._watchers):
            changed()

    def _write_pids(self) -> None:
        self._pids_file.parent.mkdir(parents=True, exist_ok=True)
        pids = [{"pid": worker.pid} for worker in self._running.values()]
        part = self._pids_file.with_name(f".{self._pids_file.name}.{os.getpid()}")
        part.write_text(json.dumps(pids), encoding="utf-8")
        part.replace(self._pids_file)


def _names(functions: list[dict[str, Any]]) -> set[str]:
    return {function["name"] for function in functions}
