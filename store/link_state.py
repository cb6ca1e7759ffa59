"""The changing part of a mail's row: its state as text in columns `s0`, `s1`, ... beside the mail's own `d`.

A row without them is a mail that was stored and not decided yet. What would not fit beside the mail is left
out by fixed rules: the oldest history first, then the places it had longest ago."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from domain.links import MailState
from store.chunks import MAX_ENTITY_BYTES, join_text, split_text, utf16_bytes
from store.mail_codec import MAX_MAIL_BYTES
from store.record_codec import Codec
from store.rows import Row, Value

MAX_STATE_BYTES = MAX_ENTITY_BYTES - MAX_MAIL_BYTES - 10_000
"""What is left of an entity, keys and the other columns counted in."""
_CODEC = Codec(MailState)
_COLUMN = re.compile(r"s\d{1,3}", re.ASCII)


def state_of(row: Row) -> MailState:
    """Raises `AdminActionError("StorageRowUnreadable")`."""
    text = join_text(row.values, "s")
    return _CODEC.from_text(text) if text is not None else MailState()


def state_columns(state: MailState) -> tuple[MailState, dict[str, str]]:
    """The columns, and the state as it is read from them."""
    text = _CODEC.to_text(state)
    while utf16_bytes(text) > MAX_STATE_BYTES:
        if state.history:
            state = replace(state, history=state.history[1:])
        else:
            state = replace(state, placed_before=state.placed_before[len(state.placed_before) // 2 + 1 :])
        text = _CODEC.to_text(state)
    if "\ufffd" in text:  # some character could not be written
        state = _CODEC.from_text(text)
    return state, split_text(text, "s")


def listed_state(state: MailState) -> MailState:
    """What lists show of it: no history."""
    return replace(state, history=(), placed_before=())


def columns_of_state(values: Mapping[str, Value]) -> dict[str, Value]:
    """The state's columns of a row, as they stand."""
    return {name: value for name, value in values.items() if _COLUMN.fullmatch(name)}
