"""The SMTP server as Python's smtplib sees it: logins, refusals, limits, where mails go."""

import smtplib
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.world.conftest import World
from tests.sandbox.world.smtp_client import SENDER, connect, left, mail, sign_in

LIMIT_BYTES = 36_700_160


@pytest.fixture
def smtp_world(world: World) -> Iterator[World]:
    """The world with nobody refusing mails."""
    world.control.run("accept", address=None)
    yield world
    world.control.run("accept", address=None)
    world.control.run("message-size-limit", size_bytes=LIMIT_BYTES)


def arrives(world: World, mailbox: str, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The item of an inbox, as soon as it is there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for item in world.control.run("items", mailbox=mailbox, folder="Inbox"):
            if is_it(item):
                return dict(item)
        time.sleep(0.05)
    raise AssertionError(f"nothing of that kind came into {mailbox}")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_of_a_signed_in_client_reaches_the_mailbox_and_the_outbound_list(
    smtp_world: World, security: str
) -> None:
    message = mail(Cc="hr@hr.example", Subject="Größe")
    with sign_in(smtp_world, security) as client:
        refused = client.send_message(
            message, to_addrs=["fin@fin.example", "hr@hr.example", "else@partner.example"]
        )

    assert refused == {}
    [entry] = left(smtp_world, message)
    assert (entry["to"], entry["cc"], entry["bcc"]) == (
        ["fin@fin.example"],
        ["hr@hr.example"],
        ["else@partner.example"],
    )
    assert (entry["via"], entry["subject"], entry["from"]) == ("smtp", "Größe", SENDER)
    arrives(smtp_world, "hr@hr.example", lambda item: item["message_id"] == message["Message-ID"])


def test_the_kept_message_is_what_was_sent_with_its_bcc_and_its_dots(smtp_world: World) -> None:
    message = mail(Bcc="hr@hr.example")
    raw = message.as_bytes().replace(b"\n", b"\r\n") + b".dot\r\n..\r\n"
    with sign_in(smtp_world) as client:
        client.sendmail(SENDER, ["hr@hr.example"], raw)

    [entry] = left(smtp_world, message)
    assert Path(entry["eml"]).read_bytes() == raw


def test_a_message_without_a_message_id_gets_one(smtp_world: World) -> None:
    with sign_in(smtp_world) as client:
        client.sendmail(SENDER, ["fin@fin.example"], b"Subject: bare\r\n\r\nx\r\n")

    assert smtp_world.control.run("outbound")[-1]["messageId"].endswith("@mx.corp.example>")


def test_a_login_is_offered_after_starttls_only(smtp_world: World) -> None:
    settings = smtp_world.control.run("smtp-settings", security="starttls")
    with smtplib.SMTP(settings["host"], settings["port"], timeout=10) as client:
        client.ehlo()
        assert client.has_extn("starttls")
        assert not client.has_extn("auth")
        assert client.mail(SENDER) == (530, b"Must issue a STARTTLS command first")
    with connect(smtp_world) as client:
        assert sorted(client.esmtp_features["auth"].split()) == ["LOGIN", "PLAIN"]


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_both_mechanisms_sign_in(smtp_world: World, mechanism: str) -> None:
    settings = smtp_world.control.run("smtp-settings", security="tls")
    with connect(smtp_world, "tls") as client:
        client.user, client.password = settings["userName"], settings["password"]
        name = mechanism.removeprefix("auth_").upper()
        code, _ = client.auth(name, getattr(client, mechanism))
    assert code == 235


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_wrong_password_is_refused_and_nothing_is_taken_without_a_login(
    smtp_world: World, security: str
) -> None:
    with connect(smtp_world, security) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
            client.login(SENDER, "guessed")
        assert refusal.value.smtp_code == 535
        assert client.mail(SENDER)[0] == 530


def test_the_relay_takes_mails_without_tls_and_without_a_login(smtp_world: World) -> None:
    message = mail()
    with connect(smtp_world, "none") as client:
        assert not client.has_extn("starttls")
        client.send_message(message)

    assert len(left(smtp_world, message)) == 1


def test_a_sender_of_another_organisation_is_refused(smtp_world: World) -> None:
    with sign_in(smtp_world) as client, pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        client.sendmail("ceo@partner.example", ["fin@fin.example"], b"x")

    assert refusal.value.smtp_code == 550


def test_refused_recipients_are_named_with_their_answers_and_the_others_get_the_mail(
    smtp_world: World,
) -> None:
    message = mail()
    smtp_world.control.run(
        "refuse", address="gone@fin.example", code=550, text="5.1.1 User unknown", later=False
    )
    smtp_world.control.run("refuse", address="*@busy.example", code=451, text="4.7.1 Greylisted", later=False)
    with sign_in(smtp_world) as client:
        refused = client.send_message(
            message, to_addrs=["gone@fin.example", "fin@fin.example", "a@busy.example"]
        )

    assert refused == {
        "gone@fin.example": (550, b"5.1.1 User unknown"),
        "a@busy.example": (451, b"4.7.1 Greylisted"),
    }
    [entry] = left(smtp_world, message)
    assert entry["to"] + entry["cc"] + entry["bcc"] == ["fin@fin.example"]


def test_nothing_leaves_where_every_recipient_is_refused(smtp_world: World) -> None:
    message = mail()
    smtp_world.control.run("refuse", address="*@*", code=550, text="5.7.1 No", later=False)
    with sign_in(smtp_world) as client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.send_message(message)

    assert left(smtp_world, message) == []


def test_a_recipient_who_is_refused_later_is_taken_and_bounces(smtp_world: World) -> None:
    message = mail(From="soc@corp.example", Subject=f"bounces {uuid.uuid4()}")
    smtp_world.control.run("refuse", address="gone@p.example", code=550, text="5.1.1 No user", later=True)
    with sign_in(smtp_world) as client:
        assert client.send_message(message, to_addrs=["gone@p.example"]) == {}

    report = arrives(
        smtp_world, "soc@corp.example", lambda item: item["subject"] == "Undelivered Mail Returned to Sender"
    )
    assert report["item_class"] == "REPORT.IPM.Note.NDR"


def test_the_size_limit_is_announced_and_held(smtp_world: World) -> None:
    smtp_world.control.run("message-size-limit", size_bytes=2000)
    large = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 40
    with sign_in(smtp_world) as client:
        assert client.esmtp_features["size"] == "2000"
        with pytest.raises(smtplib.SMTPSenderRefused) as told:
            client.sendmail(SENDER, ["fin@fin.example"], large)
        assert told.value.smtp_code == 552
        client.mail(SENDER)  # a client that does not say how large its message is
        client.rcpt("fin@fin.example")
        assert client.data(large)[0] == 552
    assert smtp_world.calls("smtp")["EndOfData"] == 1


def test_more_than_500_recipients_are_refused_one_by_one(smtp_world: World) -> None:
    with sign_in(smtp_world) as client:
        client.mail(SENDER)
        codes = [client.rcpt(f"r{number}@many.example")[0] for number in range(502)]

    assert codes == [250] * 500 + [452] * 2


def test_an_international_address_needs_smtputf8(smtp_world: World) -> None:
    with sign_in(smtp_world) as client:
        assert client.has_extn("smtputf8")
        client.command_encoding = "utf-8"
        assert client.mail(SENDER)[0] == 250
        assert client.rcpt("jürgen@fin.example")[0] == 553
        client.rset()
        assert client.mail(SENDER, ["SMTPUTF8"])[0] == 250
        assert client.rcpt("jürgen@fin.example")[0] == 250


def test_hostile_lines_are_answered_and_the_connection_goes_on(smtp_world: World) -> None:
    with sign_in(smtp_world) as client:
        assert client.docmd("MAIL", "FROM:<" + "a" * 2000 + "@corp.example>")[0] == 500
        assert client.docmd("BREW", "coffee")[0] == 500
        assert client.docmd("MAIL", "FROM:<a@")[0] == 553
        assert client.noop()[0] == 250
