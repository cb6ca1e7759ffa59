"""Drafts and sending over EWS, against the sandbox's Exchange server."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from domain.errors import AdminActionError, RetryLaterError
from domain.outbox import Draft
from domain.sending_ports import DraftChangedError, DraftGoneError, SentPlace
from exchange.draft_sender import EwsDraftSender
from exchange.mailbox_session import MailboxSession
from tests.exchange.world import RunningWorld

SINCE = datetime.now(UTC) - timedelta(hours=1)


def message(subject: str, size: int = 0) -> Iterator[bytes]:
    yield f"From: soc@corp.example\r\nTo: fin@fin.example\r\nSubject: {subject}\r\n".encode()
    yield f"Message-ID: <{uuid.uuid4()}@corp.example>\r\n\r\nText\r\n".encode()
    for _ in range(size // 1_000):
        yield b"x" * 98 + b"\r\n" + b"y" * 898 + b"\r\n"


def outbound(world: RunningWorld, subject: str) -> list[dict[str, Any]]:
    """What left with this subject, once it did: a submitted draft is on its way for a moment."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if left := [one for one in world.control.run("outbound") if one["subject"] == subject]:
            return left
        time.sleep(0.05)
    return []


@pytest.fixture
def sender(mailbox: MailboxSession) -> Iterator[EwsDraftSender]:
    """Leaves no draft behind, for the world is other tests' too."""
    sender = Recorded(mailbox)
    yield sender
    for send_id in sender.send_ids:
        for found in sender.find_sent(send_id, SINCE):
            if found.place is SentPlace.DRAFTS:
                sender.delete_draft(found.draft)


class Recorded(EwsDraftSender):
    """Knows which send ids were used."""

    def __init__(self, mailbox: MailboxSession) -> None:
        super().__init__(mailbox)
        self.send_ids: list[str] = []

    def create_draft(self, *args: Any, send_id: str, **fields: Any) -> Draft:
        self.send_ids.append(send_id)
        return super().create_draft(*args, send_id=send_id, **fields)


def saved(sender: EwsDraftSender, send_id: str, subject: str = "Hello", size: int = 0) -> Draft:
    return sender.create_draft(
        lambda: message(subject, size), send_id=send_id, to=["fin@fin.example"], cc=[], bcc=["hr@hr.example"]
    )


def test_a_draft_is_found_by_its_send_id_and_leaves_once(world: RunningWorld, sender: EwsDraftSender) -> None:
    send_id, subject = uuid.uuid4().hex, f"Once {uuid.uuid4()}"
    draft = saved(sender, send_id, subject)
    (found,) = sender.find_sent(send_id, SINCE)
    assert (found.place, found.draft, found.is_submitted) == (SentPlace.DRAFTS, draft, False)
    assert sender.look_at_draft(draft) == found
    sender.send_draft(draft)
    left = outbound(world, subject)
    assert [(one["to"], one["bcc"]) for one in left] == [(["fin@fin.example"], ["hr@hr.example"])]
    assert sender.look_at_draft(draft) is None
    with pytest.raises(DraftGoneError):
        sender.send_draft(draft)


def test_a_draft_that_somebody_changed_does_not_leave(sender: EwsDraftSender) -> None:
    draft = saved(sender, uuid.uuid4().hex)
    with pytest.raises(DraftChangedError):
        sender.send_draft(Draft(draft.item_id, "AQAAAA==", draft.message_id))
    assert sender.look_at_draft(draft) is not None


def test_a_removed_draft_is_gone_and_removing_it_again_is_fine(sender: EwsDraftSender) -> None:
    draft = saved(sender, uuid.uuid4().hex)
    sender.delete_draft(draft)
    sender.delete_draft(draft)
    assert sender.look_at_draft(draft) is None


def test_a_large_message_arrives_whole(world: RunningWorld, sender: EwsDraftSender) -> None:
    subject = f"Large {uuid.uuid4()}"
    draft = saved(sender, uuid.uuid4().hex, subject, size=3_000_000)
    sender.send_draft(draft)
    (left,) = outbound(world, subject)
    body = message_from_bytes(Path(left["eml"]).read_bytes()).get_payload()
    assert len(str(body).replace("\r\n", "\n")) > 2_900_000


def test_nothing_is_found_of_other_send_ids(sender: EwsDraftSender) -> None:
    saved(sender, uuid.uuid4().hex)
    assert sender.find_sent(uuid.uuid4().hex, SINCE) == []


def test_a_refused_size_does_not_pass_by_waiting(world: RunningWorld, sender: EwsDraftSender) -> None:
    world.control.run(
        "fault-add", part="exchange", operation="CreateItem", kind="exchange-error",
        error="ErrorMessageSizeExceeded", count=1,
    )  # fmt: skip
    with pytest.raises(AdminActionError) as refused:
        saved(sender, uuid.uuid4().hex)
    assert refused.value.code == "ErrorMessageSizeExceeded"


def test_a_lost_answer_to_create_is_not_asked_for_again(world: RunningWorld, sender: EwsDraftSender) -> None:
    send_id = uuid.uuid4().hex
    world.control.run("fault-add", part="exchange", operation="CreateItem", kind="cut-after", count=1)
    with pytest.raises(RetryLaterError):
        saved(sender, send_id)
    assert len(sender.find_sent(send_id, SINCE)) == 1
