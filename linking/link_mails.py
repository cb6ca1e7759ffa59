"""Links what arrived: called for every page of mails that was stored, and again when the page is repeated.

The pending row is written before anything is decided and removed last. Dies in between: the page comes again,
or the sweep finds the row; both end in the same links.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.linking_ports import PendingWork
from domain.links import LinkedMail
from domain.mail import Mail
from domain.ours import incident_key, tokens_of
from linking.context import INCIDENT_CHANGED_QUEUE, LinkContext
from linking.messages import changed_message
from linking.settle import UnsettledError, settle

INLINE_MAILS = 500
"""So many dependents are decided at once; the rest goes on from a queue message."""


def link_mails(context: LinkContext, mails: Sequence[Mail]) -> list[LinkedMail]:
    """Decides stored mails, whose rows and reference index are written. Raises what storage raises."""
    ids = sorted({mail.id for mail in mails})
    if not ids:
        return []
    # A row of its own for every try: what a dead try left half done is the sweep's to finish, by force.
    work = PendingWork("mail", ids[0], context.new_id(), context.clock.now(), {"mails": ids})
    context.pending.put(work)
    _index_tokens(context, mails)
    try:
        settled = settle(context, ids, forced=False, most=INLINE_MAILS)
    except UnsettledError:
        context.queue.send(INCIDENT_CHANGED_QUEUE, changed_message(work))
        return list(context.links.read(ids).values())
    context.pending.done(work)
    return [settled[one] for one in ids if one in settled]


def _index_tokens(context: LinkContext, mails: Sequence[Mail]) -> None:
    """Before the mails are decided: an incident that is saved from now on finds those with its token."""
    keys = context.token_keys.keys()
    tokens = [
        (context.mails.keyed_hash(incident_key(token.incident_id)), mail.id)
        for mail in mails
        for token in tokens_of(mail, keys)
    ]
    if tokens:
        context.links.index_tokens(tokens)
