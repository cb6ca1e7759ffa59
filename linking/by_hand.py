"""What a person decides about a mail, and taking it back.

The decision and the link that follows from it are one write of the mail's row; the pending row before it
makes sure that the mails which depend on it follow. The log's entry comes first. Dies before the row's write:
the log says what was tried and nothing was decided. Dies after it: the sweep does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from domain.errors import NotFoundError
from domain.linking_ports import PendingWork
from domain.links import MAX_HISTORY, UNDO_DAYS, LinkChange, LinkedMail, MailState, PersonDecision
from domain.stored import Activity
from linking.context import INCIDENT_CHANGED_QUEUE, LinkContext
from linking.link_mails import INLINE_MAILS
from linking.messages import changed_message
from linking.settle import UnsettledError, settle


class UndoRefusedError(Exception):
    """`code`: `UndoUnknown` (no such change of this mail), `UndoTooLate`, `ChangedSince`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def decide_by_person(
    context: LinkContext, mail_id: str, decision: PersonDecision, activity: Activity
) -> LinkedMail:
    """The mail as it then stands. Raises `NotFoundError` and what storage raises."""

    def edit(state: MailState) -> MailState:
        change = LinkChange(decision.at, state.link, decision, before=state.decision)
        return replace(state, decision=decision, history=(*state.history, change)[-MAX_HISTORY:])

    return _change(context, mail_id, decision.id, edit, activity)


def undo_decision(
    context: LinkContext, mail_id: str, change_id: str, undo: PersonDecision, activity: Activity
) -> LinkedMail:
    """What stood before the change stands again. `undo`: who takes it back, when, with an id of its own;
    nothing else of it counts. Raises `UndoRefusedError`, `NotFoundError` and what storage raises."""

    def edit(state: MailState) -> MailState:
        before = decision_before(state, change_id, undo.at)
        change = LinkChange(undo.at, state.link, undo, before=state.decision)
        return replace(state, decision=before, history=(*state.history, change)[-MAX_HISTORY:])

    return _change(context, mail_id, undo.id, edit, activity)


def decision_before(state: MailState, change_id: str, now: datetime) -> PersonDecision | None:
    """The decision that an undo of this change brings back. Raises `UndoRefusedError`."""
    changes = [one for one in state.history if one.decision is not None]
    change = next((one for one in changes if one.decision and one.decision.id == change_id), None)
    if change is None:
        raise UndoRefusedError("UndoUnknown")
    if changes[-1] is not change:
        raise UndoRefusedError("ChangedSince")
    if now - change.at > timedelta(days=UNDO_DAYS):
        raise UndoRefusedError("UndoTooLate")
    return change.before


def _change(
    context: LinkContext,
    mail_id: str,
    change: str,
    edit: Callable[[MailState], MailState],
    activity: Activity,
) -> LinkedMail:
    if mail_id not in context.links.read([mail_id]):
        raise NotFoundError(mail_id)
    work = PendingWork("mail", mail_id, change, context.clock.now(), {"mails": [mail_id]})
    context.pending.put(work)
    context.links.log(activity, change)
    try:
        settle(context, [mail_id], forced=False, edits={mail_id: edit}, most=INLINE_MAILS)
    except UnsettledError:
        context.queue.send(INCIDENT_CHANGED_QUEUE, changed_message(work))
    else:
        context.pending.done(work)
    return context.links.read([mail_id])[mail_id]
