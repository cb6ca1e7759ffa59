"""The outbox's state machine: each edge exists, nothing else does, and what each brings with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain import outbox_moves as moves
from domain.outbox import (
    CLAIM,
    TRANSITIONS,
    Draft,
    OutboxEntry,
    OutboxEvent,
    OutboxState,
    OutcomeState,
    RecipientOutcome,
)

AT = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
DRAFT = Draft("item", "key", "<draft@corp.example>")
WAIT = timedelta(seconds=30)
S = OutboxState


def entry(state: OutboxState = S.QUEUED, **facts: object) -> OutboxEntry:
    made = OutboxEntry(
        id="e" * 32,
        request_digest="d",
        incident_id="INC-1",
        kind="reply",
        mode="reply",
        mailbox_id="default",
        subject="Re: x",
        to=("ann@fin.example",),
        cc=(),
        bcc=("bob@fin.example",),
        message_id="<m@corp.example>",
        created_at=AT,
        created_by="analyst",
        due_at=AT,
        state=state,
    )
    return replace(made, **facts)  # type: ignore[arg-type]  # facts are fields of the entry


SUBMITTED = entry(S.SENDING, draft=DRAFT, submitted_at=AT, claim_id="a", claimed_until=AT + CLAIM)
SENDING = entry(S.SENDING, draft=DRAFT, claim_id="a", claimed_until=AT + CLAIM)
UNCONFIRMED = entry(S.UNCONFIRMED, draft=DRAFT, submitted_at=AT)
BOUNCE = RecipientOutcome("ann@fin.example", OutcomeState.BOUNCED, "5.1.1", "no such user")

EDGES: list[tuple[OutboxEvent, OutboxEntry, Callable[[OutboxEntry], OutboxEntry], OutboxState]] = [
    (OutboxEvent.CLAIM, entry(), lambda e: moves.claim(e, "a", AT), S.SENDING),
    (OutboxEvent.HOLD, entry(), lambda e: moves.hold(e, AT), S.QUEUED),
    (OutboxEvent.RELEASE, entry(held=True), lambda e: moves.release(e, AT, "p"), S.QUEUED),
    (OutboxEvent.CANCEL, entry(), lambda e: moves.cancel(e, AT, "p"), S.CANCELLED),
    (OutboxEvent.REFUSE, entry(), lambda e: moves.refuse(e, AT, "TooLarge"), S.FAILED),
    (OutboxEvent.CLAIM, SENDING, lambda e: moves.claim(e, "b", AT + CLAIM), S.SENDING),
    (OutboxEvent.DRAFT_RECORDED, entry(S.SENDING), lambda e: moves.record_draft(e, DRAFT, AT), S.SENDING),
    (OutboxEvent.SUBMIT, SENDING, lambda e: moves.submit(e, AT), S.SENDING),
    (OutboxEvent.BACK_OFF, SENDING, lambda e: moves.back_off(e, AT, WAIT, "ErrorServerBusy"), S.QUEUED),
    (OutboxEvent.POSTPONE, SUBMITTED, lambda e: moves.postpone(e, AT, WAIT, "NoTrace"), S.SENDING),
    (OutboxEvent.NOT_TAKEN, SUBMITTED, lambda e: moves.not_taken(e, AT, WAIT, "451"), S.QUEUED),
    (OutboxEvent.CONFIRM, SUBMITTED, lambda e: moves.confirm(e, AT, sent_at=AT), S.SENT),
    (OutboxEvent.REFUSE, SENDING, lambda e: moves.refuse(e, AT, "ErrorSendAsDenied"), S.FAILED),
    (OutboxEvent.LOSE_SIGHT, SUBMITTED, lambda e: moves.lose_sight(e, AT, "NoTrace"), S.UNCONFIRMED),
    (OutboxEvent.NOTE_OUTCOME, entry(S.SENT), lambda e: moves.note_outcome(e, BOUNCE, AT), S.SENT),
    (OutboxEvent.RETRY, entry(S.FAILED), lambda e: moves.retry(e, AT, "p"), S.QUEUED),
    (OutboxEvent.CONFIRM, UNCONFIRMED, lambda e: moves.confirm(e, AT, sent_at=AT), S.SENT),
    (OutboxEvent.POSTPONE, UNCONFIRMED, lambda e: moves.postpone(e, AT, WAIT, "NoTrace"), S.UNCONFIRMED),
    (OutboxEvent.SETTLE_SENT, UNCONFIRMED, lambda e: moves.settle(e, AT, sent=True, by="p"), S.SENT),
    (OutboxEvent.SETTLE_NOT_SENT, UNCONFIRMED, lambda e: moves.settle(e, AT, sent=False, by="p"), S.FAILED),
    (OutboxEvent.SEND_AGAIN, UNCONFIRMED, lambda e: moves.send_again(e, AT, "p"), S.QUEUED),
]


@pytest.mark.parametrize("event, before, act, after", EDGES, ids=lambda one: str(getattr(one, "value", "")))
def test_each_edge_leads_where_the_table_says(
    event: OutboxEvent, before: OutboxEntry, act: Callable[[OutboxEntry], OutboxEntry], after: OutboxState
) -> None:
    moved = act(before)
    assert moved.state is after is TRANSITIONS[before.state, event]
    if event is not OutboxEvent.POSTPONE:
        assert (moved.history[-1].event, moved.history[-1].state) == (event, after)


def test_every_edge_of_the_table_is_walked_here() -> None:
    assert {(before.state, event) for event, before, _, _ in EDGES} == set(TRANSITIONS)


@pytest.mark.parametrize("event, act", [(event, act) for event, _, act, _ in EDGES])
@pytest.mark.parametrize("state", list(S))
def test_nothing_that_is_not_in_the_table_happens(
    state: OutboxState, event: OutboxEvent, act: Callable[[OutboxEntry], OutboxEntry]
) -> None:
    if (state, event) not in TRANSITIONS:
        with pytest.raises(moves.NotAllowedError):
            act(entry(state, held=event is OutboxEvent.RELEASE, draft=DRAFT))


def test_a_claim_keeps_others_out_until_it_has_run_out() -> None:
    claimed = moves.claim(entry(), "a", AT)
    with pytest.raises(moves.NotAllowedError):
        moves.claim(claimed, "b", AT + CLAIM - timedelta(seconds=1))
    assert moves.claim(claimed, "b", AT + CLAIM).claim_id == "b"
    assert moves.renew(claimed, LATER).claimed_until == LATER + CLAIM


def test_what_waits_to_be_undone_or_is_held_cannot_be_claimed() -> None:
    with pytest.raises(moves.NotAllowedError):
        moves.claim(entry(due_at=LATER), "a", AT)
    with pytest.raises(moves.NotAllowedError):
        moves.claim(entry(held=True), "a", AT)


def test_once_submitted_there_is_no_other_draft_and_no_way_back_by_back_off() -> None:
    with pytest.raises(moves.NotAllowedError):
        moves.record_draft(SUBMITTED, DRAFT, AT)
    with pytest.raises(moves.NotAllowedError):
        moves.back_off(SUBMITTED, AT, WAIT, "ErrorServerBusy")


def test_over_ews_nothing_is_submitted_without_a_recorded_draft() -> None:
    with pytest.raises(moves.NotAllowedError):
        moves.submit(entry(S.SENDING), AT)
    assert moves.submit(entry(S.SENDING, via="smtp"), AT).submitted_at == AT


def test_the_time_of_the_first_submission_stays() -> None:
    assert moves.submit(SUBMITTED, LATER).submitted_at == AT


def test_sending_again_takes_another_send_id_and_retry_of_a_failure_keeps_it() -> None:
    assert moves.send_again(UNCONFIRMED, AT, "p").send_id != UNCONFIRMED.send_id
    assert moves.retry(entry(S.FAILED), AT, "p").send_id == entry().send_id
    for again in (moves.send_again(UNCONFIRMED, AT, "p"), moves.retry(entry(S.FAILED, draft=DRAFT), AT, "p")):
        assert (again.draft, again.submitted_at, again.claim_id) == (None, None, None)


def test_recipients_whom_nobody_refused_are_accepted_once_it_left() -> None:
    refused = RecipientOutcome("BOB@fin.example", OutcomeState.REFUSED, "550")
    sent = moves.confirm(SUBMITTED, LATER, sent_at=LATER, refused=(refused,))
    assert [(one.address, one.state) for one in sent.outcomes] == [
        ("BOB@fin.example", OutcomeState.REFUSED),
        ("ann@fin.example", OutcomeState.ACCEPTED),
    ]
    assert (sent.claim_id, sent.claimed_until, sent.sent_at) == (None, None, LATER)


def test_a_bounce_said_twice_is_noted_once() -> None:
    sent = moves.confirm(SUBMITTED, LATER, sent_at=LATER)
    once = moves.note_outcome(sent, BOUNCE, LATER)
    assert moves.note_outcome(once, BOUNCE, LATER) == once
    assert [one.state for one in once.outcomes if one.address == "ann@fin.example"] == [OutcomeState.BOUNCED]


def test_history_says_who_and_why_and_is_bounded() -> None:
    moved = moves.refuse(SENDING, LATER, "ErrorSendAsDenied", "x" * 1_000)
    assert (moved.error_code, len(moved.history[-1].detail)) == ("ErrorSendAsDenied", 500)
    assert moves.retry(moved, LATER, "ann", "bob").history[-1].acting_for == "bob"
    held = entry()
    for _ in range(150):
        held = moves.release(moves.hold(held, AT), AT, "p")
    assert len(held.history) == 100
