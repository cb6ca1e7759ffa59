"""An export of an incident's correspondence: how far its job has got, and the store that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.stored import Versioned


class ExportProgress(StrEnum):
    """`WAITING`: for the job, or for its next message."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ExportState:
    """One export. `id` is made of the tab's version, so that the same tab is exported once.
    `incident_ids`: whose mails, the incident itself first."""

    incident_id: str
    id: str
    title: str
    incident_ids: tuple[str, ...]
    requested_at: datetime
    requested_by: str
    progress: ExportProgress = ExportProgress.WAITING
    queued_at: datetime | None = None
    """When its last message was sent."""
    claimed_until: datetime | None = None
    """A worker has it until then."""
    mails_total: int = 0
    mails_done: int = 0
    cursor: str | None = None
    """Of the tab's flat list, behind what is done."""
    all_read: bool = False
    """Every mail is in the archive; what is left is its index."""
    offset: int = 0
    """Bytes of the archive that are staged."""
    steps: tuple[str, ...] = ()
    """Names of what each finished step has noted (`ExportStore.put_note`), in order."""
    size_bytes: int = 0
    """Of the finished archive."""


class ExportStore(Protocol):
    """State rows, and archives that appear whole or not at all."""

    def read(self, incident_id: str, export_id: str) -> Versioned[ExportState] | None:
        """One point read."""
        ...

    def save(self, state: ExportState, etag: str | None) -> Versioned[ExportState]:
        """One conditional write (`etag` None: insert). Raises `ConflictError`."""
        ...

    def stage(self, state: ExportState, content: bytes) -> str:
        """Sends a block of the archive, at most 4 MiB; its id. Blocks that no archive takes vanish."""
        ...

    def put_note(self, state: ExportState, name: str, content: bytes) -> None:
        """What a step has to tell the last one."""
        ...

    def read_note(self, state: ExportState, name: str) -> bytes:
        """Raises `NotFoundError`."""
        ...

    def commit(self, state: ExportState, blocks: Sequence[str], digest: str) -> int:
        """Makes the archive of these blocks, unless it is there; its size in bytes."""
        ...

    def read_archive(self, state: ExportState, offset: int, length: int) -> bytes:
        """A range. Raises `NotFoundError`."""
        ...

    def forget(self, incident_id: str, before: datetime) -> None:
        """Removes the incident's exports that were asked for before this time."""
        ...
