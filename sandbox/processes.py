"""Child processes of the supervisor: started with their output in a log, watched, and ended with all that
they started.

Each is the leader of its own session, so that Ctrl-C at the terminal reaches the supervisor alone, which ends
them in order. If the supervisor is killed, the kernel ends them where it can (Linux).
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TERM_LIMIT_S = 10.0
TAIL_BYTES = 4096


class ProcessEndedError(RuntimeError):
    """A process of the sandbox ended that should have gone on; the message is one line for people."""


@dataclass(slots=True)
class Child:
    """One running part of the sandbox; `log` has what it printed (None: it prints where we do)."""

    name: str
    log: Path | None
    process: asyncio.subprocess.Process

    async def watch(self) -> None:
        """Returns never; raises ProcessEndedError when the process ends."""
        status = await self.process.wait()
        raise ProcessEndedError(f"{self.name} ended unexpectedly{self._last_words(status)}; see {self.log}")

    async def stop(self) -> None:
        """Ends the process, gently at first, and what it left behind."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it just went by itself
                self.process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), TERM_LIMIT_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing of its session is left
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    def _last_words(self, status: int) -> str:
        how = f" (signal {-status})" if status < 0 else f" (status {status})"
        if self.log is None:
            return how
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return f"{how}: {lines[-1].strip()[:200]}" if lines else how


async def start(
    name: str, command: Sequence[str], *, log: Path | None, cwd: Path, environment: Mapping[str, str]
) -> Child:
    """Starts a process. Its log begins anew. Raises OSError where the program cannot be run."""
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("wb")) if log else None
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    return Child(name, log, process)


def _end_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
