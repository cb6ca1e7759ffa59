"""Changes of incidents and units that reach mails in ways which are rare in random histories, and what the
re-decision of many mails costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.business_units import BusinessUnit
from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.links import LinkedMail, LinkRule, MailState
from domain.mail import Address, Direction, Evidence, Mail
from domain.stored import Activity
from domain.subject_token import make_token
from linking import concerned
from linking.incidents import announce, merge_incident, save_incident, unit_changed
from linking.link_mails import link_mails
from linking.messages import Changed
from linking.relink import BUDGET, LOST_AFTER, relink, sweep_links
from tests.support.linking_memory import KEY, START, Memory, WorkerDied

ACTIVITY = Activity(START, "respond", None, "incident.changed", "incident", None, None)


def mail(number: int, *tokens: str, sender: str = "ann@fin.example", conversation: str | None = None) -> Mail:
    return Mail(
        id=f"default.{number:032x}",
        mailbox_id="default",
        received_at=START + timedelta(minutes=number),
        direction=Direction.INCOMING,
        internet_message_id=f"<m{number}@fin.example>",
        conversation_id=conversation,
        sender=Address("", sender),
        subject=" ".join(make_token(one, KEY) for one in tokens),
        evidence=Evidence(),
    )


def incident(identifier: str, *units: str, title: str = "t") -> Incident:
    return Incident(
        identifier,
        title,
        IncidentStatus.OPEN,
        START,
        business_units=units,
        open_intervals=(OpenInterval(START),),
    )


def world(*units: str) -> Memory:
    memory = Memory()
    for name in units:
        memory.units[name] = BusinessUnit(name, name, name, domains=(f"{name}.example",))
    return memory


def work(memory: Memory) -> int:
    """Does what is queued; answers how many messages that were."""
    count = 0
    while memory.queue:
        message = memory.queue.pop(0)
        relink(memory.context(), Changed(*(str(message[name]) for name in ("kind", "subject", "change"))))
        count += 1
    assert not memory.pending
    return count


def put(memory: Memory, wanted: Incident) -> int:
    old = memory.incident_rows.get(wanted.id)
    save_incident(memory.context(), wanted, old.etag if old else None, ACTIVITY)
    return work(memory)


def merge(memory: Memory, child: str, parent: str) -> None:
    old = memory.incident_rows[child]
    merged = replace(old.value, status=IncidentStatus.MERGED, merged_into=parent)
    merge_incident(memory.context(), merged, old.etag, ACTIVITY)
    work(memory)


def arrive(memory: Memory, *mails: Mail) -> None:
    for one in mails:
        memory.store(one)
    link_mails(memory.context(), list(mails))


def place(memory: Memory, one: Mail) -> tuple[str, LinkRule] | None:
    link = memory.rows[one.id].state.link
    return (link.incident_id, link.rule) if link else None


def test_token_of_an_incident_that_becomes_known_later_wins_over_the_conversation_that_placed_the_mail() -> (
    None
):
    memory = world("fin")
    put(memory, incident("INC-1", "fin"))
    first, second = mail(1, "INC-1", conversation="c"), mail(2, "inc-2", conversation="c")
    arrive(memory, first, second)
    assert place(memory, second) == ("INC-1", LinkRule.CONVERSATION)
    put(memory, incident("INC-2"))
    assert place(memory, second) == ("INC-2", LinkRule.TOKEN)


def test_mail_with_the_tokens_of_two_incidents_is_linked_once_they_merge() -> None:
    memory = world("fin")
    put(memory, incident("INC-1"))
    put(memory, incident("INC-2"))
    both = mail(1, "INC-1", "INC-2", sender="dan@other.example")
    arrive(memory, both)
    assert place(memory, both) is None
    merge(memory, "INC-1", "INC-2")
    assert place(memory, both) == ("INC-1", LinkRule.TOKEN)


def test_mail_of_a_unit_whose_two_incidents_become_one_through_their_parents_is_suggested() -> None:
    """INC-1 is merged into INC-2, which says nothing of the unit itself; INC-3 impacts it too."""
    memory = world("fin")
    put(memory, incident("INC-1", "fin"))
    put(memory, incident("INC-2"))
    put(memory, incident("INC-3", "fin"))
    merge(memory, "INC-1", "INC-2")
    unclear = mail(1)
    arrive(memory, unclear)
    assert place(memory, unclear) is None
    merge(memory, "INC-2", "INC-3")
    assert place(memory, unclear) == ("INC-3", LinkRule.BUSINESS_UNIT)


def test_mail_that_is_in_an_incident_already_counts_as_the_unit_that_its_sender_belongs_to_now() -> None:
    memory = world("fin")
    put(memory, incident("INC-1", "fin"))
    one = mail(1, "INC-1", sender="dan@other.example")
    arrive(memory, one)
    assert memory.rows[one.id].state.business_unit is None
    change = unit_changed(memory.context(), "hr")
    memory.units["hr"] = BusinessUnit("hr", "hr", "hr", domains=("other.example",))
    announce(memory.context(), change)
    work(memory)
    assert memory.rows[one.id].state.business_unit == "hr"


def test_change_of_an_incidents_title_moves_no_mail() -> None:
    memory = world("fin")
    put(memory, incident("INC-1", "fin"))
    arrive(memory, mail(1, "INC-1"))
    assert put(memory, incident("INC-1", "fin", title="another")) == 0
    assert not memory.pending


def linked_conversation(size: int) -> Memory:
    memory = world("fin")
    put(memory, incident("INC-1", "fin"))
    arrive(memory, *(mail(number, "INC-1", conversation="c") for number in range(size)))
    return memory


def test_every_mail_of_a_long_conversation_is_decided_once_for_a_change_of_its_incident() -> None:
    """Each page of the incident's mails leads to the whole conversation again."""
    memory = linked_conversation(60)
    memory.operations.clear()
    put(memory, incident("INC-1", "fin", "hr"))
    assert memory.operations["project tab"] == 60


