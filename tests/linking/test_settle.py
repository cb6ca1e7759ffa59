"""Single situations of linking that are rare in random histories."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

import linking.link_mails as link_mails_module
from domain.business_units import BusinessUnit
from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.links import Link, LinkState, PersonDecision, SenderVerified
from domain.mail import Address, Direction, Evidence, Mail
from domain.stored import Activity
from domain.subject_token import make_token
from linking.by_hand import decide_by_person, undo_decision
from linking.incidents import save_incident
from linking.link_mails import link_mails
from linking.messages import Changed
from linking.relink import LOST_AFTER, relink, sweep_links
from tests.support.linking_memory import KEY, START, Memory, WorkerDied

ACTIVITY = Activity(START, "analyst", None, "mail.linked", "mail", None, None)


def mail(number: int, *names: int, incident: str | None = None, **fields: object) -> Mail:
    token = make_token(incident, KEY) if incident else ""
    made = Mail(
        id=f"default.{number:032x}",
        mailbox_id="default",
        received_at=START + timedelta(minutes=number),
        direction=Direction.INCOMING,
        internet_message_id=f"<m{number}@fin.example>",
        sender=Address("", "ann@fin.example"),
        subject=f"Re: {token} text",
        evidence=Evidence(references=tuple(f"m{name}@fin.example" for name in names)),
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # fields of a mail


def world(*incidents: str) -> Memory:
    memory = Memory()
    for identifier in incidents:
        memory.by_unit.setdefault("fin", set()).add(identifier)
        incident = Incident(
            identifier,
            "t",
            IncidentStatus.OPEN,
            START,
            open_intervals=(OpenInterval(START),),
            business_units=(),
        )
        save_incident(memory.context(), incident, None, ACTIVITY)
    work(memory)
    return memory


def work(memory: Memory) -> None:
    while memory.queue:
        message = memory.queue.pop(0)
        relink(memory.context(), Changed(*(str(message[name]) for name in ("kind", "subject", "change"))))
    assert not memory.pending


def arrive(memory: Memory, *mails: Mail) -> None:
    for one in mails:
        memory.store(one)
    link_mails(memory.context(), list(mails))


def place(memory: Memory, one: Mail) -> str | None:
    link = memory.rows[one.id].state.link
    return link.incident_id if link else None


def test_answer_that_arrives_before_its_parent_is_linked_once_the_parent_arrives() -> None:
    memory = world("INC-1")
    answer, grandchild, parent = mail(2, 1), mail(3, 2), mail(1, incident="INC-1")
    arrive(memory, grandchild)
    arrive(memory, answer)
    assert (place(memory, answer), place(memory, grandchild)) == (None, None)
    arrive(memory, parent)
    assert (place(memory, answer), place(memory, grandchild)) == ("INC-1", "INC-1")


def test_mails_that_name_each_other_in_a_circle_link_none_of_each_other() -> None:
    memory = world("INC-1")
    first, last = mail(0, 1, incident="INC-1"), mail(2, 0)
    arrive(memory, first, last)
    assert place(memory, last) == "INC-1"
    arrive(memory, mail(1, 2))  # closes the circle
    assert (place(memory, first), place(memory, last)) == ("INC-1", None)


def test_a_message_id_that_mails_of_two_incidents_have_says_nothing() -> None:
    memory = world("INC-1", "INC-2")
    one = mail(1, incident="INC-1")
    other = replace(mail(5, incident="INC-2"), internet_message_id=one.internet_message_id)
    answer = mail(2, 1)
    arrive(memory, one, answer)
    assert place(memory, answer) == "INC-1"
    arrive(memory, other)
    assert place(memory, answer) is None


def test_the_same_mail_in_two_mailboxes_is_shown_once() -> None:
    memory = world("INC-1")
    one = mail(2, incident="INC-1")
    copy = replace(one, id=f"second.{9:032x}", mailbox_id="second", received_at=START)
    arrive(memory, one)
    assert memory.tab["INC-1"] == {one.id}
    arrive(memory, copy)
    assert memory.tab["INC-1"] == {copy.id}
    assert memory.rows[one.id].state.shown_as == copy.id


def test_a_persons_decision_wins_for_good_and_can_be_taken_back() -> None:
    memory = world("INC-1", "INC-2")
    one, answer = mail(1, incident="INC-1"), mail(2, 1)
    arrive(memory, one, answer)
    moved = PersonDecision("change", START, "analyst", placed_in="INC-2")
    linked = decide_by_person(memory.context(), one.id, moved, ACTIVITY)
    assert linked.state.link is not None
    assert linked.state.link.state is LinkState.MANUAL
    assert (place(memory, one), place(memory, answer)) == ("INC-2", "INC-2")
    arrive(memory, one, answer)
    assert place(memory, one) == "INC-2"
    undo = PersonDecision("undo", START, "analyst")
    undo_decision(memory.context(), one.id, "change", undo, ACTIVITY)
    assert (place(memory, one), place(memory, answer)) == ("INC-1", "INC-1")
    assert set(memory.log) == {"change", "undo"}


def test_a_token_beside_a_reference_to_another_incident_is_said() -> None:
    memory = world("INC-1", "INC-2")
    answer = mail(2, 1, incident="INC-2")
    arrive(memory, mail(1, incident="INC-1"), answer)
    link = memory.rows[answer.id].state.link
    assert link is not None
    assert (link.incident_id, link.evidence.contradicted_by) == ("INC-1", ("INC-2",))


def test_a_stranger_with_a_token_is_linked_and_marked() -> None:
    memory = world("INC-1")
    stranger = mail(1, incident="INC-1", sender=Address("", "x@elsewhere.example"))
    arrive(memory, stranger, mail(2, 1, sender=Address("", "x@elsewhere.example")))
    for number in (1, 2):  # his own mail makes him no member of the thread
        state = memory.rows[f"default.{number:032x}"].state
        assert (state.link is not None, state.sender_verified) == (True, SenderVerified.NO)


def a_thread_that_waited(memory: Memory) -> tuple[Mail, ...]:
    """Four generations and a mail of the conversation wait for the first one, which is answered."""
    waiting = (
        mail(4, 3),
        mail(3, 2),
        mail(2, 1),
        mail(7, conversation_id="c"),
    )
    for one in waiting:
        arrive(memory, one)
    return (mail(1, incident="INC-1", conversation_id="c"),)


def links(memory: Memory) -> dict[str, tuple[Link | None, SenderVerified]]:
    return {mail_id: (row.state.link, row.state.sender_verified) for mail_id, row in memory.rows.items()}


def thread_world() -> Memory:
    memory = Memory()
    memory.units["fin"] = BusinessUnit("fin", "fin", "fin", domains=("fin.example",))
    incident = Incident(
        "INC-1",
        "t",
        IncidentStatus.CLOSED,
        START,
        business_units=("fin",),
        open_intervals=(OpenInterval(START - timedelta(days=9), START - timedelta(days=8)),),
    )
    save_incident(memory.context(), incident, None, ACTIVITY)
    work(memory)
    return memory


@pytest.mark.parametrize("is_repeated", [True, False], ids=["page repeated", "sweep alone"])
def test_a_worker_that_dies_at_any_operation_leaves_nothing_undone(is_repeated: bool) -> None:
    undisturbed = thread_world()
    page = a_thread_that_waited(undisturbed)
    undisturbed.operations.clear()
    arrive(undisturbed, *page)
    total = undisturbed.operations.total()
    assert len([one for one, _ in links(undisturbed).values() if one is not None]) == 5
    for death in range(3, total + 1):  # the mail's own row and its index come first
        memory = thread_world()
        a_thread_that_waited(memory)
        count = itertools.count(1)

        def die(name: str, at: int = death, count: Iterator[int] = count) -> None:
            if next(count) == at:
                raise WorkerDied

        memory.before_operation = die
        with contextlib.suppress(WorkerDied):
            arrive(memory, *page)
        memory.before_operation = lambda name: None
        if is_repeated or death == 3:  # before the pending row nothing but the page knows
            arrive(memory, *page)
        memory.now += LOST_AFTER + timedelta(seconds=1)
        sweep_links(memory.context())
        work(memory)
        assert links(memory) == links(undisturbed), death
        assert memory.tab == undisturbed.tab, death
        assert memory.triage == undisturbed.triage, death


def test_work_that_is_too_much_for_one_page_goes_on_from_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_mails_module, "INLINE_MAILS", 2)
    memory = thread_world()
    arrive(memory, *a_thread_that_waited(memory))
    assert memory.queue
    work(memory)
    assert len([one for one, _ in links(memory).values() if one is not None]) == 5
