"""The sandbox's world, started once, with a fresh folder and no faults for each test; scripted servers."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exchange.mailbox_session import MailboxSession
from sandbox.state import MAILBOX
from tests.exchange.certificates import Authority
from tests.exchange.scripted_server import Answering, ScriptedServer
from tests.exchange.world import RunningWorld, start_world


@pytest.fixture(scope="session")
def running_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorld]:
    """One process for all tests."""
    world = start_world(tmp_path_factory.mktemp("world"))
    yield world
    world.stop()


@pytest.fixture
def world(running_world: RunningWorld) -> Iterator[RunningWorld]:
    """The world as it is before anything goes wrong, its call counts at zero."""
    running_world.calls()
    yield running_world
    running_world.control.run("fault-clear", id=None)
    running_world.control.run("ews", on=True)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of one test alone."""

    world: RunningWorld
    name: str
    id: str

    def deliver(self, raw: bytes) -> str:
        """The delivered item's id."""
        return self.world.control.deliver(raw, mailbox=MAILBOX, folder=self.name)


@pytest.fixture
def folder(world: RunningWorld) -> Folder:
    """An empty folder."""
    name = f"Test {uuid.uuid4()}"
    return Folder(world, name, str(world.control.run("create-folder", mailbox=MAILBOX, folder=name)))


@pytest.fixture
def mailbox(world: RunningWorld) -> MailboxSession:
    """The sandbox's mailbox, opened anew."""
    return world.open()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority of the tests."""
    return Authority(tmp_path_factory.mktemp("authority"))


Serve = Callable[..., ScriptedServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that answer as the test says; all end with the test."""
    servers: list[ScriptedServer] = []

    def start(
        answer: Answering, context: ssl.SSLContext | None = None, greeting: bytes = b""
    ) -> ScriptedServer:
        servers.append(ScriptedServer(answer, context, greeting))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def mails_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where large messages of the tests lie."""
    return tmp_path_factory.mktemp("mails")
