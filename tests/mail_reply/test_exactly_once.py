"""A mail leaves once, and the entry says what is true, whatever fails at whichever call."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from domain import outbox_moves as moves
from domain.errors import RetryLaterError
from domain.outbox import CONFIRM_WITHIN, OutboxState, OutcomeState, RecipientOutcome
from domain.sending_ports import SentPlace
from domain.stored import Versioned
from mail_reply.delivery import Delivery
from tests.mail_reply.sending_world import ID, START, Fault, World

DAY = timedelta(days=2)
EVERY_CALL = range(14)


def check(world: World) -> None:
    """What must hold once all is quiet."""
    entry = world.entry
    assert len(world.left) <= 1, "left twice"
    if entry.state is OutboxState.SENT:
        assert len(world.left) == 1, "said sent, and nothing left"
    elif entry.state is OutboxState.FAILED:
        assert world.left == [], "said failed, and it left"
    else:
        assert entry.state is OutboxState.UNCONFIRMED, f"still {entry.state}"


@pytest.mark.parametrize("via", ["ews", "smtp"])
def test_undisturbed_it_leaves_at_once(via: str) -> None:
    world = World(via=via)
    world.run(timedelta(seconds=1))
    assert (world.entry.state, world.left) == (OutboxState.SENT, [ID])
    assert [(one.address, one.state) for one in world.entry.outcomes] == [
        ("ann@fin.example", OutcomeState.ACCEPTED)
    ]


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("number", EVERY_CALL)
def test_over_ews_one_fault_at_any_call(number: int, fault: Fault) -> None:
    world = World(faults={number: fault})
    world.run(DAY)
    check(world)
    if fault is not Fault.REFUSED:
        # Exchange can be asked, so nothing but a refusal keeps the mail from being sent.
        assert (world.entry.state, world.left) == (OutboxState.SENT, [ID])
    assert not [one for one in world.items if one.place is SentPlace.DRAFTS], "a draft was left behind"


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("number", EVERY_CALL)
def test_over_smtp_one_fault_at_any_call(number: int, fault: Fault) -> None:
    world = World(faults={number: fault}, via="smtp")
    world.run(DAY)
    check(world)


def test_over_ews_any_few_faults() -> None:
    for seed in range(3_000):
        chance = random.Random(seed)
        faults = {chance.randrange(30): chance.choice(list(Fault)) for _ in range(chance.randint(1, 6))}
        delay = timedelta(seconds=chance.choice([0, 3, 30, 900]))
        world = World(faults=dict(faults), copy_delay=delay)
        world.run(DAY)
        try:
            check(world)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {faults}, copy after {delay}: {world.calls}") from error


def test_over_smtp_any_few_faults() -> None:
    for seed in range(1_000):
        chance = random.Random(seed)
        faults = {chance.randrange(20): chance.choice(list(Fault)) for _ in range(chance.randint(1, 5))}
        world = World(faults=dict(faults), via="smtp")
        world.run(DAY)
        try:
            check(world)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {faults}: {world.calls}") from error


def test_a_killed_worker_alone_is_followed_within_90_seconds() -> None:
    calls = World()
    calls.run(timedelta(seconds=1))
    for number in range(1, len(calls.calls)):
        world = World(faults={number: Fault.DIE_AFTER})
        world.next_sweep = START + timedelta(seconds=39)  # the worst moment: just before the claim runs out
        world.run(timedelta(seconds=90))
        assert (world.entry.state, world.left) == (OutboxState.SENT, [ID]), number


def test_a_submitted_mail_without_a_trace_is_for_a_person_and_is_still_looked_for() -> None:
    world = World(copy_delay=timedelta(hours=3))
    number = _number_of(world, "SendItem")
    world = World(faults={number: Fault.LOST_AFTER}, copy_delay=timedelta(hours=3))
    world.run(CONFIRM_WITHIN - timedelta(minutes=1))
    states = [world.entry.state]
    world.run(timedelta(minutes=10))
    states.append(world.entry.state)
    assert states == [OutboxState.SENDING, OutboxState.UNCONFIRMED]
    world.run(timedelta(hours=5))
    assert (world.entry.state, world.left) == (OutboxState.SENT, [ID])


def test_after_an_unanswered_end_of_data_nothing_is_tried_again() -> None:
    number = _number_of(World(via="smtp"), "end of DATA")
    for fault in (Fault.LOST_AFTER, Fault.LOST_BEFORE, Fault.DIE_AFTER):
        world = World(faults={number: fault}, via="smtp")
        world.run(DAY)
        assert world.entry.state is OutboxState.UNCONFIRMED
        assert world.calls.count("end of DATA") == 1


def test_an_smtp_server_that_says_not_now_is_asked_again_and_one_that_refuses_is_not() -> None:
    world = World(via="smtp", data_answer=(False, "SMTP 451"))
    world.run(timedelta(seconds=30))
    assert (world.entry.state, world.entry.submitted_at) == (OutboxState.QUEUED, None)
    world.data_answer = (True, "SMTP 250")
    world.run(timedelta(minutes=3))
    assert (world.entry.state, world.left) == (OutboxState.SENT, [ID])
    refused = World(via="smtp", data_answer=(False, "SMTP 554"))
    refused.run(DAY)
    assert (refused.entry.state, refused.entry.error_code) == (OutboxState.FAILED, "SMTP 554")


def test_recipients_that_smtp_refuses_are_kept_one_by_one() -> None:
    bob = RecipientOutcome("bob@fin.example", OutcomeState.REFUSED, "SMTP 550", "no such user")
    world = World(via="smtp", refused_recipients=(bob,))
    world.entries[ID] = Versioned(replace(world.entry, to=("ann@fin.example", "bob@fin.example")), "1")
    world.run(timedelta(seconds=1))
    assert {one.address: one.state for one in world.entry.outcomes} == {
        "ann@fin.example": OutcomeState.ACCEPTED,
        "bob@fin.example": OutcomeState.REFUSED,
    }
    alone = World(via="smtp", refused_recipients=(replace(bob, address="ann@fin.example"),))
    alone.run(DAY)
    assert (alone.entry.state, alone.left) == (OutboxState.FAILED, [])


@pytest.mark.parametrize("switch", ["mailbox", "everything"])
def test_while_sending_is_off_mail_is_held_until_a_person_releases_it(switch: str) -> None:
    world = World()
    world.mailbox_on, world.stopped = switch != "mailbox", switch == "everything"
    world.run(DAY)
    assert (world.entry.state, world.entry.held, world.left) == (OutboxState.QUEUED, True, [])
    world.mailbox_on, world.stopped = True, False
    world.run(DAY)
    assert world.entry.held
    released = moves.release(world.entry, world.now_at, "analyst")
    world.entries[ID] = Versioned(released, "released")
    world.run(timedelta(minutes=2))
    assert (world.entry.state, world.left) == (OutboxState.SENT, [ID])


def test_seconds_to_undo_pass_before_anything_is_tried() -> None:
    world = World()
    world.entries[ID] = Versioned(replace(world.entry, due_at=START + timedelta(seconds=10)), "1")
    world.run(timedelta(seconds=9))
    assert (world.left, "CreateItem" in world.calls) == ([], False)
    world.run(timedelta(seconds=2))
    assert world.left == [ID]


def test_a_draft_that_a_person_changed_or_removed_before_it_was_submitted_is_made_anew() -> None:
    submitting = _number_of(World(), "SendItem") - 1
    for removed in (False, True):
        world = World(faults={submitting: Fault.DIE_BEFORE})
        world.deliver()
        (item,) = world.items
        if removed:
            world.items.clear()
        else:
            item.draft = replace(item.draft, change_key="a person's")
        world.run(timedelta(minutes=5))
        assert (world.entry.state, world.left) == (OutboxState.SENT, [ID])
        assert len(world.items) == 1


def test_a_draft_that_a_person_sent_meanwhile_is_the_mail() -> None:
    submitting = _number_of(World(), "SendItem") - 1
    world = World(faults={submitting: Fault.DIE_BEFORE})
    world.deliver()
    (item,) = world.items
    item.place = SentPlace.SENT_ITEMS
    world.left.append(ID)
    world.run(timedelta(minutes=5))
    assert (world.entry.state, world.left) == (OutboxState.SENT, [ID])


def test_once_submitted_a_changed_or_missing_draft_is_left_alone() -> None:
    sending = _number_of(World(), "SendItem")
    for removed in (False, True):
        world = World(faults={sending: Fault.LOST_BEFORE})
        world.deliver()
        (item,) = world.items
        item.draft = replace(item.draft, change_key="a person's")
        if removed:
            world.items.clear()
        world.run(DAY)
        assert (world.entry.state, world.left) == (OutboxState.UNCONFIRMED, [])
        assert [world.calls.count(call) for call in ("CreateItem", "SendItem", "DeleteItem")] == [1, 1, 0]


@pytest.mark.parametrize("via", ["ews", "smtp"])
def test_what_can_no_longer_be_written_is_told_and_not_tried_for_ever(via: str) -> None:
    world = World(via=via, message_is_gone=True)
    world.run(timedelta(seconds=1))
    assert (world.entry.state, world.entry.error_code) == (OutboxState.FAILED, "MessageNotSendable")
    assert world.left == []


def test_over_smtp_a_mail_that_breaks_off_before_its_end_is_sent_again() -> None:
    world = World(via="smtp", data_answer=(False, "SMTP 421"))
    world.run(timedelta(hours=23))
    assert (world.entry.state, world.entry.submitted_at) == (OutboxState.QUEUED, None)
    world.run(timedelta(hours=2))
    assert (world.entry.state, world.entry.error_code, world.left) == (OutboxState.FAILED, "SMTP 421", [])


def test_a_claim_is_renewed_while_somebody_is_at_work_and_storage_may_be_away_for_a_moment() -> None:
    world = World()
    stored = world.entries[ID]
    claimed = Versioned(moves.claim(stored.value, "claim", START), stored.etag)
    world.entries[ID] = claimed
    delivery = Delivery(world.context, claimed)
    until = []
    for seconds, fault in ((10, None), (16, None), (32, Fault.LOST_BEFORE), (36, None)):
        world.now_at = START + timedelta(seconds=seconds)
        if fault:
            world.faults[len(world.calls)] = fault
        delivery.still_at_work()
        assert world.entry.claimed_until is not None
        until.append((world.entry.claimed_until - START).total_seconds())
    assert until == [40, 56, 56, 76]
    world.now_at = START + timedelta(seconds=80)
    world.faults[len(world.calls)] = Fault.LOST_BEFORE
    with pytest.raises(RetryLaterError):
        delivery.still_at_work()


def _number_of(world: World, call: str) -> int:
    world.run(timedelta(seconds=1))
    return world.calls.index(call)
