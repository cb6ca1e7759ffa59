"""Which of a page's items are ours, with as few questions to the server and to storage as the answers allow.

Reads only; what it decides is written by the caller. A crash here leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.errors import BoundaryError, RetryLaterError
from domain.mime.headers import Headers, decode_words
from domain.mime.message import MailContext
from domain.ours import Named, is_ours_by_envelope, is_ours_by_summary, may_be_report, named_by
from domain.server_items import Envelope, ItemFailure, ItemSummary
from domain.stored import WaitingAnswer
from domain.subject_token import find_tokens, may_have_token
from mailbox_poll.reports import reported_messages

if TYPE_CHECKING:
    from domain.ports import MailServer, MailStore

ENVELOPE_BATCH = 50
MOST_BROKEN = 3
"""More items of one batch that break their connection are not the items' fault: the server is in trouble."""
_WAITING_DAYS = 90
VANISHED_CODES = ("ErrorItemNotFound",)


@dataclass(slots=True)
class Decision:
    """What became of the items. `ours`: to be fetched whole, with all that is known before that."""

    ours: list[Envelope] = field(default_factory=list)
    other: int = 0
    waiting: list[WaitingAnswer] = field(default_factory=list)
    undecidable: list[ItemFailure] = field(default_factory=list)
    """Items that could be neither decided nor read."""
    vanished: int = 0
    """Gone from the server before they could be decided."""
    drafts: int = 0


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides for one folder of one mailbox. `summaries_are_full`: False on walks, where only ids were
    listed."""

    server: MailServer
    mails: MailStore
    context: MailContext
    folder_id: str
    now: datetime
    summaries_are_full: bool
    token_keys: Callable[[], Sequence[bytes]]

    def decide(self, summaries: Sequence[ItemSummary]) -> Decision:
        """Raises what the server and storage raise."""
        decision = Decision()
        undecided: list[ItemSummary] = []
        for summary in summaries:
            if summary.is_draft:
                decision.drafts += 1
            elif self.summaries_are_full and is_ours_by_summary(summary, self.context.units):
                decision.ours.append(Envelope(summary))
            else:
                undecided.append(summary)
        strangers: list[Envelope] = []
        for envelope in self._envelopes(undecided, decision):
            if envelope.summary.is_draft:
                decision.drafts += 1
            elif is_ours_by_envelope(envelope, self.context.units) or self._has_token(envelope):
                decision.ours.append(envelope)
            else:
                strangers.append(envelope)
        self._decide_by_names(strangers, decision)
        return decision

    def _envelopes(self, undecided: Sequence[ItemSummary], decision: Decision) -> Iterator[Envelope]:
        for begin in range(0, len(undecided), ENVELOPE_BATCH):
            batch = undecided[begin : begin + ENVELOPE_BATCH]
            for answer in ask_envelopes(self.server, self.folder_id, [one.item_id for one in batch]):
                if isinstance(answer, Envelope):
                    yield answer
                elif answer.code in VANISHED_CODES:
                    decision.vanished += 1
                else:
                    decision.undecidable.append(answer)

    def _has_token(self, envelope: Envelope) -> bool:
        subject = envelope.summary.subject or decode_words(Headers(envelope.headers).get("Subject"))
        return self._is_with_token(subject)

    def _is_with_token(self, subject: str) -> bool:
        """Whether the subject carries a token that this installation signed."""
        return may_have_token(subject) and bool(find_tokens(subject, self.token_keys()))

    def _decide_by_names(self, strangers: Sequence[Envelope], decision: Decision) -> None:
        names = {envelope.summary.item_id: named_by(envelope) for envelope in strangers}
        silent = [
            envelope
            for envelope in strangers
            if may_be_report(envelope) and not names[envelope.summary.item_id].message_ids
        ]
        about_ours = set()
        for item_id, report in reported_messages(self.server, silent).items():
            names[item_id] = Named((*report.message_ids, *report.answered), None)
            if self._is_with_token(report.subject):
                about_ours.add(item_id)
        hashes = {
            item_id: tuple(self.mails.keyed_hash(key) for key in named.keys)
            for item_id, named in names.items()
        }
        known = self.mails.known_among({one for named in hashes.values() for one in named})
        for envelope in strangers:
            named = hashes[envelope.summary.item_id]
            if known.intersection(named) or envelope.summary.item_id in about_ours:
                decision.ours.append(envelope)
                continue
            decision.other += 1
            if names[envelope.summary.item_id].message_ids:
                decision.waiting.append(self._waiting(envelope.summary.item_id, named))

    def _waiting(self, item_id: str, named: tuple[str, ...]) -> WaitingAnswer:
        return WaitingAnswer(
            mailbox_id=self.context.mailbox_id,
            folder_id=self.folder_id,
            item_id=item_id,
            named=named,
            expires_at=self.now + timedelta(days=_WAITING_DAYS),
        )


def ask_envelopes(
    server: MailServer, folder_id: str, item_ids: Sequence[str]
) -> list[Envelope | ItemFailure]:
    """A batch; where that breaks, one by one, so that an item that always breaks holds nothing up. Raises
    what concerns more than single items."""
    try:
        return server.envelopes(item_ids)
    except RetryLaterError as error:
        if error.back_off is not None:
            raise
    answers: list[Envelope | ItemFailure] = []
    broken = 0
    for item_id in item_ids:
        try:
            answers += server.envelopes([item_id])
        except RetryLaterError as again:
            broken += 1
            if again.back_off is not None or broken > MOST_BROKEN or not server_answers(server, folder_id):
                raise
            answers.append(ItemFailure(item_id, again.code, again.server_message))
    return answers


def server_answers(server: MailServer, folder_id: str) -> bool:
    """Whether the server answers a request that has nothing to do with one item."""
    try:
        server.folder_states([folder_id])
    except BoundaryError:
        return False
    return True
