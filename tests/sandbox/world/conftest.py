"""One world process with an Azurite behind it for all tests here; each test starts without faults."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.control.client import ControlClient, ControlError
from sandbox.ports import PortHolder
from sandbox.preparation import connection_string, prepare
from sandbox.state import SandboxState, save
from tests.support.azurite import running_azurite

ROOT = Path(__file__).resolve().parents[3]
START_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class World:
    """A running world process."""

    state: SandboxState
    control: ControlClient
    process: subprocess.Popen[bytes]

    @property
    def storage(self) -> str:
        """The connection string of the proxy."""
        ports = self.state.ports
        return connection_string(ports.blob, ports.queue, ports.table)

    def calls(self, part: str) -> dict[str, int]:
        """How often each operation of a part was called since the counters were reset."""
        return dict(self.control.run("calls", reset=False).get(part, {}))

    def output(self) -> str:
        """What the process printed: errors that nobody handled."""
        return (self.state.data / "world.log").read_text()


@pytest.fixture(scope="session")
def running_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("world")
    app_python = Path(sys.executable)
    holder = PortHolder()
    with running_azurite(data / "azurite") as azurite:
        state = prepare(data, port=0, record=None, app_dir=ROOT, app_python=app_python, holder=holder)
        ports = azurite.ports
        own = {"azurite_blob": ports.blob, "azurite_queue": ports.queue, "azurite_table": ports.table}
        state = replace(state, ports=replace(state.ports, **own))
        save(state)
        process = start_world(state)
        yield World(state, ControlClient(state), process)
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture
def world(running_world: World) -> Iterator[World]:
    """The world without faults, its counters at zero."""
    running_world.control.run("fault-clear", id=None)
    running_world.control.run("crash", after=None, disarm=True)
    running_world.control.run("calls", reset=True)
    yield running_world
    running_world.control.run("fault-clear", id=None)


def start_world(state: SandboxState) -> subprocess.Popen[bytes]:
    """Starts a world process and waits until it answers."""
    command = [sys.executable, "-P", "-m", "sandbox", "world", "--data", str(state.data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (state.data / "world.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        try:
            ControlClient(state).run("fault-list")
            return process
        except ControlError:
            assert process.poll() is None, (state.data / "world.log").read_text()
            assert time.monotonic() < deadline, "the world did not come up"
            time.sleep(0.05)
