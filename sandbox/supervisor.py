"""`scripts/run`: starts all processes of a sandbox in order, says when everything answers, and ends them
together.

All state is in DATA and belongs to the parts; one sandbox at a time may use a DATA, which a lock ensures.
"""

import argparse
import asyncio
import contextlib
import fcntl
import functools
import json
import os
import shlex
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox.control.client import ControlClient, ControlError
from sandbox.places import default_data
from sandbox.ports import PortHolder
from sandbox.preparation import SetupError, prepare
from sandbox.processes import Child, ProcessEndedError, start
from sandbox.state import SandboxState, StateError

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT_S = 120.0
LOOK_EVERY_S = 0.1
LOCK_FILE = "run.lock"


def run(args: argparse.Namespace) -> int:
    """Runs a sandbox until Ctrl-C or SIGTERM; returns the exit status."""
    try:
        app_python = _program("APP_PYTHON", "the app's Python environment")
        azurite = _program("AZURITE", "Azurite")
        app_dir = Path(os.environ.get("APP_DIR") or ROOT).resolve()
        with _sole_user(args.data):
            holder = PortHolder()
            state = prepare(
                args.data,
                port=args.port,
                record=args.record,
                app_dir=app_dir,
                app_python=app_python,
                holder=holder,
                settings=dict(args.settings),
            )
            return asyncio.run(_supervise(Supervisor(state, azurite, args.instances), empty=args.empty))
    except (SetupError, StateError, ProcessEndedError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr, flush=True)
        return 1


async def _supervise(supervisor: "Supervisor", *, empty: bool) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    work = asyncio.create_task(supervisor.run(empty=empty))
    stop = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
        _say("stopping")
    finally:
        work.cancel()
        stop.cancel()
        await asyncio.gather(work, stop, return_exceptions=True)
        await supervisor.stop()
    return 0


class Supervisor:
    """The processes of one sandbox."""

    def __init__(self, state: SandboxState, azurite: Path, instances: int) -> None:
        self._state = state
        self._azurite = azurite
        self._instances = instances
        self._children: list[Child] = []

    async def run(self, *, empty: bool) -> None:
        """Starts everything, prints `ready …` and returns never. Raises ProcessEndedError where a part
        ends."""
        state = self._state
        ports = state.ports
        _say(f"sandbox in {state.data}")
        _say("starting storage (Azurite)")
        azurite = await self._start("azurite", [str(self._azurite), *_azurite_options(state)])
        for port in (ports.azurite_blob, ports.azurite_queue, ports.azurite_table):
            await self._until(azurite, functools.partial(_accepts, port))
        _say("starting Exchange, Entra ID and Key Vault")
        world = await self._start("world", self._python("world"))
        await self._until(world, lambda: _world_answers(state))
        _say("starting the Functions host")
        options = ("--port", str(state.port), "--instances", str(self._instances))
        host = await self._start("host", self._python("host", *options))
        await self._until(host, lambda: _host_runs(state))
        tasks = [asyncio.create_task(self._watch())]
        try:
            if not empty:
                tasks.append(asyncio.create_task(self._seed()))
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            _say_ready(state)
            await tasks[0]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Ends all parts, the last one started first."""
        for child in reversed(self._children):
            await child.stop()

    async def _start(self, name: str, command: list[str], *, silent: bool = True) -> Child:
        log = self._state.data / "logs" / f"{name}-output.log" if silent else None
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        child = await start(name, command, log=log, cwd=self._state.data, environment=environment)
        self._children.append(child)
        return child

    def _python(self, name: str, *options: str) -> list[str]:
        command = [sys.executable, "-P", "-m", "sandbox"]
        return [*command, name, "--data", str(self._state.data), *options]

    async def _watch(self) -> None:
        watches = [asyncio.create_task(child.watch()) for child in self._children]
        try:
            await asyncio.gather(*watches)
        finally:
            for watch in watches:
                watch.cancel()

    async def _until(self, child: Child, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not await asyncio.to_thread(answers):
            if child.process.returncode is not None:
                await child.watch()
            if time.monotonic() > deadline:
                limit = f"{START_LIMIT_S:.0f} s"
                raise ProcessEndedError(f"{child.name} did not come up within {limit}; see {child.log}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _seed(self) -> None:
        child = await self._start("seed", self._python("seed"), silent=False)
        status = await child.process.wait()
        self._children.remove(child)
        if status != 0:
            raise ProcessEndedError(
                f"the demo data did not come in (status {status}); --empty starts without it"
            )


def _azurite_options(state: SandboxState) -> list[str]:
    options = ["--location", str(state.data / "azurite")]
    options += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    for service in ("blob", "queue", "table"):
        port = getattr(state.ports, f"azurite_{service}")
        options += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    return options


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _world_answers(state: SandboxState) -> bool:
    try:
        ControlClient(state).run("fault-list")
    except ControlError:
        return False
    return True


def _host_runs(state: SandboxState) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{state.port}/admin/host/status", timeout=5) as answer:
            return bool(json.load(answer)["state"] == "Running")
    except (OSError, ValueError):  # not yet listening
        return False


def _program(variable: str, what: str) -> Path:
    configured = os.environ.get(variable)
    if variable == "AZURITE" and not configured:
        configured = str(ROOT / "node_modules" / ".bin" / "azurite")
    if not configured or not Path(configured).exists():
        raise SetupError(f"{what} is not installed: start with scripts/run, or set {variable}")
    return Path(configured).absolute()


@contextlib.contextmanager
def _sole_user(data: Path) -> Iterator[None]:
    data.mkdir(parents=True, exist_ok=True)
    with (data / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reason = f"a sandbox is running in {data} already: stop it, or choose another --data"
            raise SetupError(reason) from None
        yield


def _say(line: str) -> None:
    print(line, flush=True)


def _say_ready(state: SandboxState) -> None:
    address = f"http://127.0.0.1:{state.port}"
    ours = "scripts/sandbox"
    if state.data != default_data():
        ours += f" --data {shlex.quote(str(state.data))}"
    _say(f"ready {address}")
    _say(f"  open       {address}/ui/  and choose a role on the sign-in page")
    _say(f"  API        {address}/api/docs")
    _say(f"  token      {ours} sign-in admin   (valid for 12 hours)")
    _say(f"  mail       {ours} deliver FILE.eml   (more: {ours} --help)")
    _say(f"  logs       {state.data / 'logs'}")
    _say("Ctrl-C stops it; the next start with the same --data goes on.")
