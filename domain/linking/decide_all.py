"""Every link at once, from everything that is known: what the links must be, whatever happened in between.

The stores hold what `linking` works out piece by piece; this is what it has to end in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from domain.linking.cycles import components
from domain.linking.facts import MailFacts
from domain.linking.incident_book import IncidentBook
from domain.linking.rules import STRATA, Surroundings, decide, is_within
from domain.linking.verify import verify_sender
from domain.links import Link, SenderVerified, Stratum

MAX_SHARERS = 19
"""More stored mails than that with one Message-ID: the name says nothing."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the rules say of a mail. `shown_as`: the same mail that came to another mailbox stands for it."""

    link: Link | None
    verified: SenderVerified
    reasons: tuple[str, ...]
    shown_as: str | None


def decide_all(mails: Iterable[MailFacts], book: IncidentBook) -> dict[str, Decided]:
    """By mail id."""
    by_id = {mail.id: mail for mail in mails}
    by_name: dict[str, list[str]] = {}
    for mail_id in sorted(by_id):
        if name := by_id[mail_id].own_name:
            by_name.setdefault(name, []).append(mail_id)
    edges = {mail_id: _targets(mail, by_name) for mail_id, mail in by_id.items()}
    order = components(edges)
    cycle_of = {member: number for number, cycle in enumerate(order) for member in cycle}
    named = {
        mail_id: counting_names(mail, by_name, set(order[cycle_of[mail_id]]))
        for mail_id, mail in by_id.items()
    }
    links: dict[str, Link | None] = {}
    conversations: Mapping[str, set[str]] = {}
    for stratum in STRATA:
        for mail_id in (member for cycle in order for member in cycle):
            if not is_within(links.get(mail_id), stratum):
                mail = by_id[mail_id]
                placed = conversations.get(mail.conversation_id or "", set())
                around = Surroundings(named[mail_id], links.get, partial(sorted, placed), book)
                links[mail_id] = decide(mail, around, stratum)
        if stratum is Stratum.CERTAIN:
            conversations = _conversations(by_id, links)
    return {
        mail_id: Decided(
            links[mail_id],
            *verify_sender(
                mail, links[mail_id], named=named[mail_id], facts_of=by_id.get, link_of=links.get, book=book
            ),
            shown_as(mail, [by_id[one] for one in by_name.get(mail.own_name or "", ())]),
        )
        for mail_id, mail in by_id.items()
    }


def counting_names(
    mail: MailFacts, by_name: Mapping[str, Iterable[str]], cycle: set[str]
) -> dict[str, tuple[str, ...]]:
    """Which mails each of its names means, without those of its own cycle."""
    found = {}
    for name in mail.names:
        meant = tuple(by_name.get(name, ()))
        if len(meant) <= MAX_SHARERS and (counting := tuple(one for one in meant if one not in cycle)):
            found[name] = counting
    return found


def shown_as(mail: MailFacts, sharers: Iterable[MailFacts]) -> str | None:
    """The first received of the same mails that came to several mailboxes, where it is another one."""
    same = [
        other
        for other in sharers
        if other.id == mail.id or (other.mailbox_id != mail.mailbox_id and other.likeness == mail.likeness)
    ]
    first = min(same, key=lambda one: (one.received_at, one.id), default=mail)
    return first.id if first.id != mail.id else None


def _targets(mail: MailFacts, by_name: Mapping[str, list[str]]) -> list[str]:
    return [
        target
        for name in mail.names
        if len(by_name.get(name, ())) <= MAX_SHARERS
        for target in by_name.get(name, ())
    ]


def _conversations(by_id: Mapping[str, MailFacts], links: Mapping[str, Link | None]) -> dict[str, set[str]]:
    placed: dict[str, set[str]] = {}
    for mail_id, mail in by_id.items():
        link = links[mail_id]
        if link is not None and link.stratum is Stratum.CERTAIN and mail.conversation_id:
            placed.setdefault(mail.conversation_id, set()).add(link.incident_id)
    return placed
