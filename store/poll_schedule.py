"""Which mailboxes are due: table `due`, one shard.

Each mailbox has a row `state;{mailbox}`, the truth, and while it is due at some time a row
`due;{time};{mailbox}` with a copy of the state, so that one range query answers "what is due" whole. Both
change in one transaction: a crash leaves the old pair or the new one."""

from __future__ import annotations

import json
from datetime import datetime

from domain.errors import ConflictError
from domain.mailboxes import PollState
from domain.stored import Versioned
from store.connection import StorageConnection
from store.keys import key_time, safe
from store.record_codec import Codec
from store.rows import Delete, Insert, Operation, Replace, Row
from store.table import Table

_SHARD = "00"
_STATE = Codec(PollState)


class TablePollSchedule:
    """`domain.ports.PollSchedule` on Table Storage."""

    def __init__(self, connection: StorageConnection) -> None:
        self._table = Table(connection, "due")

    def due(self, now: datetime, limit: int) -> list[Versioned[PollState]]:
        """One query over the index rows up to `now`; costs what is due, not what is configured."""
        rows = self._table.range(_SHARD, "due;", f"due;{key_time(now)}<", limit=limit)
        return [Versioned(_state(row), _fence(row.key, row.etag, None)) for row in rows]

    def read(self, mailbox_id: str) -> Versioned[PollState] | None:
        """One point read."""
        row = self._table.get(_SHARD, _state_key(mailbox_id))
        if row is None:
            return None
        state = _state(row)
        return Versioned(state, _fence(_index_key(state), None, row.etag))

    def save(self, state: PollState, etag: str | None) -> Versioned[PollState]:
        """One transaction. It fails unless the index row or the state row is still the one that was read:
        since every save replaces both, either is as good a fence as the other."""
        text = _STATE.to_text(state)
        state_row = Row(_SHARD, _state_key(state.mailbox_id), {"d0": text})
        index_key = _index_key(state)
        index_row = Row(_SHARD, index_key, {"d0": text}) if index_key else None
        etags = self._table.transaction(_operations(state_row, index_row, etag))
        return Versioned(state, _fence(index_key, etags[1] if index_key else None, etags[0]))


def _operations(state_row: Row, index_row: Row | None, etag: str | None) -> list[Operation]:
    if etag is None:
        return [Insert(state_row), *([Replace(index_row)] if index_row else [])]
    old_key, index_etag, state_etag = _parts(etag)
    operations: list[Operation] = [Replace(state_row, state_etag)]
    if index_row and old_key == index_row.key:
        return [*operations, Replace(index_row, index_etag)]
    if index_row:
        operations.append(Replace(index_row))
    if old_key:
        operations.append(Delete(Row(_SHARD, old_key), index_etag))
    return operations


def _state(row: Row) -> PollState:
    return _STATE.from_text(row.text("d0"))


def _state_key(mailbox_id: str) -> str:
    return f"state;{safe(mailbox_id)}"


def _index_key(state: PollState) -> str | None:
    moment = state.claimed_until or state.due_at
    return f"due;{key_time(moment)};{safe(state.mailbox_id)}" if moment else None


def _fence(index_key: str | None, index_etag: str | None, state_etag: str | None) -> str:
    return json.dumps([index_key, index_etag, state_etag])


def _parts(etag: str) -> tuple[str | None, str | None, str | None]:
    """Raises `ConflictError` for what no read or save of ours has answered: it can hold for no row."""
    try:
        index_key, index_etag, state_etag = json.loads(etag)
    except (ValueError, TypeError) as error:
        raise ConflictError("not a fence") from error
    if not index_etag and not state_etag:
        raise ConflictError("not a fence")
    return index_key, index_etag, state_etag
