"""Starts the Functions host as a process of its own, as the supervisor does, and talks to it over HTTP."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.state import Ports, SandboxState, save
from tests.support.azurite import RunningAzurite

ROOT = Path(__file__).resolve().parents[3]
APPS = Path(__file__).parent / "apps"
KEY = "control-token-of-the-tests"
TENANT_ID = "5f0c6c3e-0000-4000-8000-000000000001"
START_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class HostProcess:
    """A host under test."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, data: Path) -> None:
        self.process = process
        self.port = port
        self.data = data

    @property
    def trace_file(self) -> Path:
        """Where the apps of these tests write a line for each invocation."""
        return self.data / "trace.jsonl"

    def trace(self) -> list[dict[str, Any]]:
        """What the app's functions wrote so far."""
        if not self.trace_file.exists():
            return []
        return [json.loads(line) for line in self.trace_file.read_text().splitlines()]

    def call(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, target, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def run_function(self, name: str, text: str = "", key: str = KEY) -> int:
        """Runs a function through the host's admin endpoint; the status."""
        body = json.dumps({"input": text}).encode()
        return self.call("POST", f"/admin/functions/{name}", body, {"x-functions-key": key}).status

    def worker_pids(self) -> list[int]:
        """The pids that the host names as its workers'."""
        return [one["pid"] for one in json.loads((self.data / "run" / "workers.json").read_text())]

    def log(self) -> str:
        """The host's own log."""
        return (self.data / "logs" / "host.log").read_text()

    def stop(self) -> int:
        """Ends the host as the supervisor does; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def write_state(data: Path, azurite: RunningAzurite, app: Path, settings: Mapping[str, str]) -> None:
    """What the supervisor leaves for the host: DATA/sandbox.json and the app settings."""
    unused = dict.fromkeys(("blob", "queue", "table", "entra", "keyvault", "exchange", "msi", "control"), 1)
    ports = Ports(
        azurite_blob=azurite.ports.blob,
        azurite_queue=azurite.ports.queue,
        azurite_table=azurite.ports.table,
        **unused,
    )
    state = SandboxState(
        ports=ports,
        port=1,
        data=data,
        control_token=KEY,
        tenant_id=TENANT_ID,
        app_id="unused",
        identity_client_id="unused",
        msi_secret="unused",
        app_python=Path(os.environ.get("APP_PYTHON", sys.executable)),
        app_dir=app,
    )
    save(state)
    (data / "host").mkdir(parents=True, exist_ok=True)
    connections = dict.fromkeys(("AzureWebJobsStorage", "DataStorage"), azurite.connection_string)
    every = {**connections, "TRACE_FILE": str(data / "trace.jsonl"), **settings}
    (data / "host" / "app-settings.json").write_text(json.dumps(every))


@contextlib.contextmanager
def running_host(
    data: Path, azurite: RunningAzurite, app: Path, settings: Mapping[str, str], *, instances: int = 1
) -> Iterator[HostProcess]:
    """A host that is ready; ended with the block."""
    write_state(data, azurite, app, settings)
    port = free_port()
    process = subprocess.Popen(host_command(data, port, instances), cwd=ROOT)
    host = HostProcess(process, port, data)
    try:
        wait_until(lambda: _is_running(host), START_LIMIT_S)
        yield host
        if process.poll() is None:
            host.stop()
    finally:
        process.kill()
        process.wait()


def host_command(data: Path, port: int, instances: int = 1) -> list[str]:
    """The command line of the host."""
    options = ["--data", str(data), "--port", str(port), "--instances", str(instances)]
    return [sys.executable, "-m", "sandbox", "host", *options]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(holds: Callable[[], object], limit_s: float = 20.0) -> None:
    """Waits until `holds()` is true; fails the test when that takes longer than `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _is_running(host: HostProcess) -> bool:
    assert host.process.poll() is None, "the host ended while it started"
    try:
        return bool(host.call("GET", "/admin/host/status").json()["state"] == "Running")
    except ConnectionError:
        return False
