"""Decides mails and everything that depends on them, until nothing changes any more.

Works in rounds: read the mails, then what they depend on; save what changes, each under its row's ETag;
project it; go on with those that depend on what changed. That order makes two workers, or a worker and an
arriving mail, see each other: who comes second sees the first one's writes, or meets a changed ETag and
decides again.

Dies anywhere: the pending row that the caller wrote first is found by the sweep, and `forced` walks the whole
way again, whatever was written already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from domain.linking.rules import Surroundings, decide
from domain.linking.verify import verify_sender
from domain.links import MAX_HISTORY, Link, LinkChange, LinkedMail, MailState, Stratum
from linking.context import LinkContext
from linking.surroundings import Around

BATCH = 100
MAX_ROUNDS = 2_000
"""More is no thread that people write: the pending row stays, and the work goes on from a message."""

Edit = Callable[[MailState], MailState]


class UnsettledError(Exception):
    """The work did not come to its end in `MAX_ROUNDS`, or within the caller's bound."""


@dataclass(slots=True)
class _Round:
    """What one round found to be looked at next."""

    settled: dict[str, LinkedMail] = field(default_factory=dict)
    again: dict[str, None] = field(default_factory=dict)
    """Somebody else changed the row: read it again."""
    next: dict[str, None] = field(default_factory=dict)


def settle(
    context: LinkContext,
    mail_ids: Iterable[str],
    *,
    forced: bool,
    edits: Mapping[str, Edit] | None = None,
    most: int | None = None,
    walked: set[str] | None = None,
) -> dict[str, LinkedMail]:
    """Decides these mails and their dependents; answers the given ones as they now stand.

    `edits`: changes of states that are made as the mails are decided, in the same write. `forced`: go on to
    dependents though nothing changes here. `walked`: mails from which a forced walk went on already; gets
    those of this one. `most`: raises `UnsettledError` beyond so many mails. Raises what storage raises.
    """
    wanted = list(dict.fromkeys(mail_ids))
    left_edits = dict(edits or {})
    queue = dict.fromkeys(wanted)
    first = dict.fromkeys(wanted)
    walked = set() if walked is None else walked
    settled: dict[str, LinkedMail] = {}
    count = 0
    for _ in range(MAX_ROUNDS):
        batch = list(queue)[:BATCH]
        if not batch:
            return {mail_id: settled[mail_id] for mail_id in wanted if mail_id in settled}
        for mail_id in batch:
            del queue[mail_id]
        count += len(batch)
        if most is not None and count > most + len(wanted):
            raise UnsettledError
        go_on = {mail_id for mail_id in batch if forced and mail_id not in walked}
        outcome = _round(context, batch, go_on, left_edits, first)
        walked |= go_on - outcome.again.keys()
        for mail_id in outcome.settled:
            left_edits.pop(mail_id, None)
            first.pop(mail_id, None)
        settled |= outcome.settled
        queue |= outcome.again
        queue |= outcome.next
    raise UnsettledError


def _round(
    context: LinkContext,
    batch: list[str],
    go_on: set[str],
    edits: Mapping[str, Edit],
    first: Mapping[str, None],
) -> _Round:
    """`go_on`: mails whose dependents are looked at in any case. `first`: mails that are projected in any
    case, since an earlier try may have died before that."""
    outcome = _Round()
    begun = context.links.relinks_begun()
    rows = context.links.read(batch)
    edited = {
        mail_id: replace(row, state=edits[mail_id](row.state)) if mail_id in edits else row
        for mail_id, row in rows.items()
    }
    around = Around(context, edited.values())
    states = {mail_id: _decide(context, around, edited[mail_id]) for mail_id in around.in_order()}
    changed = [(rows[mail_id], state) for mail_id, state in states.items() if state != rows[mail_id].state]
    saved = context.links.save(changed) if changed else {}
    if len(saved) < len(changed):
        # Others were decided by what this worker thought of the mails that it could not save.
        outcome.again |= dict.fromkeys(states)
    else:
        outcome.settled |= {mail_id: saved.get(mail_id, rows[mail_id]) for mail_id in states}
    context.links.project(
        [
            row
            for mail_id, row in outcome.settled.items()
            if mail_id not in saved and (mail_id in first or mail_id in go_on)
        ]
    )
    if context.links.relinks_begun() != begun:
        # An incident or a unit changed while these were decided by what was known before, and its re-decision
        # may have looked for its mails before they could be found.
        outcome.next |= dict.fromkeys(states)
    fresh = {mail_id for mail_id in saved if not rows[mail_id].state.decided}
    moved = {mail_id for mail_id in saved if rows[mail_id].state.link != saved[mail_id].state.link} | fresh
    forced = go_on & outcome.settled.keys()
    # Of the mails that are asked for, whoever decided them first may have died, or seen half of their index.
    asked_for = outcome.settled.keys() & (go_on | first.keys())
    # Those of this round were decided after the mails that they name, and with what was decided of them.
    named_by = _named_by(context, around, moved | asked_for)
    outcome.next |= {mail_id: None for mail_id in named_by if mail_id not in outcome.settled}
    for mail_id in fresh | asked_for:
        facts = around.facts(mail_id)
        assert facts is not None
        outcome.next |= dict.fromkeys(around.sharers(facts))
        if len(around.cycle(mail_id)) > 1:
            outcome.next |= dict.fromkeys(sorted(around.cycle(mail_id) - {mail_id}))
    outcome.next |= _of_conversations(context, around, rows, saved, forced)
    return outcome


