"""For a mail that waits in triage: which incidents it may belong to, and what speaks for each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.linking.facts import MailFacts
from domain.linking.rules import OPENED_WITHIN, Surroundings

MAX_CANDIDATES = 20


class Reason(StrEnum):
    """What speaks for an incident, strongest first; `REFUSED` speaks against it: a person said no."""

    REFERENCE = "reference"
    TOKEN = "token"
    CONVERSATION = "conversation"
    OPEN_FOR_UNIT = "openForBusinessUnit"
    OPENED_LATER = "openedLaterForBusinessUnit"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An incident (merges resolved) and its reasons, strongest first."""

    incident_id: str
    reasons: tuple[Reason, ...]


def candidates(facts: MailFacts, around: Surroundings) -> tuple[Candidate, ...]:
    """At most 20, those with the strongest reason first. Shows what the rules saw and found too unclear."""
    book = around.book
    found: dict[str, dict[Reason, None]] = {}

    def add(incident_id: str, reason: Reason) -> None:
        found.setdefault(book.root(incident_id), {})[reason] = None

    for name in facts.names:
        for mail_id in around.named.get(name, ()):
            if (link := around.link(mail_id)) is not None:
                add(link.incident_id, Reason.REFERENCE)
    for token in facts.tokens:
        if (incident_id := book.spelled(token.incident_id)) is not None:
            add(incident_id, Reason.TOKEN)
    if facts.conversation_id is not None:
        for incident_id in around.conversation():
            add(incident_id, Reason.CONVERSATION)
    of_unit = book.of_unit.get(facts.business_unit or "", ())
    for incident in of_unit:
        if incident.was_open(facts.received_at):
            add(incident.id, Reason.OPEN_FOR_UNIT)
        elif incident.opened_between(facts.received_at, facts.received_at + OPENED_WITHIN):
            add(incident.id, Reason.OPENED_LATER)
    for incident_id in facts.decision.refused if facts.decision else ():
        if book.root(incident_id) in found:
            add(incident_id, Reason.REFUSED)
    order = list(Reason)
    ranked = sorted(
        (
            Candidate(incident_id, tuple(sorted(reasons, key=order.index)))
            for incident_id, reasons in found.items()
        ),
        key=lambda one: (Reason.REFUSED in one.reasons, order.index(one.reasons[0]), one.incident_id),
    )
    return tuple(ranked[:MAX_CANDIDATES])
