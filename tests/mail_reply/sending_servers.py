"""The mail servers of a `World`: Exchange and SMTP, with the rules that matter for sending."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from domain.configuration import SmtpServer
from domain.errors import RetryLaterError
from domain.mailboxes import MailboxSettings
from domain.outbox import Draft
from domain.sending_ports import (
    AnswerLostError,
    DraftChangedError,
    DraftGoneError,
    FoundMail,
    SentPlace,
    SmtpResult,
)

if TYPE_CHECKING:
    from tests.mail_reply.sending_world import World

START = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)


@dataclass
class Item:
    """A draft on the server, or a copy in Sent Items once `visible_at` is over."""

    draft: Draft
    send_id: str
    place: SentPlace = SentPlace.DRAFTS
    visible_at: datetime = START


@dataclass
class Senders:
    """Exchange, as far as sending goes: an item is sent by one request only, whatever comes at once."""

    world: World

    def open_sender(self, settings: MailboxSettings) -> Senders:
        return self

    def create_draft(
        self, message: Callable[[], Iterator[bytes]], *, send_id: str, **recipients: Sequence[str]
    ) -> Draft:
        def create() -> Draft:
            for _ in message():
                pass
            number = self.world.number()
            draft = Draft(f"item-{number}", f"key-{number}", f"<{number}@corp.example>")
            self.world.items.append(Item(draft, send_id))
            return draft

        return self.world.call("CreateItem", create)

    def find_sent(self, send_id: str, created_after: datetime) -> list[FoundMail]:
        def find() -> list[FoundMail]:
            return [
                FoundMail(one.place, one.draft, is_submitted=False)
                for one in self.world.items
                if one.send_id == send_id and one.visible_at <= self.world.now_at
            ]

        return self.world.call("FindItem", find)

    def send_draft(self, draft: Draft) -> None:
        def send() -> None:
            there = next((one for one in self.world.items if one.draft.item_id == draft.item_id), None)
            if there is None or there.place is SentPlace.SENT_ITEMS:
                raise DraftGoneError
            if there.draft.change_key != draft.change_key:
                raise DraftChangedError
            there.place, there.visible_at = SentPlace.SENT_ITEMS, self.world.now_at + self.world.copy_delay
            there.draft = replace(there.draft, item_id=f"sent-{self.world.number()}")
            self.world.left.append(there.send_id)

        self.world.call("SendItem", send)

    def delete_draft(self, draft: Draft) -> None:
        def delete() -> None:
            self.world.items = [one for one in self.world.items if one.draft.item_id != draft.item_id]

        self.world.call("DeleteItem", delete)


@dataclass
class Smtp:
    """An SMTP server: the answer to the end of DATA is what counts."""

    world: World

    def send(
        self,
        server: SmtpServer,
        *,
        sender: str,
        recipients: Sequence[str],
        message: Callable[[], Iterator[bytes]],
        before_data: Callable[[], None],
        still_at_work: Callable[[], None],
    ) -> SmtpResult:
        world = self.world
        world.call("RCPT", lambda: None)
        refused = world.refused_recipients
        if refused and {one.address for one in refused} >= set(recipients):
            return SmtpResult(False, refused, refused[0].code)
        before_data()
        accepted, code = world.data_answer

        def data() -> SmtpResult:
            for _ in message():
                pass
            if accepted:
                world.left.append(world.entry.id)
            return SmtpResult(accepted, refused, code)

        try:
            return world.call("end of DATA", data)
        except RetryLaterError as error:
            raise AnswerLostError(error.code) from error
