"""The rows of table `outbox`: one partition, so that an entry and everything by which it is found change in
one transaction.

`entry;{id}` is the truth (`d0…`, and the keys of its index rows in `due` and `held`).
`incident;{incident};{inverted created};{id}` is a copy of it, so that a page of an incident is one query.
`due;{time};{id}`, `held;{mailbox};{id}` and `message;{Message-ID}` name the entry only; `awaits;{id}` holds
its Message-IDs and is there while nobody can say whether the mail left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from domain.mime.headers import normalise_message_id
from domain.outbox import OutboxEntry, OutboxState
from store.chunks import MAX_ENTITY_BYTES, join_text, split_text, utf16_bytes
from store.keys import inverted, key_time, safe
from store.record_codec import Codec
from store.rows import Row

TABLE, PARTITION = "outbox", "outbox"
DUE, AWAITS = "due;", "awaits;"
_CODEC = Codec(OutboxEntry)
_MAX_BYTES = MAX_ENTITY_BYTES - 50_000
_SHORT_CHARS = 40
_SHORT_HISTORY = 20


@dataclass(frozen=True, slots=True)
class IndexKeys:
    """Keys of an entry's index rows that come and go; empty: there is none."""

    due: str = ""
    held: str = ""
    awaits: str = ""

    def each(self) -> tuple[str, ...]:
        """Those that are there."""
        return tuple(key for key in (self.due, self.held, self.awaits) if key)


def index_keys(entry: OutboxEntry) -> IndexKeys:
    """What must be there for the entry as it is."""
    due_at = entry.next_work_at
    may_have_left = entry.is_submitted and entry.state in (OutboxState.SENDING, OutboxState.UNCONFIRMED)
    return IndexKeys(
        due=f"{DUE}{key_time(due_at)};{entry.id}" if due_at else "",
        held=f"{held_prefix(entry.mailbox_id)}{entry.id}" if is_held(entry) else "",
        awaits=f"{AWAITS}{entry.id}" if may_have_left else "",
    )


def is_held(entry: OutboxEntry) -> bool:
    """Whether it waits for a person to release it."""
    return entry.held and entry.state is OutboxState.QUEUED


def message_ids(entry: OutboxEntry) -> tuple[str, ...]:
    """Every Message-ID that the mail has or had, normalised; ours first."""
    written = (entry.message_id, entry.draft.message_id if entry.draft else "", entry.sent_message_id or "")
    return tuple(dict.fromkeys(one for text in written if (one := normalise_message_id(text))))


def entry_key(entry_id: str) -> str:
    """Key of the truth."""
    return f"entry;{safe(entry_id)}"


def held_prefix(mailbox_id: str) -> str:
    """What the keys of a mailbox's held entries begin with."""
    return f"held;{safe(mailbox_id)};"


def incident_prefix(incident_id: str) -> str:
    """What the keys of an incident's entries begin with."""
    return f"incident;{safe(incident_id)};"


def message_key(message_id: str) -> str:
    """Key of the row that says which entry has this Message-ID."""
    return f"message;{safe(message_id)}"


def written_rows(entry: OutboxEntry) -> tuple[Row, Row]:
    """The truth, and its copy in the incident's list."""
    values = dict(split_text(_text(entry), "d"))
    keys = index_keys(entry)
    listed = f"{incident_prefix(entry.incident_id)}{inverted(entry.created_at)};{entry.id}"
    index = {"due": keys.due, "held": keys.held, "awaits": keys.awaits}
    return Row(PARTITION, entry_key(entry.id), {**values, **index}), Row(PARTITION, listed, values)


def index_row(key: str, entry: OutboxEntry) -> Row:
    """The row under one of an entry's index keys."""
    names = {"messageIds": " ".join(message_ids(entry))} if key.startswith(AWAITS) else {}
    return Row(PARTITION, key, {"id": entry.id, **names})


def entry_of(row: Row) -> OutboxEntry:
    """Raises `AdminActionError("StorageRowUnreadable")`."""
    return _CODEC.from_text(join_text(row.values, "d"))


def written_keys(row: Row) -> IndexKeys:
    """The index rows that were written with this one, whatever today's rules would make of it."""
    return IndexKeys(row.text("due"), row.text("held"), row.text("awaits"))


def _text(entry: OutboxEntry) -> str:
    """JSON that fits into a row: an entry must be writable whatever 500 recipients' servers have said."""
    for text in map(_CODEC.to_text, _ever_shorter(entry)):
        if utf16_bytes(text) <= _MAX_BYTES:
            return text
    return text


def _ever_shorter(entry: OutboxEntry) -> Iterator[OutboxEntry]:
    yield entry
    outcomes = tuple(replace(one, detail=one.detail[:_SHORT_CHARS]) for one in entry.outcomes)
    history = tuple(replace(one, detail=one.detail[:_SHORT_CHARS]) for one in entry.history[-_SHORT_HISTORY:])
    yield replace(entry, outcomes=outcomes, history=history)
    yield replace(entry, outcomes=tuple(replace(one, detail="") for one in outcomes), history=history)
