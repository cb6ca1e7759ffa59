"""A worker dies after its N-th outgoing call: the call took effect, the worker never saw the answer."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from tests.sandbox.world.conftest import World

WORKER = """
import pathlib, sys, urllib.request
answers = pathlib.Path(sys.argv[1])
sys.stdin.readline()
for number, address in enumerate(sys.argv[2:]):
    with urllib.request.urlopen(address) as answer:
        with answers.open("a") as seen:
            seen.write(f"{number}: {len(answer.read(1))}\\n")
"""


class DummyWorker:
    """A process that calls some addresses once it is told to go."""

    def __init__(self, answers: Path, addresses: list[str]) -> None:
        self._answers = answers
        command = [sys.executable, "-c", WORKER, str(answers), *addresses]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def run(self) -> int:
        """Lets it call; its exit status."""
        self.process.communicate(b"go\n", timeout=30)
        return self.process.returncode

    @property
    def answers(self) -> list[str]:
        """Which answers it has seen."""
        return self._answers.read_text().splitlines() if self._answers.exists() else []


@pytest.fixture
def blob(world: World) -> Iterator[str]:
    """The address of a public blob of 2 MB, whose answer the proxy streams."""
    with BlobServiceClient.from_connection_string(world.storage) as service:
        container = service.create_container(f"c{uuid.uuid4().hex}", public_access="blob")
        client = container.upload_blob("large", bytes(2 * 1024 * 1024))
        world.control.run("calls", reset=True)
        yield client.url


def worker_of(world: World, tmp_path: Path, addresses: list[str]) -> DummyWorker:
    worker = DummyWorker(tmp_path / "answers", addresses)
    world.state.workers_file.write_text(json.dumps([{"pid": worker.process.pid}]))
    return worker


def test_worker_dies_after_its_second_call_and_never_sees_that_answer(
    world: World, tmp_path: Path, blob: str
) -> None:
    worker = worker_of(world, tmp_path, [blob] * 4)
    world.control.run("crash", after=2, disarm=False)

    status = worker.run()

    assert status == -signal.SIGKILL
    assert worker.answers == ["0: 1"]
    assert world.calls("storage") == {"blob.Get": 2}


def test_crash_happens_once(world: World, tmp_path: Path, blob: str) -> None:
    before = len(world.control.run("crash", after=None, disarm=False)["happened"])
    world.control.run("crash", after=1, disarm=False)
    assert worker_of(world, tmp_path, [blob]).run() == -signal.SIGKILL

    second = worker_of(world, tmp_path, [blob] * 2)

    assert second.run() == 0
    assert second.answers == ["0: 1", "1: 1"]
    told = world.control.run("crash", after=None, disarm=False)
    assert told["remaining"] is None
    assert len(told["happened"]) == before + 1
    assert told["happened"][-1]["operation"] == "blob.Get"


def test_calls_of_others_do_not_count(world: World, tmp_path: Path, blob: str) -> None:
    stranger = DummyWorker(tmp_path / "others", [blob] * 3)
    worker = worker_of(world, tmp_path, [blob] * 2)
    world.control.run("crash", after=2, disarm=False)

    assert stranger.run() == 0
    assert worker.run() == -signal.SIGKILL


def test_disarmed_rule_kills_nobody(world: World, tmp_path: Path, blob: str) -> None:
    world.control.run("crash", after=1, disarm=False)
    world.control.run("crash", after=None, disarm=True)

    assert worker_of(world, tmp_path, [blob]).run() == 0


def test_crash_leaves_nothing_unhandled_behind(world: World) -> None:
    assert "Traceback" not in world.output()
