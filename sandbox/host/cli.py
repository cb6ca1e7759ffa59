"""`python -m sandbox host --data DIR --port PORT --instances N`: the process that runs the app's functions.

Ends with status 0 on SIGTERM or Ctrl-C, with one line on standard error and status 1 when it cannot start.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from sandbox.host.errors import HostError
from sandbox.host.front import front_app, front_runner
from sandbox.host.host import FunctionsHost, HostConfig
from sandbox.host.sign_in import Authentication
from sandbox.state import Ports, SandboxState, StateError, load
from sandbox.tokens import TokenKeys

ACCOUNT = "devstoreaccount1"
# The well-known key that Microsoft publishes for every Azurite ("Use the Azurite emulator").
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
LOG_LIMIT_BYTES = 20 * 1024 * 1024


async def main(args: argparse.Namespace) -> int:
    """Runs the host until it is told to stop; returns the process's exit status.

    `args` has `data` (the sandbox's folder), `port` (where the front listens, on 127.0.0.1) and
    `instances` (how many worker processes run).
    """
    try:
        state = load(args.data)
        with _logging_to(state.data / "logs"):
            await _serve(state, args.port, args.instances)
    except (HostError, StateError) as error:
        print(f"functions host: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


async def _serve(state: SandboxState, port: int, instances: int) -> None:
    host = FunctionsHost(host_config(state, instances))
    authentication = Authentication(TokenKeys(state.entra_folder), state.tenant_id)
    runner = front_runner(front_app(host, authentication))
    await runner.setup()
    stopped = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    try:
        try:
            # Listens before the workers run: a caller is answered 503 meanwhile and never refused.
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError as error:
            raise HostError(f"port {port} is in use: choose another with --port") from error
        async with host.running():
            ends = [asyncio.create_task(event.wait()) for event in (stopped, host.failed)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if host.failed.is_set():
            raise HostError("it failed, see host.log in the logs folder")
    finally:
        await runner.cleanup()


def host_config(state: SandboxState, instances: int) -> HostConfig:
    """What to run, from the sandbox's state. Raises HostError when the app settings are missing."""
    try:
        settings = json.loads(state.app_settings_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise HostError(f"{state.app_settings_file} cannot be read: {type(error).__name__}") from error
    if instances < 1:
        raise HostError("--instances must be 1 or more")
    return HostConfig(
        data=state.data,
        app_folder=state.app_dir,
        app_python=state.app_python,
        settings={str(name): str(value) for name, value in settings.items()},
        base_environment={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        storage=azurite_connection_string(state.ports),
        key=state.control_token,
        instances=instances,
    )


def azurite_connection_string(ports: Ports) -> str:
    """Azurite itself, not the proxy before it: what the host does there is the platform's, not the app's."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
        f"BlobEndpoint=http://127.0.0.1:{ports.azurite_blob}/{ACCOUNT};"
        f"QueueEndpoint=http://127.0.0.1:{ports.azurite_queue}/{ACCOUNT};"
        f"TableEndpoint=http://127.0.0.1:{ports.azurite_table}/{ACCOUNT};"
    )


@contextlib.contextmanager
def _logging_to(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "host.log"
    if file.exists() and file.stat().st_size > LOG_LIMIT_BYTES:
        file.replace(file.with_suffix(".log.1"))
    handler = logging.FileHandler(file, encoding="utf-8")
    layout = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    layout.converter = time.gmtime
    handler.setFormatter(layout)
    host_log = logging.getLogger("sandbox.host")
    host_log.addHandler(handler)
    host_log.setLevel(logging.INFO)
    host_log.propagate = False
    try:
        yield
    finally:
        host_log.removeHandler(handler)
        handler.close()
