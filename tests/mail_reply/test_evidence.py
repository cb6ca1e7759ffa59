"""What stored mails tell of sent ones: a copy, an answer and a bounce prove that a mail left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from domain import outbox_moves as moves
from domain.business_units import UnitDirectory
from domain.errors import ConflictError
from domain.mail import Mail
from domain.mime.message import MailContext, mail_from_message
from domain.mime.scanner import MessageScanner
from domain.outbox import Draft, OutboxEntry, OutboxState, OutcomeState, RecipientOutcome
from domain.server_items import ItemSummary
from domain.stored import Versioned
from mail_reply.evidence import EvidencePorts, note_stored_mails
from sandbox.exchange.bounces import Failure, Report, exchange_report, postfix_report
from sandbox.exchange.refusals import Refusal
from store.outbox_rows import message_ids
from tests.mail_reply.sending_world import ID, START, World

LATER = START + timedelta(minutes=1)
ORIGINAL = b"From: soc@corp.example\r\nMessage-ID: <m@corp.example>\r\nSubject: Re: x\r\n\r\nText\r\n"
REPORTS = [exchange_report, postfix_report]


@dataclass
class Stored:
    """One outbox entry in memory. `overtaken`: somebody else changes the entry first."""

    entry: OutboxEntry
    saves: int = 0
    overtaken: int = 0

    def read(self, entry_id: str) -> Any:
        return Versioned(self.entry, "1") if entry_id == self.entry.id else None

    def save(self, entry: OutboxEntry, etag: str) -> None:
        if self.overtaken:
            self.overtaken -= 1
            raise ConflictError("changed")
        self.entry, self.saves = entry, self.saves + 1

    def awaited(self) -> dict[str, str]:
        return dict.fromkeys(message_ids(self.entry), self.entry.id)

    def known_as(self, message_id: str) -> str | None:
        return self.awaited().get(message_id)

    def now(self) -> Any:
        return LATER

    def note(self, *mails: Mail) -> OutboxEntry:
        note_stored_mails(EvidencePorts(cast(Any, self), cast(Any, self)), mails)
        return self.entry

    def mail(self, raw: bytes, send_id: str | None = None) -> Mail:
        """Stored as the poll stores it."""
        scanner = MessageScanner()
        scanner.feed(raw)
        scanner.close()
        summary = ItemSummary("item", LATER, item_class="IPM.Note", send_id=send_id)
        context = MailContext("default", "soc@corp.example", UnitDirectory(()))
        return mail_from_message(scanner, summary, context, mail_id=f"default.{0:032x}", raw_sha256="")


def submitted(**changes: Any) -> OutboxEntry:
    """Nobody can say whether it left."""
    entry = replace(World().entry, to=("Ann@fin.example", "bob@fin.example"), **changes)
    claimed = moves.claim(entry, "claim", START)
    recorded = moves.record_draft(claimed, Draft("item", "key", "<theirs@corp.example>"), START)
    return moves.submit(recorded, START)


def sending() -> OutboxEntry:
    return submitted()


def unconfirmed() -> OutboxEntry:
    return moves.lose_sight(submitted(), START, "NoTrace")


def sent() -> OutboxEntry:
    return moves.confirm(submitted(), START, sent_at=START)


def report(action: Callable[[Report], bytes], *people: str, is_delay: bool = False) -> bytes:
    refusal = Refusal(
        "*", 451 if is_delay else 550, "4.4.1 Later" if is_delay else "5.1.1 No such user", True
    )
    failures = [Failure(one, refusal) for one in people]
    return action(
        Report(ORIGINAL, "<m@corp.example>", "Re: x", "soc@corp.example", "corp.example", failures, is_delay)
    )


COPY = b"From: soc@corp.example\r\nMessage-ID: <copy@corp.example>\r\nSubject: Re: x\r\n\r\nText\r\n"


@pytest.mark.parametrize("entry", [sending(), unconfirmed()])
def test_a_copy_in_sent_items_confirms_the_mail_and_tells_its_message_id(entry: OutboxEntry) -> None:
    stored = Stored(entry)
    noted = stored.note(stored.mail(COPY, send_id=ID))
    assert (noted.state, noted.sent_message_id) == (OutboxState.SENT, "<copy@corp.example>")
    assert noted.sent_at == LATER


def test_the_message_id_of_a_sent_mails_copy_is_noted_once() -> None:
    stored = Stored(sent())
    copy = stored.mail(COPY, send_id=ID)
    assert stored.note(copy).sent_message_id == "<copy@corp.example>"
    stored.note(copy)
    assert stored.saves == 1


def test_a_copy_of_an_earlier_try_says_nothing_about_the_one_under_way() -> None:
    entry = replace(submitted(), generation=2)
    stored = Stored(entry)
    assert stored.note(stored.mail(COPY, send_id=ID)) == entry


@pytest.mark.parametrize("entry", [sending(), unconfirmed()])
@pytest.mark.parametrize("name", ["m@corp.example", "theirs@corp.example"])
def test_an_answer_to_either_of_its_message_ids_confirms_the_mail(entry: OutboxEntry, name: str) -> None:
    stored = Stored(entry)
    answer = stored.mail(f"From: ann@fin.example\r\nIn-Reply-To: <{name}>\r\n\r\nThanks\r\n".encode())
    assert stored.note(answer).state is OutboxState.SENT


def test_what_names_something_else_or_comes_from_ourselves_proves_nothing() -> None:
    stored = Stored(sending())
    other = stored.mail(b"From: ann@fin.example\r\nIn-Reply-To: <other@x.example>\r\n\r\nThanks\r\n")
    own = stored.mail(b"From: soc@corp.example\r\nIn-Reply-To: <m@corp.example>\r\n\r\nMe\r\n")
    assert stored.note(other, own) == sending()


def test_an_entry_of_which_nothing_was_submitted_stays_as_it_is() -> None:
    entry = World().entry
    stored = Stored(entry)
    answer = stored.mail(b"From: ann@fin.example\r\nIn-Reply-To: <m@corp.example>\r\n\r\nThanks\r\n")
    assert stored.note(answer, stored.mail(COPY, send_id=ID)) == entry


@pytest.mark.parametrize("words", REPORTS)
@pytest.mark.parametrize("entry", [sending(), unconfirmed(), sent()])
def test_a_bounce_proves_that_the_mail_left_and_says_whom_it_did_not_reach(
    entry: OutboxEntry, words: Callable[[Report], bytes]
) -> None:
    stored = Stored(entry)
    bounce = stored.mail(report(words, "ann@FIN.example", "stranger@fin.example"))

    noted = stored.note(bounce)

    assert noted.state is OutboxState.SENT
    assert sorted((one.address, one.state, one.code) for one in noted.outcomes) == [
        ("Ann@fin.example", OutcomeState.BOUNCED, "5.1.1"),
        ("bob@fin.example", OutcomeState.ACCEPTED, ""),
    ]
    assert stored.note(bounce) == noted


def test_a_bounce_of_an_answer_to_the_mail_says_nothing_about_the_mail() -> None:
    stored = Stored(sent())
    raw = report(postfix_report, "bob@fin.example").replace(
        b"Message-ID: <m@corp.example>",
        b"Message-ID: <outlook@corp.example>\r\nIn-Reply-To: <m@corp.example>",
    )
    assert stored.note(stored.mail(raw)) == sent()


def test_a_bounce_in_words_alone_says_whom_the_mail_did_not_reach() -> None:
    stored = Stored(sent())
    raw = (
        b"From: MAILER-DAEMON@fin.example\r\nTo: soc@corp.example\r\nSubject: failure notice\r\n\r\n"
        b"<bob@fin.example>:\r\n550 5.1.1 unknown\r\n\r\n--- Below this line is a copy of the message.\r\n"
        b"\r\nReceived: by mx\r\nMessage-ID: <m@corp.example>\r\n\r\nText\r\n"
    )
    (bob,) = (one for one in stored.note(stored.mail(raw)).outcomes if one.state is OutcomeState.BOUNCED)
    assert (bob.address, bob.code) == ("bob@fin.example", "5.1.1")


def test_a_delay_is_told_and_a_bounce_after_it_is_final() -> None:
    stored = Stored(sent())
    delay = stored.mail(report(postfix_report, "bob@fin.example", is_delay=True))
    bounce = stored.mail(report(postfix_report, "bob@fin.example"))

    def bob(entry: OutboxEntry) -> RecipientOutcome:
        return next(one for one in entry.outcomes if one.address == "bob@fin.example")

    assert bob(stored.note(delay)).state is OutcomeState.DELAYED
    assert bob(stored.note(bounce)).state is OutcomeState.BOUNCED
    assert bob(stored.note(delay)).state is OutcomeState.BOUNCED


def test_a_deliverer_that_changes_the_entry_at_the_same_moment_loses_nothing() -> None:
    stored = Stored(unconfirmed(), overtaken=2)
    assert stored.note(stored.mail(COPY, send_id=ID)).state is OutboxState.SENT


@pytest.mark.parametrize(
    "raw",
    [
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b--\r\n',
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
        b"Content-Type: message/delivery-status\r\n\r\n\xff: \r\n\r\nFinal-Recipient: rfc822\r\n"
        b"Action: failed\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Message-ID: <m@corp.example>\r\n\r\n--b--\r\n",
    ],
)
def test_a_damaged_report_harms_nothing(raw: bytes) -> None:
    stored = Stored(sent())
    assert stored.note(stored.mail(raw)) == sent()
