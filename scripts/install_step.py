"""One step of an installation: a command with its output in a log, signs of life, and a reason when it fails.

If the process dies during a step, the command may run on; it then still holds the lock, so that nobody else
touches what it is making until it has ended.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

SIGN_OF_LIFE_SECONDS = 5.0
TIDY_UP_SECONDS = 5.0
LONGEST_REASON = 200

# What pip and npm say when the package index cannot be reached; the lines before their last are more telling.
_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeoutError|NameResolutionError|ProxyError|name resolution"
    r"|Name or service not known|Network is unreachable|Connection refused|read timed out"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH",
    re.IGNORECASE,
)


class InstallationError(Exception):
    """What is needed could not be installed; the text is one line for people."""


class Step:
    """Runs the commands of one installation, one after another."""

    def __init__(self, root: Path, log: Path, lock: int, say: Callable[[str], None]) -> None:
        self._root = root
        self._log = log
        self._lock = lock
        self._say = say
        self._is_first = True

    def run(self, title: str, command: list[str], *, first_on_path: Path | None = None) -> None:
        """Runs `command` in the project's folder; raises InstallationError when it fails."""
        if self._is_first:
            self._log.write_bytes(b"")
            self._is_first = False
        self._say(f"{title} ...")
        environment = dict(os.environ)
        # A foreign PYTHONPATH or PYTHONHOME would leak other packages into what is made here.
        for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"):
            environment.pop(name, None)
        if first_on_path:
            environment["PATH"] = f"{first_on_path}{os.pathsep}{environment.get('PATH', os.defpath)}"
        began = time.monotonic()
        begin_of_output = self._log.stat().st_size
        with self._log.open("ab") as log:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=self._root,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self._lock,),
                    process_group=0,
                )
            except OSError as error:
                raise InstallationError(f"{title} failed: {error}") from error
        status = self._wait(process, began, begin_of_output)
        if status != 0:
            raise InstallationError(
                f"{title} failed: {_reason(self._output(begin_of_output))} (all of it: {self._log})"
            )
        self._say(f"{title}: done in {time.monotonic() - began:.0f} s")

    def _wait(self, process: subprocess.Popen[bytes], began: float, begin_of_output: int) -> int:
        try:
            while True:
                try:
                    return process.wait(SIGN_OF_LIFE_SECONDS)
                except subprocess.TimeoutExpired:
                    lines = self._output(begin_of_output).strip().splitlines()
                    newest = lines[-1].strip().split(" (from ")[0][:70] if lines else ""
                    self._say(f"  {time.monotonic() - began:.0f} s  {newest}".rstrip())
        finally:
            if process.poll() is None:
                _end(process)

    def _output(self, begin: int) -> str:
        with self._log.open("rb") as log:
            log.seek(begin)
            return log.read().decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command with all that it started: as Ctrl-C does, so that it tidies up, and then for sure."""
    os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(TIDY_UP_SECONDS)
    with contextlib.suppress(ProcessLookupError):  # nothing is left of it
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if any(_NO_NETWORK.search(line) for line in lines):
        return "the package index cannot be reached; is there a network connection?"
    if any(
        re.search(r"CERTIFICATE_VERIFY_FAILED|UNABLE_TO_\w+_CERT|SELF_SIGNED_CERT", line) for line in lines
    ):
        return "the certificate of the package index is not trusted here"
    if any("No space left on device" in line for line in lines):
        return "the disk is full"
    told = [line for line in lines if re.match(r"(ERROR:|error:|npm (error|ERR!)|Error:)", line)]
    reason = (told or lines or ["it gave no reason"])[0]
    return reason[:LONGEST_REASON]
