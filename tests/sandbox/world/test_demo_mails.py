"""The demo's mails: what kinds there are, and that they are the same whenever they are built."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from sandbox.demo.building import DemoMail
from sandbox.demo.cases import CASES
from sandbox.demo.mails import demo_mails
from sandbox.demo.people import UNITS

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TOKENS = {case.id: f"[{case.id} aaaaaaaa]" for case in CASES}


@pytest.fixture(scope="module")
def mails() -> list[DemoMail]:
    return demo_mails(NOW, TOKENS)


@pytest.fixture(scope="module")
def expected(mails: list[DemoMail]) -> list[EmailMessage]:
    """What the app has to show, parsed."""
    return [parsed(mail) for mail in mails if mail.expected]


def parsed(mail: DemoMail) -> EmailMessage:
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_same_time_gives_the_same_bytes(mails: list[DemoMail]) -> None:
    assert demo_mails(NOW, TOKENS) == mails


def test_several_dozen_mails_each_with_a_message_id_of_its_own(mails: list[DemoMail]) -> None:
    assert len(mails) >= 40
    assert len({mail.message_id for mail in mails}) == len(mails)
    assert all(parsed(mail)["Message-ID"] == mail.message_id for mail in mails)


def test_every_mail_is_well_formed(mails: list[DemoMail]) -> None:
    for mail in mails:
        assert [part.defects for part in parsed(mail).walk() if part.defects] == []
        assert b"\n" not in mail.raw.replace(b"\r\n", b"")


def test_what_is_expected_is_of_a_unit_and_nothing_else_is(mails: list[DemoMail]) -> None:
    domains = tuple(f"@{domain}" for unit in UNITS for domain in list(unit["domains"]))  # type: ignore[call-overload]
    for mail in mails:
        if mail.folder == "Inbox":
            sender = str(parsed(mail)["From"].addresses[0].addr_spec)
            assert sender.endswith(domains) == mail.expected, sender


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/html", "image/png", "application/pdf", "application/zip", "text/csv"),
        *("message/delivery-status", "text/calendar", "multipart/signed", "multipart/related"),
    ],
)
def test_kinds_of_content_that_real_mail_has(expected: list[EmailMessage], content_type: str) -> None:
    assert any(part.get_content_type() == content_type for message in expected for part in message.walk())


def test_one_mail_is_15_mb_large(mails: list[DemoMail]) -> None:
    assert max(len(mail.raw) for mail in mails) == pytest.approx(15_000_000, rel=0.05)


def test_automatic_reply_bounce_and_failed_authentication_are_among_them(
    expected: list[EmailMessage],
) -> None:
    assert any(message["Auto-Submitted"] == "auto-replied" for message in expected)
    assert any(message.get_content_type() == "multipart/report" for message in expected)
    assert any("dmarc=fail" in str(message["Authentication-Results"]) for message in expected)


def test_japanese_and_arabic_text_are_readable(expected: list[EmailMessage]) -> None:
    texts = [
        part.get_content()
        for message in expected
        for part in message.walk()
        if part.get_content_type() == "text/plain" and isinstance(part, EmailMessage)
    ]
    assert any("共有フォルダ" in text for text in texts)
    assert any("السلام عليكم" in text for text in texts)


def test_an_answer_without_a_reference_is_among_them(expected: list[EmailMessage]) -> None:
    assert any(m["Subject"] == "laptop" and m["In-Reply-To"] is None for m in expected)


def test_picture_in_the_html_is_found_by_its_content_id(expected: list[EmailMessage]) -> None:
    for message in expected:
        for part in message.walk():
            if part.get_content_type() == "text/html" and isinstance(part, EmailMessage):
                page = part.get_content()
                ids = [
                    f"cid:{str(other['Content-ID'])[1:-1]}" for other in message.walk() if other["Content-ID"]
                ]
                assert page.count("cid:") == sum(page.count(one) for one in ids)
