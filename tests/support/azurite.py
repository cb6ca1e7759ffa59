"""Starts Microsoft's storage emulator Azurite for tests, on free ports of 127.0.0.1.

The executable is named by the environment variable AZURITE, otherwise it is the one that `npm ci` put into
the project's `node_modules`. If the test process dies, Azurite is ended with it where the kernel allows
that (Linux); its files stay in the folder that the caller chose.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "devstoreaccount1"
# The well-known account key that Microsoft publishes for every Azurite ("Use the Azurite emulator").
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
START_LIMIT_SECONDS = 60.0
START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the three services of one Azurite listen."""

    blob: int
    queue: int
    table: int


class AzuriteError(RuntimeError):
    """Azurite is not installed, or did not start."""


class RunningAzurite:
    """One Azurite process; `stop` ends it, its files stay."""

    def __init__(self, process: subprocess.Popen[bytes], ports: Ports, folder: Path) -> None:
        self._process = process
        self.ports = ports
        self.folder = folder

    @property
    def connection_string(self) -> str:
        """What the storage SDKs and `AzureWebJobsStorage` take."""
        return connection_string(self.ports)

    def stop(self) -> None:
        """Ends the process, gently at first."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def connection_string(ports: Ports) -> str:
    """The connection string of an Azurite on these ports of 127.0.0.1."""
    address = "http://127.0.0.1"
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
        f"BlobEndpoint={address}:{ports.blob}/{ACCOUNT};"
        f"QueueEndpoint={address}:{ports.queue}/{ACCOUNT};"
        f"TableEndpoint={address}:{ports.table}/{ACCOUNT};"
    )


def start_azurite(folder: Path) -> RunningAzurite:
    """Starts Azurite with its files in `folder` and returns once all three services accept connections.

    Raises AzuriteError when it is not installed or does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    executable = _executable()
    for _ in range(START_ATTEMPTS):  # a port that was free can be taken before Azurite binds it
        ports = Ports(*_free_ports(3))
        process = _spawn(executable, folder, ports)
        if _answers(process, ports):
            return RunningAzurite(process, ports, folder)
        process.kill()
        process.wait()
    raise AzuriteError(f"Azurite did not start; its output is in {folder / 'azurite.log'}")


@contextlib.contextmanager
def running_azurite(folder: Path) -> Iterator[RunningAzurite]:
    """`start_azurite` for a `with` block."""
    azurite = start_azurite(folder)
    try:
        yield azurite
    finally:
        azurite.stop()


def _executable() -> Path:
    root = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("AZURITE") or root / "node_modules" / ".bin" / "azurite")
    if not path.exists():
        raise AzuriteError(f"there is no Azurite at {path}: run `npm ci`, or set AZURITE")
    return path


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


def _spawn(executable: Path, folder: Path, ports: Ports) -> subprocess.Popen[bytes]:
    command = [str(executable), "--location", str(folder)]
    command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    for service in ("blob", "queue", "table"):
        command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(getattr(ports, service))]
    with (folder / "azurite.log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )


def _end_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _answers(process: subprocess.Popen[bytes], ports: Ports) -> bool:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    waiting = [ports.blob, ports.queue, ports.table]
    while waiting:
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        try:
            socket.create_connection(("127.0.0.1", waiting[0]), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            waiting.pop(0)
    return True
