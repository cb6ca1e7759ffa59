"""What becomes of answers that waited when their message comes, where the server cannot give them then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from domain.business_units import UnitDirectory
from domain.mime.message import MailContext
from domain.ports import MailServer
from domain.server_items import Envelope, ItemFailure, ItemSummary
from domain.stored import WaitingAnswer
from mailbox_poll.context import PollContext
from mailbox_poll.wake import wake_answers

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
ANSWER = WaitingAnswer("default", "inbox", "item", ("hash",), NOON + timedelta(days=90))


@pytest.mark.parametrize(
    "code, forgotten, tried_again",
    [("ErrorItemNotFound", [ANSWER], []), ("ErrorCorruptData", [], [ANSWER])],
)
def test_an_answer_is_forgotten_only_where_it_is_gone_from_the_server(
    code: str, forgotten: list[WaitingAnswer], tried_again: list[WaitingAnswer]
) -> None:
    deleted: list[WaitingAnswer] = []
    mails = SimpleNamespace(waiting_for=lambda hashes, now: [ANSWER], delete_waiting=deleted.append)
    poll = cast(PollContext, SimpleNamespace(mails=mails, clock=SimpleNamespace(now=lambda: NOON)))
    server = cast(MailServer, SimpleNamespace(envelopes=lambda ids: [ItemFailure("item", code)]))
    context = MailContext("default", "soc@corp.example", UnitDirectory(()))

    assert wake_answers(poll, server, context, ["hash"]).unread == tried_again
    assert deleted == forgotten


def test_an_answer_that_names_itself_and_cannot_be_read_is_tried_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def store_nothing(*_: object) -> list[str]:
        asked.append("once")
        assert len(asked) < 3
        return ["the answer, recorded as unreadable"]

    monkeypatch.setattr("mailbox_poll.wake.store_mails", store_nothing)
    monkeypatch.setattr("mailbox_poll.wake.hashes_of", lambda poll, stored: ["hash"] if stored else [])
    fetched = SimpleNamespace(mails={"item": None}, worth_another_try=["item"], interrupted=None)
    monkeypatch.setattr("mailbox_poll.wake.Fetcher", lambda *_: SimpleNamespace(fetch=lambda here: [fetched]))
    mails = SimpleNamespace(waiting_for=lambda hashes, now: [ANSWER])
    poll = cast(PollContext, SimpleNamespace(mails=mails, clock=SimpleNamespace(now=lambda: NOON)))
    envelope = Envelope(ItemSummary("item", NOON))
    server = cast(MailServer, SimpleNamespace(envelopes=lambda ids: [envelope]))
    context = MailContext("default", "soc@corp.example", UnitDirectory(()))

    assert wake_answers(poll, server, context, ["hash"]).unread == [ANSWER]
    assert asked == ["once"]
