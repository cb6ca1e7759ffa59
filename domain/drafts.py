"""Replies that are being written: drafts with their files, and who is answering which mail just now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.stored import Versioned

PRESENCE = timedelta(seconds=60)
"""How long somebody counts as answering who says nothing more."""


@dataclass(frozen=True, slots=True)
class DraftFile:
    """An uploaded file. `key`: of its bytes (`OutgoingContents`). `content_id`: what the draft's HTML names
    an image by."""

    number: int
    key: str
    name: str
    content_type: str
    size_bytes: int
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyDraft:
    """What somebody has written so far. `owner`: who sees it. `content`: the form as JSON, not checked.

    `is_used`: a reply was made of it, whose files are these: they outlive the draft.
    """

    id: str
    incident_id: str
    owner: str
    saved_at: datetime
    content: str = "{}"
    files: tuple[DraftFile, ...] = ()
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody is answering this mail until then, unless they say so again."""

    mail_id: str
    name: str
    until: datetime


class DraftTooLargeError(ValueError):
    """A draft's content does not fit."""


class DraftStore(Protocol):
    """Drafts by incident and owner."""

    def read(self, incident_id: str, owner: str, draft_id: str) -> Versioned[ReplyDraft] | None:
        """One point read."""
        ...

    def save(self, draft: ReplyDraft, etag: str | None) -> Versioned[ReplyDraft]:
        """`etag` None: there must be none. Raises `ConflictError`, `DraftTooLargeError`."""
        ...

    def delete(self, draft: ReplyDraft) -> None:
        """Absent is fine."""
        ...

    def of_owner(self, incident_id: str, owner: str) -> list[ReplyDraft]:
        """At most 100."""
        ...


class PresenceStore(Protocol):
    """Who is answering, by incident; forgets by itself."""

    def note(self, incident_id: str, owner: str, presence: Presence) -> None:
        """One write."""
        ...

    def leave(self, incident_id: str, owner: str, mail_id: str) -> None:
        """Absent is fine."""
        ...

    def of_incident(self, incident_id: str, now: datetime) -> list[Presence]:
        """One query; only who still counts."""
        ...
