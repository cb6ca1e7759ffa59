"""What a mail server tells about folders and items, before any message is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class MailFolder:
    """A folder of the live tree. `path`: display names from the root, joined by `/`; `is_mail`: holds mail
    (IPF.Note)."""

    id: str
    path: str
    name: str
    parent_id: str | None
    total_count: int
    child_folder_count: int
    is_mail: bool
    is_hidden: bool
    well_known: str | None = None
    """Exchange's distinguished name (`inbox`, `sentitems`, ...) where the server says so."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """Answer of the one request that asks which folders changed."""

    folder_id: str
    """The id that was asked for."""
    server_id: str
    """The id that the server knows it by (differs where a distinguished name was asked for)."""
    name: str
    total_count: int
    commit_time: str | None
    """PidTagLocalCommitTimeMax (0x670A) as the server wrote it: moves whenever something in the folder
    does."""
    is_sent_items: bool = False


@dataclass(frozen=True, slots=True)
class FolderGone:
    """The folder is not on the server any more."""

    folder_id: str
    code: str


@dataclass(frozen=True, slots=True)
class ItemSummary:
    """An item as a sync page lists it. What the server left out is None or empty and proves nothing.

    `sender`: SMTP address where the server gave one, else None (an EX legacy DN is not an address).
    `received_at` is the server's received time in UTC; `size_bytes` Exchange's item size.
    """

    item_id: str
    received_at: datetime
    size_bytes: int = 0
    item_class: str = ""
    subject: str = ""
    sender: str | None = None
    sender_name: str = ""
    represented_sender: str | None = None
    internet_message_id: str | None = None
    in_reply_to: str | None = None
    references: str | None = None
    conversation_id: str | None = None
    search_key: str | None = None
    """PidTagSearchKey (0x300B), base64: survives copies and moves."""
    send_id: str | None = None
    """Our own extended property on mails that we sent."""
    is_draft: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """An item asked for without MIME: everything that the rule "is it ours?" needs."""

    summary: ItemSummary
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """Internet message headers as the server lists them, in order."""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """One item that could not be had, while the others could. `code`: Exchange's response code."""

    item_id: str
    code: str
    server_message: str = ""


class ChangeKind(StrEnum):
    """What SyncFolderItems reports (Microsoft: "SyncFolderItems operation")."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    READ_FLAG = "readFlag"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a folder. `summary` is None for deletes and read-flag changes."""

    kind: ChangeKind
    item_id: str
    summary: ItemSummary | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of changes. `sync_state` is opaque and can exceed 64 KiB; `complete`: nothing is left after
    this page."""

    changes: tuple[Change, ...]
    sync_state: str
    complete: bool


@dataclass(frozen=True, slots=True)
class ItemPage:
    """A page of FindItem, newest received first. `complete`: no older item matches."""

    items: tuple[ItemSummary, ...]
    complete: bool


@dataclass(slots=True)
class FetchedMessage:
    """A message on its way in. `chunks` yields the raw message (bytes as the server gave them) and must be
    used
    up before the next one is asked for; it raises `RetryLaterError` where the connection ends in
    mid-message."""

    item_id: str
    chunks: Iterator[bytes] = field(repr=False)
