"""Which incidents the mails of a triage page may belong to. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from domain.linking.candidates import Candidate, candidates
from domain.linking.rules import Surroundings
from domain.links import LinkedMail
from linking.context import LinkContext
from linking.surroundings import Around


def find_candidates(context: LinkContext, mails: Sequence[LinkedMail]) -> dict[str, tuple[Candidate, ...]]:
    """By mail id, in batched reads for all of them. Raises what storage raises."""
    if not mails:
        return {}
    around = Around(context, mails)
    found = {}
    for mail in mails:
        facts = around.facts(mail.mail.id)
        assert facts is not None
        ask = partial(around.conversation, facts, placed_before=False)
        found[mail.mail.id] = candidates(
            facts, Surroundings(around.named(facts), around.link, ask, around.book)
        )
    return found
