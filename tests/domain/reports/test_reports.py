"""Machine-readable reports (RFC 3464, RFC 6533, RFC 8098): which mail, whom it reached and whom not."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mail import MailKind, Report, ReportedRecipient
from domain.mime.headers import parse_header_block
from domain.mime.scanner import RETURNED_TYPES, STATUS_TYPES
from domain.reports.report import report_of
from domain.reports.status_fields import MAX_RECIPIENTS
from tests.support.parsed import parsed

HEADER = "From: SOC <soc@corp.example>\nSubject: Re: PC-4\nMessage-ID: <ours@corp.example>\n"


def report(
    *parts: tuple[str, str], kind: str = "delivery-status", sender: str = "postmaster@fin.example"
) -> bytes:
    head = f"From: {sender}\nTo: soc@corp.example\nSubject: Report\nMessage-ID: <r@fin.example>\n"
    body = "".join(f"--b\nContent-Type: {content_type}\n\n{text}\n" for content_type, text in parts)
    return (
        f'{head}MIME-Version: 1.0\nContent-Type: multipart/report; report-type={kind}; boundary="b"\n\n'
        f"{body}--b--\n"
    ).encode()


def status(*recipients: str, message: str = "Reporting-MTA: dns; mx.fin.example") -> tuple[str, str]:
    return "message/delivery-status", "\n\n".join([message, *recipients]) + "\n"


def failed(address: str, action: str = "failed", code: str = "5.1.1") -> str:
    return (
        f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {code}\nDiagnostic-Code: smtp; 550 No"
    )


def read(raw: bytes) -> Report:
    found = parsed(raw).evidence.report
    assert found is not None
    return found


@pytest.mark.parametrize(
    "returned",
    [
        ("text/rfc822-headers", HEADER),
        ("message/rfc822", HEADER + "\nText\n"),
        ("message/global-headers", HEADER),
        ("message/global", HEADER + "\nText\n"),
    ],
)
def test_the_returned_header_tells_which_mail_it_was(returned: tuple[str, str]) -> None:
    found = read(report(("text/plain", "Sorry."), status(failed("eve@fin.example")), returned))
    assert found == Report(
        message_ids=("ours@corp.example",),
        recipients=(ReportedRecipient("eve@fin.example", "failed", "5.1.1", "550 No"),),
        subject="Re: PC-4",
    )


def test_what_the_returned_mail_answered_is_told_apart() -> None:
    header = HEADER + "In-Reply-To: <b@fin.example>\nReferences: <a@fin.example> <b@fin.example>\n"
    found = read(report(status(failed("eve@fin.example")), ("text/rfc822-headers", header)))
    assert (found.message_ids, found.answered) == (
        ("ours@corp.example",),
        ("b@fin.example", "a@fin.example"),
    )


@pytest.mark.parametrize(
    "message, found",
    [
        ("X-Original-Message-ID: <ours@corp.example>", ("ours@corp.example",)),
        ("Original-Envelope-Id: <ours@corp.example>", ("ours@corp.example",)),
        ("Original-Envelope-Id: QQ314159", ()),
    ],
)
def test_a_message_id_among_the_fields_counts(message: str, found: tuple[str, ...]) -> None:
    assert read(report(status(failed("eve@fin.example"), message=message))).message_ids == found


@pytest.mark.parametrize(
    "fields, address",
    [
        (
            "Original-Recipient: rfc822;eve@fin.example\nFinal-Recipient: rfc822;x@hosted.example",
            "eve@fin.example",
        ),
        ("Original-Recipient: rfc822;\nFinal-Recipient: RFC822 ; <Eve@fin.example>", "Eve@fin.example"),
        ("Final-Recipient: utf-8; j\\x{FC}rgen@fin.example", "jürgen@fin.example"),
        ("Original-Recipient: x400;/C=de/\nFinal-Recipient: rfc822;eve@fin.example", "eve@fin.example"),
    ],
)
def test_the_recipient_is_the_address_that_the_mail_was_sent_to(fields: str, address: str) -> None:
    found = read(report(status(f"{fields}\nAction: failed\nStatus: 5.1.1")))
    assert [one.address for one in found.recipients] == [address]


@pytest.mark.parametrize(
    "actions, kind",
    [
        (["failed"], MailKind.BOUNCE),
        (["delayed"], MailKind.BOUNCE),
        (["delivered", "failed"], MailKind.BOUNCE),
        (["what?"], MailKind.BOUNCE),
        (["delivered"], MailKind.DELIVERY_RECEIPT),
        (["relayed", "expanded (to a list)"], MailKind.DELIVERY_RECEIPT),
    ],
)
def test_a_report_that_everybody_was_reached_is_no_bounce(actions: list[str], kind: MailKind) -> None:
    people = [failed(f"p{number}@fin.example", action) for number, action in enumerate(actions)]
    assert parsed(report(status(*people))).kind is kind


def test_a_read_receipt_tells_which_mail_was_read_and_by_whom() -> None:
    fields = (
        "Final-Recipient: rfc822;eve@fin.example\nOriginal-Message-ID: <ours@corp.example>\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n"
    )
    mail = parsed(
        report(
            ("message/disposition-notification", fields),
            kind="disposition-notification",
            sender="eve@fin.example",
        )
    )
    assert mail.kind is MailKind.READ_RECEIPT
    assert mail.evidence.report is not None
    assert mail.evidence.report.message_ids == ("ours@corp.example",)
    assert [(one.address, one.action) for one in mail.evidence.report.recipients] == [
        ("eve@fin.example", "displayed")
    ]


def test_gmails_report_has_the_reason_in_its_words() -> None:
    words = "Your message wasn't delivered to eve@fin.example because the address couldn't be found.\n"
    fields = "Final-Recipient: rfc822; eve@fin.example\nAction: failed\nStatus: 5.1.1"
    (one,) = read(report(("text/plain", words), status(fields))).recipients
    assert (one.status, "couldn't be found" in one.text) == ("5.1.1", True)


def test_an_ordinary_mail_with_an_attached_message_has_no_report() -> None:
    raw = (
        b"From: ann@fin.example\nSubject: Look\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/plain\n\nSee.\n--b\nContent-Type: message/rfc822\n\n"
        + HEADER.encode()
        + b"\nText\n--b--\n"
    )
    mail = parsed(raw)
    assert (mail.kind, mail.evidence.report) == (MailKind.MAIL, None)


def test_a_report_of_thousands_of_recipients_is_bounded() -> None:
    people = [failed(f"p{number}@fin.example") for number in range(3_000)]
    ids = " ".join(f"<{number}@x.example>" for number in range(500))
    found = read(report(status(*people), ("text/rfc822-headers", f"Message-ID: {ids}\nReferences: {ids}")))
    assert len(found.recipients) <= MAX_RECIPIENTS
    assert len(found.message_ids) == len(found.answered) == 20


_PIECES = st.sampled_from(
    [
        "Final-Recipient: rfc822;", "Original-Recipient: utf-8;\\x{FFFFFF}\\x{D800}", "Status: 5.",
        "Action:",
        "Message-ID: <", "a@b", ">", "<a@fin.example>:", "\n", "\n\n", "\r\n \r\n", "----- Original message",
        "Recipient: ", "message to ", "@" * 50, "a" * 70 + "@", "\x00", "\u2028", "=?utf-8?b?////?=", " ",
        ";",
    ]
)  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from((*STATUS_TYPES, *RETURNED_TYPES)), st.lists(_PIECES).map("".join))),
    st.lists(_PIECES, max_size=60).map("".join),
)
def test_whatever_stands_in_a_report_is_read_or_left_out(parts: list[tuple[str, str]], text: str) -> None:
    found = report_of(parse_header_block(b"From: mailer-daemon@x.example\n"), parts, text)
    for one in found.recipients if found else ():
        assert "@" in one.address
        assert len(one.address) <= 320
        assert len(one.text) <= 300


@pytest.mark.parametrize(
    "text",
    [
        "a" * 65_536,
        "a@" * 30_000,
        ("x" * 64 + "@") * 900,
        "message to " * 6_000,
        "recipient: " * 6_000,
        "<" * 65_536,
        "Message-ID:" + " " * 60_000,
        " " * 65_536,
        "- " * 30_000,
        "\n" * 65_536,
        "-=" * 30_000 + "original",
        "subject: " * 7_000,
    ],
)
def test_no_text_makes_reading_it_slow(text: str) -> None:
    """A second would be a hundred times too long; a text that backtracks takes minutes."""
    begin = process_time()
    report_of(parse_header_block(b""), [("message/delivery-status", text), ("message/rfc822", text)], text)
    report_of(parse_header_block(b""), [], "\n".join([text[:1_000]] * 65))
    assert process_time() - begin < 1
