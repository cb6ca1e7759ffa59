"""`scripts/run` with a small app: starts everything, goes on where it stopped, and leaves nothing running."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.control.client import ControlClient
from sandbox.state import load
from tests.sandbox.world.conftest import ROOT

APP = Path(__file__).parent / "app"
MAIL = b"From: ann@fin.example\nMessage-ID: <kept@fin.example>\n\nbody\n"


class Run:
    """One `sandbox run`."""

    def __init__(self, data: Path, *options: str) -> None:
        command = [sys.executable, "-P", "-m", "sandbox", "run", "--empty", "--data", str(data), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "APP_DIR": str(APP)}
        self.data = data
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ready(self) -> str:
        """Waits for the line `ready …`; the address in it."""
        assert self.process.stdout is not None
        printed = []
        for line in self.process.stdout:
            printed.append(line)
            if line.startswith("ready "):
                return line.removeprefix("ready ").rstrip("\n")
        raise AssertionError("".join(printed) + self.end()[1])

    def end(self, how: signal.Signals | None = None) -> tuple[int, str]:
        """Ends it, or waits until it does; exit status, and what it said on standard error."""
        if how is not None:
            self.process.send_signal(how)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def processes(self) -> list[psutil.Process]:
        """All that it started."""
        return list(psutil.Process(self.process.pid).children(recursive=True))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def running(data: Path) -> Iterator[tuple[Run, str]]:
    """A sandbox that is ready, and its address."""
    run = Run(data, "--port", "0")
    address = run.ready()
    yield run, address
    if run.process.poll() is None:
        run.end(signal.SIGTERM)


def test_ready_means_that_the_app_answers_a_signed_in_caller(running: tuple[Run, str]) -> None:
    run, address = running
    token = ControlClient(load(run.data)).run("sign-in", role="viewer")
    request = urllib.request.Request(f"{address}/api/hello", headers={"Authorization": f"Bearer {token}"})

    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.read() == b"viewer@corp.example"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stopping_ends_every_process_that_was_started(running: tuple[Run, str], how: signal.Signals) -> None:
    run, _ = running
    started = run.processes()
    assert len(started) >= 4  # storage, world, host, worker

    status, said = run.end(how)

    assert (status, said) == (0, "")
    assert [process for process in started if process.is_running()] == []


def test_the_same_data_goes_on_where_it_stopped(running: tuple[Run, str]) -> None:
    run, _ = running
    before = load(run.data)
    control = ControlClient(before)
    item = control.deliver(MAIL, mailbox="soc@corp.example", folder="Inbox")
    secret = control.run("settings")["secretKey"]
    run.end(signal.SIGTERM)

    again = Run(run.data, "--port", "0")
    again.ready()
    after = load(run.data)

    assert (after.ports, after.tenant_id, after.app_id) == (before.ports, before.tenant_id, before.app_id)
    items = ControlClient(after).run("items", mailbox="soc@corp.example", folder="Inbox")
    assert item in [one["id"] for one in items]
    assert ControlClient(after).run("settings")["secretKey"] == secret
    again.end(signal.SIGTERM)


def test_second_sandbox_with_the_same_data_is_refused(running: tuple[Run, str]) -> None:
    run, _ = running

    status, said = Run(run.data, "--port", "0").end()

    assert status == 1
    assert said == f"sandbox: a sandbox is running in {run.data} already: stop it, or choose another --data\n"


def test_part_that_dies_ends_the_sandbox_with_one_clear_line(running: tuple[Run, str]) -> None:
    run, _ = running
    started = run.processes()
    world = next(process for process in started if "world" in process.cmdline())

    world.kill()
    status, said = run.end()

    assert status == 1
    assert said.startswith("sandbox: world ended unexpectedly (signal 9)")
    assert said.count("\n") == 1
    assert [process for process in started if process.is_running()] == []


def test_busy_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        status, said = Run(tmp_path, "--port", str(port)).end()

    assert status == 1
    assert said == f"sandbox: port {port} is in use: stop what uses it, or choose another with --port\n"


def test_state_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "sandbox.json").write_text(json.dumps({"ports": {}}))

    status, said = Run(tmp_path, "--port", "0").end()

    assert status == 1
    assert "cannot be read" in said
    assert said.count("\n") == 1


def test_secrets_in_data_are_out_of_others_reach(running: tuple[Run, str]) -> None:
    run, _ = running
    for name in (
        "sandbox.json",
        "host/app-settings.json",
        "entra/client-secret.txt",
        "ca/server.pem",
        "smtp/account.json",
    ):
        assert (run.data / name).stat().st_mode & 0o077 == 0, name
