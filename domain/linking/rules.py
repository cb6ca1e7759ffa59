"""Where one mail belongs, given where the mails it names belong.

Strata: certain (a person, a reference, a token), then the conversation, then the sender's business unit. Each
sees the results of earlier strata only, and through references the links that rest on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.linking.facts import MailFacts
from domain.linking.incident_book import IncidentBook
from domain.links import Link, LinkEvidence, LinkRule, LinkState, Stratum
from domain.mail import Direction
from domain.sender_authentication import Dmarc

OPENED_WITHIN = timedelta(hours=72)
STRATA = (Stratum.CERTAIN, Stratum.CONVERSATION, Stratum.BUSINESS_UNIT)
_RANK = {stratum: rank for rank, stratum in enumerate(STRATA)}


@dataclass(frozen=True)
class Surroundings:
    """What the rules need around a mail. `named`: by name, the stored mails that have it and whose reference
    counts (none of the mail's own cycle). `link`: where another mail is placed. `conversation`: incidents in
    which mails of its conversation are placed with certainty, asked for only where it matters."""

    named: Mapping[str, Sequence[str]]
    link: Callable[[str], Link | None]
    conversation: Callable[[], Sequence[str]]
    book: IncidentBook


def is_within(link: Link | None, stratum: Stratum) -> bool:
    """Whether the link is a result of this stratum or of an earlier one."""
    return link is not None and _RANK[link.stratum] <= _RANK[stratum]


def decide(facts: MailFacts, around: Surroundings, upto: Stratum = Stratum.BUSINESS_UNIT) -> Link | None:
    """The mail's place by the rules of the strata up to `upto`; None: it waits for a person."""
    decision = facts.decision
    if decision is not None:
        if decision.placed_in is not None:
            return Link(decision.placed_in, LinkRule.PERSON, LinkState.MANUAL, Stratum.CERTAIN)
        if decision.nowhere or decision.dismissed:
            return None
    rules: tuple[tuple[Stratum, Callable[[], Link | None]], ...] = (
        (Stratum.CERTAIN, lambda: _by_reference(facts, around, Stratum.CERTAIN)),
        (Stratum.CERTAIN, lambda: _by_token(facts, around)),
        (Stratum.CONVERSATION, lambda: _by_reference(facts, around, Stratum.CONVERSATION)),
        (Stratum.CONVERSATION, lambda: _by_conversation(facts, around)),
        (Stratum.BUSINESS_UNIT, lambda: _by_reference(facts, around, Stratum.BUSINESS_UNIT)),
        (Stratum.BUSINESS_UNIT, lambda: _by_unit(facts, around)),
    )
    for stratum, rule in rules:
        if _RANK[stratum] > _RANK[upto]:
            return None
        if (link := rule()) is not None:
            return link
    return None


def _refused(facts: MailFacts, book: IncidentBook, incident_id: str) -> bool:
    if facts.decision is None:
        return False
    return book.root(incident_id) in {book.root(one) for one in facts.decision.refused}


def _by_reference(facts: MailFacts, around: Surroundings, stratum: Stratum) -> Link | None:
    """The first name whose mail is placed. A name that mails of several incidents have says nothing."""
    book = around.book
    for name in facts.names:
        placed = [
            (mail_id, link)
            for mail_id in around.named.get(name, ())
            if (link := around.link(mail_id)) is not None and is_within(link, stratum)
        ]
        if len({book.root(link.incident_id) for _, link in placed}) != 1:
            continue
        mail_id, parent = min(placed, key=lambda one: (_RANK[one[1].stratum], one[0]))
        if _refused(facts, book, parent.incident_id):
            continue
        suggested = parent.state is LinkState.SUGGESTED
        evidence = LinkEvidence(
            message_id=name,
            mail_id=mail_id,
            contradicted_by=_contradictions(facts, book, parent.incident_id),
        )
        state = LinkState.SUGGESTED if suggested else LinkState.LINKED
        return Link(parent.incident_id, LinkRule.REFERENCE, state, parent.stratum, evidence)
    return None


def _contradictions(facts: MailFacts, book: IncidentBook, incident_id: str) -> tuple[str, ...]:
    """Incidents of the mail's tokens, where they are others."""
    root = book.root(incident_id)
    named = (book.spelled(token.incident_id) for token in facts.tokens)
    return tuple(dict.fromkeys(one for one in named if one is not None and book.root(one) != root))


def _by_token(facts: MailFacts, around: Surroundings) -> Link | None:
    """Tokens of several incidents say nothing."""
    book = around.book
    named = [
        (token, incident_id)
        for token in facts.tokens
        if (incident_id := book.spelled(token.incident_id)) is not None
    ]
    if len({book.root(incident_id) for _, incident_id in named}) != 1:
        return None
    token, incident_id = named[0]
    if _refused(facts, book, incident_id):
        return None
    evidence = LinkEvidence(token=token.text)
    return Link(incident_id, LinkRule.TOKEN, LinkState.LINKED, Stratum.CERTAIN, evidence)


def _by_conversation(facts: MailFacts, around: Surroundings) -> Link | None:
    book = around.book
    if facts.conversation_id is None or facts.dmarc is Dmarc.FAIL or not facts.units:
        return None
    roots = {book.root(one) for one in around.conversation()}
    if len(roots) != 1:
        return None
    (root,) = roots
    shared = facts.units & book.units(root)
    if not shared or _refused(facts, book, root):
        return None
    evidence = LinkEvidence(conversation_id=facts.conversation_id, business_unit=min(shared))
    return Link(root, LinkRule.CONVERSATION, LinkState.LINKED, Stratum.CONVERSATION, evidence)


def _by_unit(facts: MailFacts, around: Surroundings) -> Link | None:
    """Exactly one incident of the sender's unit that was open when the mail came; where none was, exactly one
    opened soon after. A refused one is not replaced by another: the choice was not clear."""
    if facts.direction is not Direction.INCOMING or facts.dmarc is Dmarc.FAIL or facts.sender_unit is None:
        return None
    book, at = around.book, facts.received_at
    of_unit = book.of_unit.get(facts.sender_unit, ())
    hours = None
    roots = {book.root(one.id) for one in of_unit if one.was_open(at)}
    if not roots:
        soon = [one for one in of_unit if one.opened_between(at, at + OPENED_WITHIN)]
        roots = {book.root(one.id) for one in soon}
        opened = [each.opened_at for one in soon for each in one.open_intervals if each.opened_at > at]
        hours = int((min(opened) - at) / timedelta(hours=1)) if opened else None
    if len(roots) != 1:
        return None
    (root,) = roots
    if _refused(facts, book, root):
        return None
    evidence = LinkEvidence(business_unit=facts.sender_unit, opened_after_hours=hours)
    return Link(root, LinkRule.BUSINESS_UNIT, LinkState.SUGGESTED, Stratum.BUSINESS_UNIT, evidence)
