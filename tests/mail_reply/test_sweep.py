"""The sweep of the outbox, and the messages of its queue."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.outbox import OutboxEntry
from mail_reply.messages import BadMessageError, delivery_message, read_delivery
from mail_reply.sweep import MAX_ENTRIES, sweep_outbox
from tests.mail_reply.sending_world import ID, START, World


def test_what_has_been_due_for_some_seconds_gets_its_message_again() -> None:
    asked: list[tuple[datetime, int]] = []
    sent: list[tuple[str, object]] = []
    entries = [replace(World().entry, id=name) for name in ("a", "b")]

    def due(now: datetime, limit: int) -> list[OutboxEntry]:
        asked.append((now, limit))
        return entries

    context = SimpleNamespace(
        outbox=SimpleNamespace(due=due),
        queue=SimpleNamespace(send=lambda queue, body: sent.append((queue, body))),
        clock=SimpleNamespace(now=lambda: START),
    )
    sweep_outbox(cast(Any, context))

    assert asked == [(START - timedelta(seconds=5), MAX_ENTRIES)]
    assert sent == [("mail-delivery", {"entryId": "a"}), ("mail-delivery", {"entryId": "b"})]


def test_a_message_is_read_as_it_was_written() -> None:
    assert read_delivery(json.dumps(delivery_message(ID))) == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"entryId":1}',
        '{"entryId":""}',
        '{"entryId":"a;b"}',
        "[" * 4_000,
        '{"entryId":"a"}' * 999,
    ],
)
def test_what_is_no_message_of_ours_is_refused(text: str) -> None:
    with pytest.raises(BadMessageError):
        read_delivery(text)