def _decide(context: LinkContext, around: Around, linked: LinkedMail) -> MailState:
    """The state that the mail has to have."""
    state = linked.state
    facts = around.facts(linked.mail.id)
    assert facts is not None
    named = around.named(facts)
    had_place = state.link is not None and state.link.stratum is Stratum.CERTAIN
    surroundings = Surroundings(
        named,
        around.link,
        lambda: around.conversation(facts, placed_before=had_place or linked.mail.id in state.placed_before),
        around.book,
    )
    link = decide(facts, surroundings)
    # What a conversation names may have been read only while it was decided.
    verified, reasons = verify_sender(
        facts, link, named=named, facts_of=around.facts, link_of=around.link, book=around.book
    )
    around.decided(facts.id, link)
    return replace(
        state,
        decided=True,
        link=link,
        business_unit=facts.business_unit,
        sender_verified=verified,
        verified_reasons=reasons,
        shown_as=around.shown_as(facts),
        placed_before=_placed_before(state, link),
        history=_history(context, state, link),
    )


def _placed_before(state: MailState, link: Link | None) -> tuple[str, ...]:
    places = [one.incident_id for one in (state.link, link) if one is not None]
    return tuple(dict.fromkeys((*state.placed_before, *places)))


def _history(context: LinkContext, state: MailState, link: Link | None) -> tuple[LinkChange, ...]:
    """A change that a person just made gets its link; any other change of the link is an entry of its own."""
    history = state.history
    if history and history[-1].decision is not None and history[-1].decision.id == _just_made(state):
        return (*history[:-1], replace(history[-1], link=link))
    if state.decided and link == state.link:
        return history
    return (*history, LinkChange(context.clock.now(), link))[-MAX_HISTORY:]


def _just_made(state: MailState) -> str | None:
    """The id of a person's change that has not been decided yet."""
    last = state.history[-1]
    return last.decision.id if last.decision is not None and last.link == state.link else None


def _of_conversations(
    context: LinkContext,
    around: Around,
    rows: Mapping[str, LinkedMail],
    saved: Mapping[str, LinkedMail],
    forced: set[str],
) -> dict[str, None]:
    """The mails of conversations whose certain incidents have changed, or that are looked at in any case."""
    touched = {
        around.conversation_hash(rows[mail_id].mail.conversation_id or "")
        for mail_id, row in saved.items()
        if rows[mail_id].mail.conversation_id and _certain(rows[mail_id].state) != _certain(row.state)
    }
    in_any_case = {
        around.conversation_hash(conversation_id)
        for mail_id in forced
        if (conversation_id := rows[mail_id].mail.conversation_id)
    }
    asked = sorted(touched - in_any_case)
    now = context.links.conversation_incidents(asked) if asked else {}
    different = {digest for digest in asked if set(now[digest]) != set(around.conversations[digest])}
    return {
        mail_id: None
        for digest in sorted(different | in_any_case)
        for mail_id in context.links.members(digest)
    }


def _certain(state: MailState) -> str | None:
    return state.link.incident_id if state.link and state.link.stratum is Stratum.CERTAIN else None


def _named_by(context: LinkContext, around: Around, mail_ids: set[str]) -> dict[str, None]:
    """The mails that name one of these."""
    names = {
        facts.own_name
        for mail_id in mail_ids
        if (facts := around.facts(mail_id)) is not None and facts.own_name is not None
    }
    hashes = [context.mails.keyed_hash(name) for name in sorted(names)]
    if not hashes:
        return {}
    return {one: None for found in context.links.naming(hashes).values() for one in found}
