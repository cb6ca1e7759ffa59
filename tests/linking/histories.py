"""Random histories: mails arrive in any order and grouping, incidents open, close, change and merge, units
change, people decide and take back, workers die at any operation and others work in between. In the end the
rows say what `decide_all` says of what is known."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.business_units import BusinessUnit, UnitDirectory
from domain.errors import ConflictError, NotFoundError
from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.linking.decide_all import Decided, decide_all
from domain.linking.facts import business_unit_of, facts_of
from domain.linking.incident_book import IncidentBook
from domain.links import LinkRule, PersonDecision, Stratum
from domain.mail import Address, Direction, Evidence, Mail
from domain.ours import conversation_key
from domain.stored import Activity
from domain.subject_token import make_token
from linking.by_hand import UndoRefusedError, decide_by_person, undo_decision
from linking.incidents import MergeRefusedError, announce, merge_incident, save_incident, unit_changed
from linking.link_mails import link_mails
from linking.messages import read_changed
from linking.relink import LOST_AFTER, relink, sweep_links
from tests.support.linking_memory import KEY, START, Memory, WorkerDied, keyed

UNITS = ("fin", "hr")
PEOPLE = ("ann@fin.example", "bob@hr.example", "dan@other.example", "eve@fin.example")
INCIDENTS = ("INC-1", "INC-2", "INC-3")
DETOURS = (
    ("arrive",),
    ("put_incident",),
    ("put_incident", "work"),
    ("change_unit", "work"),
    ("decide",),
    ("work",),
)
"""What others do while an action is under way."""
CONVERSATIONS = ("c1", "c2", None)


@dataclass
class History:
    """One history by its seed. `steps`: what happened, to read when it went wrong."""

    seed: int
    memory: Memory = field(default_factory=Memory)
    steps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.decisions: list[tuple[str, str]] = []
        self.unfinished: list[list[Mail]] = []
        self.memory.operation_takes = timedelta(seconds=self.chance.choice([0, 0, 1, 20]))
        self.mails = [self._mail(number) for number in range(self.chance.randint(3, 9))]
        if self.chance.random() < 0.3:
            self._close_a_ring()
        if self.chance.random() < 0.4:
            twin = self.chance.choice(self.mails)
            other = "second" if twin.mailbox_id == "default" else "default"
            self.mails.append(
                replace(twin, id=f"{other}.{99:032x}", mailbox_id=other, received_at=self._time())
            )
        for name in UNITS:
            self.memory.units[name] = BusinessUnit(name, name, name, domains=(f"{name}.example",))
        self.depth = 0
        self.death: int | None = None

    def run(self) -> None:
        actions = (
            [self.arrive] * 6
            + [self.put_incident] * 4
            + [self.decide, self.decide, self.undo, self.merge, self.change_unit, self.work, self.sweep]
        )
        for _ in range(self.chance.randint(4, 20)):
            self.disturbed(self.chance.choice(actions))
        self.memory.before_operation = lambda name: None
        for page in list(self.unfinished):  # a page whose worker died is read again
            self._store(page)
        for _ in range(60):
            if not self.memory.queue and not self.memory.pending:
                return
            self.work()
            if not self.memory.queue:
                self.memory.now += LOST_AFTER + timedelta(seconds=1)
                sweep_links(self.memory.context())
        raise AssertionError("pending work does not come to an end")

    def disturbed(self, action: Callable[[], None]) -> None:
        """The action, killed at some operation or with other actions in the middle of it."""
        death = self.chance.randrange(60) if self.chance.random() < 0.4 else None
        detour = self.chance.randrange(30) if self.chance.random() < 0.3 and self.depth == 0 else None
        count = 0
        outer = self.memory.before_operation

        def before(name: str) -> None:
            nonlocal count, detour
            count += 1
            if count == death:
                self.steps.append(f"  died before {name}")
                raise WorkerDied
            if detour is not None and count > detour:
                detour = None
                self.steps.append(f"  meanwhile, before {name}:")
                self.depth += 1
                for action in self.chance.choice(DETOURS):
                    self.disturbed(getattr(self, action))
                self.depth -= 1
                self.memory.before_operation = before

        self.memory.before_operation = before
        try:
            action()
        except (WorkerDied, ConflictError, MergeRefusedError, UndoRefusedError, NotFoundError) as error:
            self.steps.append(f"  ended by {error!r}")
        finally:
            self.memory.before_operation = outer

    def arrive(self) -> None:
        new = [mail for mail in self.mails if mail.id not in self.memory.rows]
        mails = self.chance.sample(new or self.mails, self.chance.randint(1, min(3, len(new or self.mails))))
        self.steps.append(f"arrive {[mail.id for mail in mails]}")
        self._store(mails)

    def _store(self, mails: list[Mail]) -> None:
        if mails not in self.unfinished:
            self.unfinished.append(mails)
        for mail in mails:
            self.memory.store(mail)
        link_mails(self.memory.context(), mails)
        if mails in self.unfinished:
            self.unfinished.remove(mails)

    def put_incident(self) -> None:
        context = self.memory.context()
        identifier = self.chance.choice(INCIDENTS)
        old = context.incidents.read(identifier)
        status = self.chance.choice([IncidentStatus.OPEN, IncidentStatus.OPEN, IncidentStatus.CLOSED])
        opened = self._time()
        closed = (
            opened + timedelta(hours=self.chance.randint(1, 200))
            if status is not IncidentStatus.OPEN
            else None
        )
        units = tuple(sorted(self.chance.sample(UNITS, self.chance.randint(0, 2))))
        if old is not None and old.value.status is IncidentStatus.MERGED:
            incident = replace(old.value, business_units=units)
        else:
            incident = Incident(
                identifier,
                "t",
                status,
                START,
                business_units=units,
                open_intervals=(OpenInterval(opened, closed),),
            )
        self.steps.append(f"put {identifier} {status} {units} {opened:%d %H} to {closed}")
        save_incident(context, incident, old.etag if old else None, _activity())

    def merge(self) -> None:
        context = self.memory.context()
        child, parent = self.chance.sample(INCIDENTS, 2)
        old = context.incidents.read(child)
        if old is None:
            return
        self.steps.append(f"merge {child} into {parent}")
        merged = replace(old.value, status=IncidentStatus.MERGED, merged_into=parent)
        merge_incident(context, merged, old.etag, _activity())

    def change_unit(self) -> None:
        context = self.memory.context()
        name = self.chance.choice(UNITS)
        addresses = tuple(self.chance.sample(PEOPLE, self.chance.randint(0, 2)))
        archived = self.chance.random() < 0.3
        domains = (f"{name}.example",) if self.chance.random() < 0.7 else ()
        self.steps.append(f"unit {name} {addresses} {domains} {archived}")
        work = unit_changed(context, name)
        self.memory.step("save unit")
        self.memory.units[name] = BusinessUnit(
            name, name, name, addresses=addresses, domains=domains, archived=archived
        )
        announce(context, work)

    def decide(self) -> None:
        stored = sorted(self.memory.rows)
        if not stored:
            return
        mail_id, change = self.chance.choice(stored), self.memory.new_id()
        known = sorted(self.memory.incident_rows)
        decision = PersonDecision(change, self.memory.now, "analyst")
        kind = self.chance.choice(["place", "refuse", "nowhere", "dismiss"])
        if kind == "place" and known:
            decision = replace(decision, placed_in=self.chance.choice(known))
        elif kind == "refuse" and known:
            decision = replace(decision, refused=(self.chance.choice(known),))
        elif kind == "nowhere":
            decision = replace(decision, nowhere=True)
        elif kind == "dismiss":
            decision = replace(decision, dismissed=True)
        else:
            return
        self.steps.append(f"decide {mail_id} {kind} {decision.placed_in or decision.refused}")
        self.decisions.append((mail_id, change))
        decide_by_person(self.memory.context(), mail_id, decision, _activity())

    def undo(self) -> None:
        if self.decisions:
            mail_id, change = self.chance.choice(self.decisions)
            self.steps.append(f"undo {mail_id} {change}")
            undo = PersonDecision(self.memory.new_id(), self.memory.now, "analyst")
            undo_decision(self.memory.context(), mail_id, change, undo, _activity())

    def work(self) -> None:
        while self.memory.queue:
            message = self.memory.queue[0]
            self.steps.append(f"work {message}")
            changed = read_changed(_json(message))
            relink(self.memory.context(), changed)
            if message in self.memory.queue:
                self.memory.queue.remove(message)
            if self.chance.random() < 0.2:
                self.memory.queue.append(message)  # delivered twice

    def sweep(self) -> None:
        self.memory.now += LOST_AFTER + timedelta(seconds=1)
        sweep_links(self.memory.context())

    def expected(self) -> dict[str, Decided]:
        units = UnitDirectory(self.memory.units.values())
        facts = [
            facts_of(
                row.mail, row.state.decision, units=units, authserv_id="mx.corp.example", token_keys=(KEY,)
            )
            for row in self.memory.rows.values()
        ]
        return decide_all(facts, IncidentBook.of(row.value for row in self.memory.incident_rows.values()))

    def check(self) -> None:
        units = UnitDirectory(self.memory.units.values())
        for mail_id, row in self.memory.rows.items():
            assert row.state.business_unit == business_unit_of(row.mail, units), f"unit {mail_id}"
        for mail_id, wanted in self.expected().items():
            row = self.memory.rows[mail_id]
            assert row.state.decided, f"decided {mail_id}"
            assert _essence(row.state.link) == _essence(wanted.link), (mail_id, row.state.link, wanted.link)
            assert (row.state.sender_verified, row.state.verified_reasons) == (
                wanted.verified,
                wanted.reasons,
            ), f"verified {mail_id}"
            assert row.state.shown_as == wanted.shown_as, f"shown_as {mail_id}"
            self._check_projections(mail_id)

    def _check_projections(self, mail_id: str) -> None:
        state = self.memory.rows[mail_id].state
        link = state.link
        tabs = {incident for incident, mails in self.memory.tab.items() if mail_id in mails}
        assert tabs == ({link.incident_id} if link and state.shown_as is None else set()), f"tab {mail_id}"
        assert (mail_id in self.memory.triage) == state.in_triage, f"triage {mail_id}"
        is_weak = state.in_triage or (link is not None and link.rule is LinkRule.BUSINESS_UNIT)
        assert (mail_id in self.memory.weak) == is_weak, f"weak {mail_id}"
        conversation = self.memory.rows[mail_id].mail.conversation_id
        if conversation:
            placed = self.memory.placements.get(keyed(conversation_key(conversation)), {}).get(mail_id)
            certain = link is not None and link.stratum is Stratum.CERTAIN
            assert placed == (link.incident_id if link and certain else None), f"placement {mail_id}"

    def _close_a_ring(self) -> None:
        """Three mails that name each other in a circle."""
        for place in range(3):
            named = (f"ring{(place + 1) % 3}@corp.example",)
            mail = self.mails[place]
            self.mails[place] = replace(
                mail,
                internet_message_id=f"<ring{place}@corp.example>",
                evidence=replace(
                    mail.evidence, in_reply_to=named, references=(*mail.evidence.references, *named)
                ),
            )

    def _time(self) -> datetime:
        return START + timedelta(hours=self.chance.randint(0, 200))

    def _mail(self, number: int) -> Mail:
        chance = self.chance
        names = [f"m{chance.randrange(7)}@corp.example" for _ in range(chance.choice([0, 0, 1, 1, 2, 3]))]
        own = number if chance.random() < 0.8 else chance.randrange(7)
        token = make_token(chance.choice(INCIDENTS), KEY) if chance.random() < 0.25 else ""
        if token and chance.random() < 0.2:
            token += make_token(chance.choice(INCIDENTS), KEY)
        verdict = chance.choice(["pass", "pass", "pass", "fail", ""])
        mailbox = "default" if chance.random() < 0.8 else "second"
        return Mail(
            id=f"{mailbox}.{number:032x}",
            mailbox_id=mailbox,
            received_at=self._time(),
            direction=Direction.OUTGOING if chance.random() < 0.2 else Direction.INCOMING,
            internet_message_id=f"<m{own}@corp.example>" if chance.random() < 0.95 else None,
            conversation_id=chance.choice(CONVERSATIONS),
            sender=Address("", chance.choice(PEOPLE)) if own == number else Address("", PEOPLE[0]),
            to=(Address("", chance.choice([*PEOPLE, "soc@corp.example"])),),
            subject=f"Re: {token} text" if own == number else "Re: the same",
            sent_at=START,
            evidence=Evidence(
                in_reply_to=tuple(names[:1]),
                references=tuple(names),
                authentication_results=(f"mx.corp.example; dmarc={verdict}",) if verdict else (),
            ),
        )


def _essence(link: object) -> object:
    """What the link says apart from which of several equal grounds it names."""
    if link is None:
        return None
    return (
        getattr(link, "incident_id", None),
        getattr(link, "rule", None),
        getattr(link, "state", None),
        getattr(link, "stratum", None),
        getattr(link, "evidence", None),
    )


def _activity() -> Activity:
    return Activity(START, "analyst", None, "mail.linked", "mail", None, None)


def _json(message: object) -> str:
    import json

    return json.dumps(message)
