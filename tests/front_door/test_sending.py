"""A mail in the outbox leaves once, over EWS and over SMTP, and its entry says what is true: undisturbed, and
with the worker killed at every single call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from domain.outbox import OutboxEntry, OutboxState, OutcomeState
from sandbox.control.client import ControlClient
from sandbox.state import load
from tests.support.faults import going_wrong
from tests.support.mails import plain_mail
from tests.support.polling import TIMERS_OFF, Polling
from tests.support.running_sandbox import running_sandbox
from tests.support.sending import ENDED, Sending

LARGE = bytes(range(256)) * 20_000


@pytest.fixture(scope="module")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sending]:
    """A sandbox whose mailbox sends, and whose timers wait to be told."""
    with running_sandbox(Path(tmp_path_factory.mktemp("sending")), *TIMERS_OFF) as sandbox:
        sandbox.configure()
        settings = json.loads(sandbox.command("smtp-settings"))
        there = {"If-Match": sandbox.call("GET", "/api/config/email-server").headers["etag"]}
        answer = sandbox.call("PUT", "/api/config/email-server", settings, headers=there)
        assert answer.status in (200, 201), answer.body
        yield Sending(sandbox)


@pytest.mark.parametrize("via", ["ews", "smtp"])
def test_a_mail_leaves_once_and_as_it_was_written(sending: Sending, via: str) -> None:
    entry_id = sending.queue(via=via, attachment=LARGE)

    sending.deliver(entry_id)
    sending.deliver(entry_id)

    entry = sending.ended(entry_id)
    assert entry.state is OutboxState.SENT, entry
    assert [(one.address, one.state) for one in entry.outcomes] == [
        ("ann@fin.example", OutcomeState.ACCEPTED)
    ]
    [mail] = sending.sandbox.until(lambda: sending.left(entry_id))
    assert mail["via"] == via
    raw = Path(mail["eml"]).read_bytes()
    message = message_from_bytes(raw, policy=policy.default)
    assert message["In-Reply-To"] == "<question@fin.example>"
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content() == ".A line that begins with a dot\r\n"
    [attachment] = message.iter_attachments()
    assert attachment.get_payload(decode=True) == LARGE


def test_recipients_that_an_smtp_server_refuses_are_kept_one_by_one(sending: Sending) -> None:
    sending.sandbox.command("refuse", "gone@fin.example", "550", "5.1.1 No such user")
    entry_id = sending.queue("ann@fin.example", "gone@fin.example", via="smtp")

    sending.deliver(entry_id)

    entry = sending.ended(entry_id)
    assert {one.address: (one.state, one.code) for one in entry.outcomes} == {
        "ann@fin.example": (OutcomeState.ACCEPTED, ""),
        "gone@fin.example": (OutcomeState.REFUSED, "SMTP 550"),
    }


def test_an_unconfirmed_mail_is_sent_once_an_answer_to_it_is_stored(sending: Sending) -> None:
    sandbox = sending.sandbox
    entry_id = sending.queue(via="smtp")
    with going_wrong(sandbox, "smtp", "cut-after", operation="EndOfData"):
        sending.deliver(entry_id)
        assert sending.ended(entry_id).state is OutboxState.UNCONFIRMED
    assert len(sending.left(entry_id)) == 1

    sandbox.add_unit("Finance", domains=["fin.example"])
    sandbox.deliver(plain_mail("answer@fin.example", in_reply_to=f"{entry_id}@corp.example"))
    Polling(sandbox).poll()

    entry = sending.until(entry_id, lambda entry: entry.state is OutboxState.SENT)
    assert [(one.address, one.state) for one in entry.outcomes] == [
        ("ann@fin.example", OutcomeState.ACCEPTED)
    ]


def test_the_sweep_finds_an_entry_whose_message_was_lost(sending: Sending) -> None:
    entry_id = sending.queue(via="smtp")
    sending.let_time_pass(entry_id)

    sending.sandbox.until(lambda: _swept(sending, entry_id))

    assert sending.ended(entry_id).state is OutboxState.SENT


@pytest.mark.timeout(600)
@pytest.mark.parametrize("via", ["ews", "smtp"])
def test_a_worker_killed_at_any_call_of_a_send_leaves_one_mail_or_an_entry_that_is_right(
    sending: Sending, via: str
) -> None:
    sending.sandbox.command("sent-items-delay", "0.3")
    runs: list[tuple[str, OutboxEntry]] = []
    # What comes before the claim is the same either way.
    for after in range(1 if via == "ews" else 6, 60):
        killed_at, entry = _killed(sending, via, after)
        if killed_at is None:
            break
        runs.append((killed_at, entry))
    assert killed_at is None, "a send makes more calls than were tried"
    assert len(runs) > 8, runs
    sending.sandbox.until(lambda: sending.left(entry.id))  # the last one, undisturbed: the others left before

    wrong = [
        f"killed at {killed_at}: {entry.state}, {left} left, {entry.history}"
        for killed_at, entry in runs
        if not _is_right(entry, left := len(sending.left(entry.id)))
    ]
    assert not wrong, "\n".join(wrong)


def _is_right(entry: OutboxEntry, left: int) -> bool:
    """Exchange can be asked, so that a worker's death alone keeps no mail; an SMTP server cannot."""
    if entry.via == "smtp" and entry.state is OutboxState.UNCONFIRMED:
        return left <= 1
    return entry.state is OutboxState.SENT and left == 1


def _killed(sending: Sending, via: str, after: int) -> tuple[str | None, OutboxEntry]:
    """The call that the worker died of (None: it made fewer), and what its entry says in the end."""
    polling = Polling(sending.sandbox)
    polling.wait_for_worker()
    control = ControlClient(load(sending.sandbox.data))
    entry_id = sending.queue(via=via)
    before = len(control.run("crash", after=None, disarm=False)["happened"])
    control.run("crash", after=after, disarm=False)
    sending.deliver(entry_id)

    def happened() -> list[dict[str, str]]:
        return list(control.run("crash", after=None, disarm=False)["happened"][before:])

    sending.sandbox.until(lambda: happened() or sending.entry(entry_id).state in ENDED)
    control.run("crash", after=None, disarm=True)
    deaths = happened()
    sending.storage.clear_queues()
    sending.let_time_pass(entry_id)
    sending.deliver(entry_id)
    entry = sending.ended(entry_id)
    return (f"{deaths[0]['part']} {deaths[0]['operation']}" if deaths else None), entry


def _swept(sending: Sending, entry_id: str) -> bool:
    """The sweep's timer fires; whether the entry is no longer due."""
    if sending.entry(entry_id).state is OutboxState.QUEUED:
        sending.sandbox.run_function("pending_sweep")
    return sending.entry(entry_id).state is not OutboxState.QUEUED
