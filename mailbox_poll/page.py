"""One set of listed items to stored mails: decide, fetch, store, wake; used by pages of changes, walks and
arrivals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.business_units import UnitDirectory
from domain.errors import BoundaryError
from domain.identity import item_hash, unreadable_identity
from domain.mail import Mail
from domain.mime.message import MailContext
from domain.server_items import ItemFailure, ItemSummary
from mailbox_poll.context import PollContext
from mailbox_poll.decide import Decider, Decision
from mailbox_poll.fetch import Fetcher
from mailbox_poll.store_mails import store_mails
from mailbox_poll.wake import Woken, hashes_of, wake_answers

if TYPE_CHECKING:
    from domain.ports import MailServer


@dataclass(slots=True)
class Progress:
    """What one step of a page added. `handled`: hashes of the items that need no more work."""

    handled: list[str] = field(default_factory=list)
    tracked: int = 0
    unreadable: int = 0
    other: int = 0
    waiting: int = 0
    removed: int = 0
    retry: list[str] = field(default_factory=list)
    """Item ids that are worth another try later."""
    woken: dict[str, Mail] = field(default_factory=dict)
    """Answers that waited for these mails and are stored now too, by item id."""
    interrupted: BoundaryError | None = None


@dataclass(frozen=True, slots=True)
class FolderWork:
    """A folder being worked on in one invocation. `units` was read after the folder's row (see
    `folder_sync`)."""

    poll: PollContext
    server: MailServer
    mailbox_id: str
    folder_id: str
    units: UnitDirectory

    @property
    def context(self) -> MailContext:
        """What rows need from around a mail."""
        return MailContext(self.mailbox_id, self.server.own_address(), self.units)

    def decide(self, summaries: Sequence[ItemSummary], *, summaries_are_full: bool) -> Decision:
        """See `Decider`. Answers that wait are written down at once, then looked for again: their message
        may have
        been stored between the look-up and the note, and then nobody else would find them."""
        decider = Decider(
            self.server,
            self.poll.mails,
            self.context,
            self.folder_id,
            self.poll.clock.now(),
            summaries_are_full,
            self.poll.linking.token_keys.keys,
        )
        decision = decider.decide(summaries)
        if decision.waiting:
            self.poll.mails.put_waiting(decision.waiting)
            named = {one for answer in decision.waiting for one in answer.named}
            if known := self.poll.mails.known_among(named):
                woken = wake_answers(self.poll, self.server, self.context, sorted(known))
                decision.undecidable += [ItemFailure(one, "NotRead") for one in self._unread(woken)]
        return decision

    def store(self, decision: Decision) -> Iterator[Progress]:
        """Fetches and stores what is ours, a batch a step; ends after a step with `interrupted`."""
        for result in Fetcher(self.poll, self.server, self.context, self.folder_id).fetch(decision.ours):
            stored = store_mails(self.poll, self.mailbox_id, self.folder_id, result.mails)
            self._drop_unreadable(decision, result.mails)
            woken = wake_answers(self.poll, self.server, self.context, hashes_of(self.poll, stored))
            unread = self._unread(woken)
            unreadable = sum(mail.problem is not None for mail in result.mails.values())
            yield Progress(
                handled=[item_hash(item_id) for item_id in result.mails],
                tracked=len(result.mails) - unreadable,
                unreadable=unreadable + sum(one not in woken.mails for one in unread),
                retry=[*result.worth_another_try, *unread],
                woken=woken.mails,
                interrupted=result.interrupted,
            )

    def _unread(self, woken: Woken) -> list[str]:
        """Item ids of this folder; another folder's waiting rows stay as they are."""
        return [answer.item_id for answer in woken.unread if answer.folder_id == self.folder_id]

    def _drop_unreadable(self, decision: Decision, mails: Mapping[str, Mail]) -> None:
        """A mail that could not be read before, since a person moved it between list and fetch or the server
        had trouble with it, is stored now: the record of that goes, whoever made it (a page that died before
        its checkpoint, arrivals, an earlier walk). PidTagSearchKey survives a move."""
        read = [
            envelope.summary
            for envelope in decision.ours
            if (mail := mails.get(envelope.summary.item_id)) is not None and mail.problem is None
        ]
        if read and self.poll.mails.unreadable_recorded(self.mailbox_id):
            self.poll.mails.drop_unreadable(
                [
                    unreadable_identity(self.mailbox_id, search_key=one.search_key, item_id=one.item_id)
                    for one in read
                ]
            )
