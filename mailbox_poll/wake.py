"""When a mail is stored, the answers that waited for it are fetched and decided too, and the answers to
those.

A waiting row goes only after its answer is stored (or is gone from the server); what the server cannot give
now is for the caller to try again. Dies in between: the folder's checkpoint, or the queue message, has not
moved on, and the same rows are found again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.mail import Mail
from domain.mailboxes import MAILBOX_SYNC_QUEUE
from domain.mime.message import MailContext
from domain.ours import own_keys
from domain.server_items import Envelope
from domain.stored import WaitingAnswer
from mailbox_poll.context import PollContext
from mailbox_poll.decide import ENVELOPE_BATCH, VANISHED_CODES, ask_envelopes
from mailbox_poll.fetch import Fetcher
from mailbox_poll.messages import MAX_WOKEN, woken_message
from mailbox_poll.store_mails import store_mails

if TYPE_CHECKING:
    from domain.ports import MailServer


@dataclass(slots=True)
class Woken:
    """What became of answers of this mailbox that waited."""

    mails: dict[str, Mail] = field(default_factory=dict)
    """What became ours, by item id; unreadable ones included."""
    unread: list[WaitingAnswer] = field(default_factory=list)
    """Still on the server, which could not give them: worth another try."""


def hashes_of(poll: PollContext, stored: Sequence[Mail]) -> list[str]:
    """Keyed hashes under which answers to these mails wait."""
    keys = [key for mail in stored for key in own_keys(mail.internet_message_id, mail.conversation_id)]
    return [poll.mails.keyed_hash(key) for key in dict.fromkeys(keys)]


def wake_answers(poll: PollContext, server: MailServer, context: MailContext, hashes: Sequence[str]) -> Woken:
    """Stores what waited for one of these.

    Answers in another mailbox are that mailbox's work and get a message. Raises what the server and storage
    raise.
    """
    woken = Woken()
    tried: set[str] = set()  # mails can name each other in a circle
    while hashes:
        waiting = poll.mails.waiting_for(hashes, poll.clock.now())
        elsewhere = {answer.mailbox_id for answer in waiting} - {context.mailbox_id}
        for mailbox_id in sorted(elsewhere):
            for begin in range(0, len(hashes), MAX_WOKEN):
                part = hashes[begin : begin + MAX_WOKEN]
                poll.queue.send(MAILBOX_SYNC_QUEUE, woken_message(mailbox_id, part))
        here = [
            answer
            for answer in waiting
            if answer.mailbox_id == context.mailbox_id and answer.item_id not in tried
        ]
        tried.update(answer.item_id for answer in here)
        stored = _store_waiting(poll, server, context, here, woken)
        hashes = hashes_of(poll, stored)
    return woken


def _store_waiting(
    poll: PollContext,
    server: MailServer,
    context: MailContext,
    waiting: Sequence[WaitingAnswer],
    woken: Woken,
) -> list[Mail]:
    """The mails as they now stand; adds to `woken`."""
    if not waiting:
        return []
    by_item = {answer.item_id: answer for answer in waiting}
    item_ids = list(by_item)
    answers = [
        answer
        for begin in range(0, len(item_ids), ENVELOPE_BATCH)
        for answer in ask_envelopes(server, waiting[0].folder_id, item_ids[begin : begin + ENVELOPE_BATCH])
    ]
    gone = {
        answer.item_id
        for answer in answers
        if not isinstance(answer, Envelope) and answer.code in VANISHED_CODES
    }
    envelopes = [answer for answer in answers if isinstance(answer, Envelope)]
    stored: list[Mail] = []
    done = set(gone)
    for folder_id in sorted({answer.folder_id for answer in waiting}):
        here = [e for e in envelopes if by_item[e.summary.item_id].folder_id == folder_id]
        for result in Fetcher(poll, server, context, folder_id).fetch(here):
            stored += store_mails(poll, context.mailbox_id, folder_id, result.mails)
            woken.mails |= result.mails
            done |= result.mails.keys() - set(result.worth_another_try)
            if result.interrupted:
                raise result.interrupted
    for answer in waiting:
        if answer.item_id in done:
            poll.mails.delete_waiting(answer)
        else:
            woken.unread.append(answer)
    return stored
