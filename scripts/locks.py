"""File locks between the processes of one tree: who installs, and what is in use.

The kernel lets go of a lock when the last process that has its file open ends, however it ends, so none is
left behind by a crash.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path, say: Callable[[str], None]) -> Iterator[int]:
    """Holds the lock file at `path`, waiting for whoever has it; gives the file's descriptor."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another installation in this folder to finish ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def use(path: Path) -> None:
    """Marks what `path` stands for as in use, until this process has ended, whatever it becomes by `exec`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.set_inheritable(descriptor, True)


def is_used(path: Path) -> bool:
    """Whether some process uses what `path` stands for."""
    if not path.exists():
        return False
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
