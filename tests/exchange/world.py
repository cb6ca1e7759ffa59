"""Starts the sandbox's world (Exchange, Entra ID) as a process of its own, and opens mailboxes in it.

The process ends with `RunningWorld.stop`; if the test process is killed, it is ended by the kernel where
that can be asked for (Linux).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.errors import NotFoundError
from domain.mailboxes import MailboxSettings, SecretRef
from exchange.mailbox_session import MailboxSession
from exchange.servers import ExchangeServers
from exchange.transport import Limits
from sandbox.control.client import ControlClient, ControlError
from sandbox.preparation import SetupError, prepare
from sandbox.state import MAILBOX, SandboxState

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ("127.0.0.0/8", "::1/128")
_START_SECONDS = 60.0
_START_TRIES = 3
_PR_SET_PDEATHSIG = 1


class MemorySecrets:
    """Key Vault's port, in memory; counts how often a secret was read."""

    def __init__(self, values: dict[tuple[str, str], str]) -> None:
        self.values = values
        self.reads = 0

    def read(self, name: str, version: str) -> str:
        """Raises `NotFoundError`."""
        self.reads += 1
        try:
            return self.values[name, version]
        except KeyError as error:
            raise NotFoundError(name) from error

    def write(self, name: str, value: str) -> str:
        """The new version's id."""
        version = str(len(self.values))
        self.values[name, version] = value
        return version

    def disable(self, name: str, version: str) -> None:
        """Forgets the version."""
        self.values.pop((name, version), None)


def settings_for(
    *, server: str, port: int, app_id: str = "app", tenant_id: str = "tenant", **more: Any
) -> MailboxSettings:
    """A mailbox's settings with the secret `secret`, version `1`."""
    values: dict[str, Any] = {
        "mailbox_id": "default",
        "creation_id": "c1",
        "email": MAILBOX,
        "incoming_server": server,
        "port": port,
        "app_id": app_id,
        "tenant_id": tenant_id,
        "secret": SecretRef("secret", "1", datetime(2026, 11, 1, tzinfo=UTC), "admin@corp.example"),
        **more,
    }
    return MailboxSettings(**values)


@dataclass(frozen=True, slots=True)
class RunningWorld:
    """A world that answers; `control` does what people, the mail system and faults do to it."""

    state: SandboxState
    process: subprocess.Popen[bytes]
    control: ControlClient

    @property
    def secret_value(self) -> str:
        """The app registration's present client secret."""
        return str(self.control.run("settings")["secretKey"])

    def settings(self, **more: Any) -> MailboxSettings:
        """Settings of the sandbox's mailbox."""
        return settings_for(
            **{
                "server": "localhost",
                "port": self.state.ports.exchange,
                "app_id": self.state.app_id,
                "tenant_id": self.state.tenant_id,
                **more,
            }
        )

    def servers(self, secrets: MemorySecrets | None = None, **more: Any) -> ExchangeServers:
        """The adapter, set up for this world."""
        return ExchangeServers(
            secrets or MemorySecrets({("secret", "1"): self.secret_value}),
            **{
                "authority_host": f"https://localhost:{self.state.ports.entra}",
                "ca_file": str(self.state.ca_file),
                "allowed_networks": LOOPBACK,
                "limits": Limits(read_seconds=10, answer_seconds=30),
                **more,
            },
        )

    def open(self, **more: Any) -> MailboxSession:
        """The sandbox's mailbox."""
        return self.servers().open(self.settings(**more))

    def fault(self, kind: str, *, operation: str | None = None, count: int | None = 1, **more: Any) -> None:
        """Lets the Exchange server fail."""
        rule = {"part": "exchange", "kind": kind, "operation": operation, "count": count, **more}
        self.control.run("fault-add", **rule)

    def calls(self) -> dict[str, dict[str, int]]:
        """Calls by part and operation since the last time this was asked."""
        result = self.control.run("calls", reset=True)
        return dict(result)

    def stop(self) -> None:
        """Ends the process."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def start_world(folder: Path, *, record: Path | None = None) -> RunningWorld:
    """Starts a world that keeps its files in `folder`. Raises `RuntimeError` where it does not come up."""
    for attempt in range(_START_TRIES):
        data = folder / f"world{attempt}"
        try:
            state = prepare(data, port=0, record=record, app_dir=ROOT, app_python=Path(sys.executable))
        except SetupError:
            continue
        with (data / "logs" / "world.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "world", "--data", str(data)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent(),
            )
        world = RunningWorld(state, process, ControlClient(state))
        if _comes_up(world):
            return world
        world.stop()
    raise RuntimeError(f"the sandbox's world does not start: see {folder}")


def _comes_up(world: RunningWorld) -> bool:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and world.process.poll() is None:
        try:
            world.control.run("fault-list")
        except ControlError:
            time.sleep(0.05)
        else:
            return True
    return False


def _end_with_parent() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_kernel
