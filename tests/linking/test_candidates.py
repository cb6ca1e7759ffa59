"""Which incidents triage offers for a mail, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.business_units import BusinessUnit
from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.linking.candidates import MAX_CANDIDATES, Candidate, Reason
from domain.links import PersonDecision
from domain.mail import Address, Direction, Evidence, Mail
from domain.stored import Activity
from domain.subject_token import make_token
from linking.by_hand import decide_by_person
from linking.find_candidates import find_candidates
from linking.incidents import merge_incident, save_incident
from linking.link_mails import link_mails
from linking.messages import Changed
from linking.relink import relink
from tests.support.linking_memory import KEY, START, Memory

ACTIVITY = Activity(START, "respond", None, "incident.changed", "incident", None, None)
ARRIVED = START + timedelta(days=1)


def world(*incidents: Incident) -> Memory:
    memory = Memory()
    memory.units["fin"] = BusinessUnit("fin", "fin", "fin", domains=("fin.example",))
    for one in incidents:
        save_incident(memory.context(), one, None, ACTIVITY)
    work(memory)
    return memory


def work(memory: Memory) -> None:
    while memory.queue:
        message = memory.queue.pop(0)
        relink(memory.context(), Changed(*(str(message[name]) for name in ("kind", "subject", "change"))))


def incident(identifier: str, *units: str, opened: timedelta = timedelta(0)) -> Incident:
    intervals = (OpenInterval(START + opened),)
    return Incident(
        identifier, "t", IncidentStatus.OPEN, START, business_units=units, open_intervals=intervals
    )


def mail(number: int, subject: str = "", *names: int, **changes: object) -> Mail:
    one = Mail(
        id=f"default.{number:032x}",
        mailbox_id="default",
        received_at=ARRIVED,
        direction=Direction.INCOMING,
        internet_message_id=f"<m{number}@fin.example>",
        sender=Address("", "ann@fin.example"),
        subject=subject,
        evidence=Evidence(references=tuple(f"m{name}@fin.example" for name in names)),
    )
    return replace(one, **changes)  # type: ignore[arg-type]  # fields of a mail


def arrive(memory: Memory, *mails: Mail) -> None:
    for one in mails:
        memory.store(one)
        link_mails(memory.context(), [one])


def offered(memory: Memory, one: Mail) -> tuple[Candidate, ...]:
    context = memory.context()
    return find_candidates(context, [memory.rows[one.id]])[one.id]


def test_incidents_of_the_unit_that_were_open_come_before_those_opened_later() -> None:
    memory = world(
        incident("INC-9", "fin", opened=timedelta(days=2)),
        incident("INC-2", "fin"),
        incident("INC-1", "fin"),
        incident("INC-3", "hr"),
        incident("INC-4", "fin", opened=timedelta(days=9)),
    )
    one = mail(1)
    arrive(memory, one)
    assert offered(memory, one) == (
        Candidate("INC-1", (Reason.OPEN_FOR_UNIT,)),
        Candidate("INC-2", (Reason.OPEN_FOR_UNIT,)),
        Candidate("INC-9", (Reason.OPENED_LATER,)),
    )


def test_mail_with_two_tokens_is_offered_both_incidents_and_merged_ones_as_their_parent() -> None:
    memory = world(incident("INC-1"), incident("INC-2"), incident("INC-3"))
    old = memory.incident_rows["INC-2"]
    merged = replace(old.value, status=IncidentStatus.MERGED, merged_into="INC-3")
    merge_incident(memory.context(), merged, old.etag, ACTIVITY)
    work(memory)
    one = mail(1, f"{make_token('INC-1', KEY)} {make_token('INC-2', KEY)}")
    arrive(memory, one)
    assert offered(memory, one) == (Candidate("INC-1", (Reason.TOKEN,)), Candidate("INC-3", (Reason.TOKEN,)))


def test_incident_that_a_person_refused_comes_last_and_says_so() -> None:
    memory = world(incident("INC-1", "fin"), incident("INC-2"))
    parent = mail(1, make_token("INC-2", KEY), sender=Address("", "dan@other.example"))
    answer = mail(2, "", 1)
    arrive(memory, parent, answer)
    refusal = PersonDecision("change", ARRIVED, "analyst", nowhere=True, refused=("INC-2",))
    decide_by_person(memory.context(), answer.id, refusal, ACTIVITY)
    assert offered(memory, answer) == (
        Candidate("INC-1", (Reason.OPEN_FOR_UNIT,)),
        Candidate("INC-2", (Reason.REFERENCE, Reason.REFUSED)),
    )


def test_mail_that_went_out_to_a_unit_is_offered_that_units_incidents() -> None:
    memory = world(incident("INC-1", "fin"))
    sent = mail(
        1,
        direction=Direction.OUTGOING,
        sender=Address("", "soc@corp.example"),
        to=(Address("", "ann@fin.example"),),
    )
    arrive(memory, sent)
    assert offered(memory, sent) == (Candidate("INC-1", (Reason.OPEN_FOR_UNIT,)),)


def test_unit_with_very_many_incidents_gets_a_bounded_list() -> None:
    memory = world(*(incident(f"INC-{number}", "fin") for number in range(30)))
    one = mail(1)
    arrive(memory, one)
    assert len(offered(memory, one)) == MAX_CANDIDATES
