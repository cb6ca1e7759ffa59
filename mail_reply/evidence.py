"""Mails that were stored tell what became of mails that were sent: a copy in Sent Items and an answer prove
that one left, a bounce proves it too and says whom it did not reach.

Called for every batch of stored mails before the poll's checkpoint, and again where the poll died in between;
the same evidence twice changes nothing. Each entry changes under its ETag.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from domain import outbox_moves as moves
from domain.errors import ConflictError, RetryLaterError
from domain.mail import Direction, Mail, MailKind, Report, ReportedRecipient
from domain.outbox import OutboxEntry, OutboxState, OutcomeState, RecipientOutcome

if TYPE_CHECKING:
    from domain.ports import Clock
    from domain.sending_ports import OutboxStore

_log = logging.getLogger(__name__)
_SEND_ID = re.compile(r"([A-Za-z0-9_]{1,100})(?:-\d{1,4})?")
_TRIES = 5
_ACTIONS = {"failed": OutcomeState.BOUNCED, "delayed": OutcomeState.DELAYED}
_LASTING = (OutcomeState.BOUNCED, OutcomeState.REFUSED)


@dataclass(frozen=True, slots=True)
class EvidencePorts:
    """What evidence is read from and noted in."""

    outbox: OutboxStore
    clock: Clock


Change = Callable[[OutboxEntry, datetime], OutboxEntry]


def note_stored_mails(ports: EvidencePorts, mails: Sequence[Mail]) -> None:
    """Raises what storage raises. Costs nothing for mails that neither we sent nor answer any; one query for
    a batch with answers; a point read for each name in a bounce."""
    for mail in mails:
        if mail.evidence.send_id and mail.problem is None:
            _note_copy(ports, mail)
    _note_answers(ports, [mail for mail in mails if _is_answer(mail)])
    for mail in mails:
        if mail.kind is MailKind.BOUNCE and mail.evidence.report is not None:
            _note_bounce(ports, mail, mail.evidence.report)


def _note_copy(ports: EvidencePorts, mail: Mail) -> None:
    """Drafts are not stored: a stored mail with our send id has left."""
    match = _SEND_ID.fullmatch(mail.evidence.send_id or "")
    if match is None:
        return

    def change(entry: OutboxEntry, now: datetime) -> OutboxEntry:
        if entry.send_id != mail.evidence.send_id:
            return entry
        known = entry.sent_message_id or (entry.draft.message_id if entry.draft else entry.message_id)
        message_id = mail.internet_message_id or known
        if _may_have_left(entry):
            return moves.confirm(entry, now, sent_at=mail.received_at, sent_message_id=message_id)
        if entry.state is OutboxState.SENT and message_id != known:
            return replace(entry, sent_message_id=message_id)
        return entry

    _change(ports, match[1], change)


def _note_answers(ports: EvidencePorts, answers: Sequence[Mail]) -> None:
    if not answers or not (awaited := ports.outbox.awaited()):
        return
    for entry_id in {awaited[one] for mail in answers for one in _named(mail) if one in awaited}:
        _change(ports, entry_id, _left)


def _note_bounce(ports: EvidencePorts, mail: Mail, report: Report) -> None:
    """What the returned mail answered may have reached everybody: it is not what bounced."""
    names = report.message_ids or mail.evidence.in_reply_to
    entry_id = next((found for one in names if (found := ports.outbox.known_as(one))), None)
    if entry_id is not None:
        _change(ports, entry_id, lambda entry, now: _bounced(_left(entry, now), report, now))


def _left(entry: OutboxEntry, now: datetime) -> OutboxEntry:
    """Somebody has it, so it left."""
    if not _may_have_left(entry):
        return entry
    return moves.confirm(entry, now, sent_at=entry.submitted_at or now)


def _bounced(entry: OutboxEntry, report: Report, now: datetime) -> OutboxEntry:
    """Outcomes of recipients that the mail was sent to; a delay takes nothing back."""
    if entry.state is not OutboxState.SENT:
        return entry
    written = {one.lower(): one for one in (*entry.to, *entry.cc, *entry.bcc)}
    known = {one.address.lower(): one for one in entry.outcomes}
    for outcome in filter(None, map(_outcome, report.recipients)):
        address = written.get(outcome.address.lower())
        before = known.get(outcome.address.lower())
        if address is None or (before is not None and _is_old(before, outcome)):
            continue
        entry = moves.note_outcome(entry, replace(outcome, address=address), now)
    return entry


def _outcome(recipient: ReportedRecipient) -> RecipientOutcome | None:
    """What was delivered, relayed or expanded says no more than that the mail was taken."""
    state = _ACTIONS.get(recipient.action)
    if state is None:
        return None
    return RecipientOutcome(recipient.address, state, recipient.status or "", recipient.text)


def _is_old(before: RecipientOutcome, outcome: RecipientOutcome) -> bool:
    return before.state is outcome.state or before.state in _LASTING


def _may_have_left(entry: OutboxEntry) -> bool:
    return entry.is_submitted and entry.state in (OutboxState.SENDING, OutboxState.UNCONFIRMED)


def _is_answer(mail: Mail) -> bool:
    return mail.direction is Direction.INCOMING and mail.kind is not MailKind.BOUNCE and bool(_named(mail))


def _named(mail: Mail) -> tuple[str, ...]:
    return (*mail.evidence.in_reply_to, *mail.evidence.references)


def _change(ports: EvidencePorts, entry_id: str, change: Change) -> None:
    for _ in range(_TRIES):
        stored = ports.outbox.read(entry_id)
        if stored is None:
            return
        changed = change(stored.value, ports.clock.now())
        if changed == stored.value:
            return
        try:
            ports.outbox.save(changed, stored.etag)
        except ConflictError:
            continue
        _log.info("outbox entry %s: evidence of a stored mail, now %s", entry_id, changed.state)
        return
    raise RetryLaterError("StorageUnavailable", "the outbox entry keeps changing")
