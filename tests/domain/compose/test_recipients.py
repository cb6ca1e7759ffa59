"""Whom an answer goes to."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.compose.message import Mode
from domain.compose.recipients import Recipients, reply_recipients, shown_name
from domain.mail import Address, Direction, Mail

OWN = ("soc@corp.example", "security@corp.example")
ANN = Address("Ann", "ann@fin.example")
BEN = Address("Ben", "ben@fin.example")
CLARA = Address("Clara", "clara@hr.example")
SOC = Address("SOC", "SOC@Corp.example")
ALIAS = Address("", "security+inc@corp.example")


def mail(
    sender: Address | None,
    to: tuple[Address, ...] = (),
    cc: tuple[Address, ...] = (),
    reply_to: tuple[Address, ...] = (),
) -> Mail:
    received_at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    return Mail(
        "default.1",
        "default",
        received_at,
        Direction.INCOMING,
        sender=sender,
        to=to,
        cc=cc,
        reply_to=reply_to,
    )


def test_a_reply_goes_to_the_sender() -> None:
    assert reply_recipients(mail(ANN, (SOC, BEN)), Mode.REPLY, OWN) == Recipients(to=(ANN,))


def test_a_reply_goes_to_reply_to_where_there_is_one() -> None:
    assert reply_recipients(mail(ANN, (SOC,), reply_to=(BEN, CLARA)), Mode.REPLY, OWN) == Recipients(
        (BEN, CLARA)
    )


def test_a_reply_to_that_names_only_ourselves_does_not_count() -> None:
    assert reply_recipients(mail(ANN, (SOC,), reply_to=(SOC,)), Mode.REPLY, OWN) == Recipients((ANN,))


def test_a_mail_that_we_sent_is_answered_to_whom_it_went() -> None:
    assert reply_recipients(mail(SOC, (ANN, BEN), (CLARA,)), Mode.REPLY, OWN) == Recipients((ANN, BEN))
    assert reply_recipients(mail(SOC, (ANN,), (CLARA,)), Mode.REPLY_ALL, OWN) == Recipients((ANN,), (CLARA,))


def test_reply_all_takes_everybody_once_without_the_mailbox_its_aliases_and_their_sub_addresses() -> None:
    again = Address("Ann again", "ANN@fin.example")
    thread = mail(ANN, (SOC, BEN, again), (ALIAS, CLARA, again, Address("", "ben@FIN.example")))
    assert reply_recipients(thread, Mode.REPLY_ALL, OWN) == Recipients((ANN, BEN), (CLARA,))


def test_one_person_under_two_forms_of_a_domain_is_one_recipient() -> None:
    thread = mail(Address("", "a@bücher.example"), (Address("", "a@xn--bcher-kva.example"), SOC))
    assert len(reply_recipients(thread, Mode.REPLY_ALL, OWN).to) == 1


def test_sub_addresses_of_others_are_mailboxes_of_their_own() -> None:
    thread = mail(ANN, (Address("", "ann+list@fin.example"), SOC))
    assert len(reply_recipients(thread, Mode.REPLY_ALL, OWN).to) == 2


def test_forwards_new_mails_and_mails_without_a_sender_are_filled_in_by_nobody() -> None:
    assert reply_recipients(mail(ANN, (SOC,)), Mode.FORWARD, OWN) == Recipients()
    assert reply_recipients(mail(ANN, (SOC,)), Mode.NEW, OWN) == Recipients()
    assert reply_recipients(mail(None, (SOC,)), Mode.REPLY, OWN) == Recipients()
    assert reply_recipients(mail(Address("Postmaster", "")), Mode.REPLY_ALL, OWN) == Recipients()


def test_names_are_one_line_of_bounded_length_that_turns_no_text() -> None:
    assert shown_name("Ann\r\nBcc: x\u202e <b@x.example>") == "Ann Bcc: x <b@x.example>"
    assert len(shown_name("n" * 5_000)) == 256