def test_re_decision_that_takes_longer_than_its_budget_goes_on_from_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(concerned, "PAGE", 3)
    memory = world("fin")
    put(memory, incident("INC-1", "fin"))
    arrive(memory, *(mail(number, "INC-1") for number in range(60)))
    memory.operations.clear()
    memory.operation_takes = BUDGET / 30
    assert put(memory, incident("INC-1", "fin", "hr")) > 2
    assert memory.operations["project tab"] < 150


def test_sweep_leaves_alone_what_is_under_way_and_asks_once_for_what_is_lost() -> None:
    memory = linked_conversation(1)
    save_incident(memory.context(), incident("INC-2"), None, ACTIVITY)
    memory.queue.clear()
    assert sweep_links(memory.context()) == 0
    memory.now += LOST_AFTER + timedelta(seconds=1)
    assert sweep_links(memory.context()) == 1
    assert sweep_links(memory.context()) == 0
    work(memory)


def test_copy_in_another_mailbox_is_shown_once_wherever_the_worker_that_stored_it_dies() -> None:
    deaths = 0
    for death in range(1, 100):
        memory = world("fin")
        late = mail(5)
        early = replace(late, id=f"second.{1:032x}", mailbox_id="second", received_at=START)
        arrive(memory, late)
        memory.store(early)
        left = iter(range(death - 1, -1, -1))

        def dies(name: str, left: Iterator[int] = left) -> None:
            if next(left, -1) == 0:
                raise WorkerDied

        memory.before_operation = dies
        try:
            link_mails(memory.context(), [early])
        except WorkerDied:
            deaths += 1
        memory.before_operation = lambda name: None
        memory.now += LOST_AFTER + timedelta(seconds=1)
        sweep_links(memory.context())
        work(memory)
        if memory.rows[early.id].state.decided:
            assert memory.rows[late.id].state.shown_as == early.id, death
        if deaths < death:
            break
    assert 10 < deaths < 99


def test_unit_that_changes_while_a_mails_index_is_not_written_yet_leaves_the_mail_to_its_own_worker() -> None:
    memory = world("fin")
    late = mail(5, sender="dan@other.example")
    early = replace(late, id=f"second.{1:032x}", mailbox_id="second", received_at=START)
    arrive(memory, late)
    memory.rows[early.id] = LinkedMail(early, MailState(), "etag")
    change = unit_changed(memory.context(), "hr")
    memory.units["hr"] = BusinessUnit("hr", "hr", "hr", domains=("other.example",))
    announce(memory.context(), change)
    work(memory)
    assert not memory.rows[early.id].state.decided
    arrive(memory, early)
    assert memory.rows[late.id].state.shown_as == early.id
