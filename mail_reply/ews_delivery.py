"""Delivery over EWS: one recorded draft, sent once.

Before `submitting` is written nothing can have left, and a draft that is not the recorded one is removed.
From then on absence proves nothing and no new draft is made: the recorded draft is sent again only where it
is still there, unchanged, a draft and not on its way; found in Sent Items means sent; neither means to look
again.

Dies after the draft is made and before it is recorded: the next deliverer finds it by its send id and removes
it. Dies after `SendItem`, or its answer is lost: the next one finds the copy, or the draft, or nothing yet.
"""

from __future__ import annotations

import logging

from domain import outbox_moves as moves
from domain.errors import AdminActionError, BoundaryError, ConflictError, RetryLaterError
from domain.outbox import Draft
from domain.sending_ports import DraftChangedError, DraftGoneError, DraftSender, FoundMail, SentPlace
from mail_reply.context import CLOCK_DIFFERENCE
from mail_reply.delivery import Delivery

_log = logging.getLogger(__name__)


def deliver_over_ews(delivery: Delivery) -> None:
    """Raises `RetryLaterError`, `AdminActionError` (the caller knows by the entry whether anything was
    submitted) and `ConflictError`."""
    sender = _open(delivery)
    if delivery.entry.is_submitted:
        _go_on(delivery, sender)
        return
    under_way = _tidy(delivery, sender)
    if under_way is not None:
        _adopt(delivery, under_way)
        return
    if delivery.entry.draft is None:
        _make_draft(delivery, sender)
    _submit(delivery, sender)


def look_for_lost(delivery: Delivery) -> None:
    """An unconfirmed mail is looked for; it is never sent from here. Raises `ConflictError`, and what the
    server raises is the next look's."""
    try:
        found = _find(delivery, _open(delivery))
    except (RetryLaterError, AdminActionError) as trouble:
        delivery.look_again(trouble)
        return
    copy = _sent_copy(found)
    if copy is not None:
        delivery.sent(copy.draft.message_id or None)
    else:
        delivery.look_again()


def _open(delivery: Delivery) -> DraftSender:
    settings = delivery.context.mailboxes.read_settings(delivery.entry.mailbox_id)
    if settings is None:
        raise AdminActionError("MailboxNotConfigured", "The mailbox was removed.")
    return delivery.context.senders.open_sender(settings.value)


def _find(delivery: Delivery, sender: DraftSender) -> list[FoundMail]:
    return sender.find_sent(delivery.entry.send_id, delivery.entry.created_at - CLOCK_DIFFERENCE)


def _sent_copy(found: list[FoundMail]) -> FoundMail | None:
    return next((one for one in found if one.place is SentPlace.SENT_ITEMS), None)


def _tidy(delivery: Delivery, sender: DraftSender) -> FoundMail | None:
    """Before anything is submitted: removes every draft that is not the recorded one, and forgets a recorded
    one that is gone or changed. Answers a mail that somebody else sends or has sent (a person can open the
    draft in Outlook): that is the mail then."""
    recorded = delivery.entry.draft
    found = _find(delivery, sender) if delivery.entry.attempts > 1 else []
    if (copy := _sent_copy(found)) is not None:
        return copy
    is_there = False
    for one in found:
        if one.is_submitted:
            return one
        if recorded is not None and one.draft == recorded:
            is_there = True
        else:
            sender.delete_draft(one.draft)
    if recorded is not None and not is_there:
        _make_draft(delivery, sender)
    return None


def _adopt(delivery: Delivery, found: FoundMail) -> None:
    entry = delivery.entry
    if entry.draft != found.draft:
        entry = moves.record_draft(entry, found.draft, delivery.now)
    delivery.save(moves.submit(entry, delivery.now))
    if found.place is SentPlace.SENT_ITEMS:
        delivery.sent(found.draft.message_id or None)
    else:
        delivery.look_again()


def _make_draft(delivery: Delivery, sender: DraftSender) -> None:
    entry = delivery.entry
    draft = sender.create_draft(
        delivery.message, send_id=entry.send_id, to=entry.to, cc=entry.cc, bcc=entry.bcc
    )
    try:
        delivery.save(moves.record_draft(delivery.entry, draft, delivery.now))
    except ConflictError:
        _remove(sender, draft)
        raise


def _remove(sender: DraftSender, draft: Draft) -> None:
    try:
        sender.delete_draft(draft)
    except BoundaryError as trouble:
        # Nothing sends it: whoever has the entry now removes what is not recorded.
        _log.info("a draft that is not needed stays until the next look: %s", trouble.code)


def _submit(delivery: Delivery, sender: DraftSender) -> None:
    delivery.save(moves.submit(delivery.entry, delivery.now))
    _send(delivery, sender)


def _send(delivery: Delivery, sender: DraftSender) -> None:
    """The recorded draft, and what its answer means."""
    draft = delivery.entry.draft
    assert draft is not None
    try:
        sender.send_draft(draft)
    except (DraftGoneError, DraftChangedError):
        _look(delivery, sender, None)
    except (RetryLaterError, AdminActionError) as trouble:
        _look(delivery, sender, trouble)
    else:
        delivery.sent()


def _go_on(delivery: Delivery, sender: DraftSender) -> None:
    """An earlier deliverer submitted it."""
    found = _find(delivery, sender)
    if (copy := _sent_copy(found)) is not None:
        delivery.sent(copy.draft.message_id or None)
    elif _is_unsent(found, delivery.entry.draft):
        delivery.save(moves.submit(delivery.entry, delivery.now))
        _send(delivery, sender)
    else:
        delivery.look_again()


def _look(delivery: Delivery, sender: DraftSender, trouble: BoundaryError | None) -> None:
    """After a submission without success: what is there?"""
    found = _find(delivery, sender)
    if (copy := _sent_copy(found)) is not None:
        delivery.sent(copy.draft.message_id or None)
    elif isinstance(trouble, AdminActionError) and _is_unsent(found, delivery.entry.draft):
        # The server refuses it and the draft lies there: it did not leave. Nothing may send it later.
        assert delivery.entry.draft is not None
        sender.delete_draft(delivery.entry.draft)
        delivery.save(moves.refuse(delivery.entry, delivery.now, trouble.code, trouble.server_message))
    else:
        delivery.look_again(trouble)


def _is_unsent(found: list[FoundMail], recorded: Draft | None) -> bool:
    """Whether the recorded draft is still there, unchanged, and not on its way."""
    return any(
        one.place is SentPlace.DRAFTS and one.draft == recorded and not one.is_submitted for one in found
    )
