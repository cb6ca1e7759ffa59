"""What comes back of mails that were taken: bounces and delays, in the wording of Exchange and of Postfix."""

import base64
import email
import email.policy
from email.message import EmailMessage

import exchangelib
import pytest

from sandbox.exchange import ItemEntry
from sandbox.exchange.mail_queue import RETRY_AFTER_MS
from sandbox.exchange.store import now_ms
from tests.sandbox.exchange.running_server import (
    SOC,
    RunningServer,
    T,
    answer_tree,
    get_item_request,
    wait_for,
)

MIME = (
    b"From: soc@corp.example\r\nTo: gone@fin.example\r\nSubject: Report\r\n"
    b"Message-ID: <ours@corp.example>\r\n\r\nHello\r\n"
)
GONE = "gone@partner.example"


def reports(running: RunningServer) -> list[ItemEntry]:
    """The reports in the sender's inbox, oldest first."""
    found = [item for item in running.server.items(SOC, "Inbox") if item.item_class.startswith("REPORT.")]
    return sorted(found, key=lambda item: item.received_at)


def message_of(running: RunningServer, item: ItemEntry) -> EmailMessage:
    answer = running.post(get_item_request(item.id, mime=True))
    [content] = answer_tree(answer).iter(T + "MimeContent")
    raw = base64.b64decode(content.text or "")
    return email.message_from_bytes(raw, EmailMessage, policy=email.policy.default)


def first_report(running: RunningServer) -> EmailMessage:
    wait_for(lambda: reports(running))
    [item] = reports(running)
    return message_of(running, item)


def recipient_fields(report: EmailMessage) -> list[dict[str, str]]:
    """The per-recipient blocks of the delivery status (RFC 3464 section 2.3)."""
    [status] = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"]
    blocks = [dict(block.items()) for block in status.iter_parts()]
    return [{name.lower(): str(value) for name, value in block.items()} for block in blocks[1:]]


def test_over_smtp_a_bounce_is_postfix_s_and_gives_the_original_header_back(running: RunningServer) -> None:
    running.server.sending.refuse(GONE, 550, "5.1.1 User unknown", later=True)
    running.server.submission.accept(MIME, SOC, [GONE, "fin@fin.example"])

    report = first_report(running)

    assert report["From"] == "MAILER-DAEMON@mx.corp.example"
    assert report["Subject"] == "Undelivered Mail Returned to Sender"
    assert report["In-Reply-To"] is None
    assert report.get_content_type() == "multipart/report"
    [fields] = recipient_fields(report)
    assert fields["final-recipient"] == f"rfc822;{GONE}"
    assert (fields["action"], fields["status"]) == ("failed", "5.1.1")
    assert fields["diagnostic-code"] == "smtp;550 5.1.1 User unknown"
    original = list(report.walk())[-1]
    assert original.get_content_type() == "text/rfc822-headers"
    assert "<ours@corp.example>" in original.get_content()
    wait_for(lambda: running.server.items("fin@fin.example", "Inbox"))


def test_over_ews_a_bounce_is_exchange_s_and_names_the_mail_it_answers(
    running: RunningServer, account: exchangelib.Account
) -> None:
    running.server.sending.refuse("*@partner.example", 550, "5.7.1 Rejected by policy")
    message = exchangelib.Message(
        account=account, subject="Report", body="Hello", to_recipients=[GONE, "other@partner.example"]
    )
    message.send()

    report = first_report(running)

    [entry] = running.server.outbound()
    assert report["From"] == "Microsoft Outlook <postmaster@corp.example>"
    assert report["Subject"] == "Undeliverable: Report"
    assert report["In-Reply-To"] == entry["messageId"]
    assert [fields["status"] for fields in recipient_fields(report)] == ["5.7.1", "5.7.1"]


def test_a_delay_is_told_once_and_the_mail_comes_when_it_is_accepted_at_last(running: RunningServer) -> None:
    running.server.sending.refuse("hr@hr.example", 451, "4.7.1 Greylisted", later=True)
    running.server.submission.accept(MIME, SOC, ["hr@hr.example"])

    report = first_report(running)

    [fields] = recipient_fields(report)
    assert (fields["action"], fields["status"]) == ("delayed", "4.7.1")
    assert "will-retry-until" in fields
    assert [item.item_class for item in reports(running)] == ["REPORT.IPM.Note.DR"]
    assert running.server.items("hr@hr.example", "Inbox") == []
    running.server.sending.refuse("hr@hr.example", 452, "4.2.2 Full for now", later=True)
    queue = running.server.sending.queue
    wait_for(lambda: (queue.next_due_at() or 0) > now_ms() + 1000)  # it was tried once more
    assert len(reports(running)) == 1
    assert running.server.sending.accept("hr@hr.example") == 1
    wait_for(lambda: running.server.items("hr@hr.example", "Inbox"), seconds=RETRY_AFTER_MS / 2000)
    assert len(reports(running)) == 1


def test_a_delayed_mail_can_fail_in_the_end(running: RunningServer) -> None:
    running.server.sending.refuse(GONE, 451, "4.4.1 No answer", later=True)
    running.server.submission.accept(MIME, SOC, [GONE])
    first_report(running)

    running.server.sending.refuse(GONE, 550, "5.4.1 Given up", later=True)

    wait_for(lambda: len(reports(running)) == 2)
    classes = {item.item_class for item in reports(running)}
    assert classes == {"REPORT.IPM.Note.DR", "REPORT.IPM.Note.NDR"}


def test_a_full_mailbox_bounces_what_comes(running: RunningServer) -> None:
    running.server.sending.quota("hr@hr.example", "full")
    running.server.submission.accept(MIME, SOC, ["hr@hr.example"])

    [fields] = recipient_fields(first_report(running))

    assert fields["status"] == "5.2.2"
    assert running.server.items("hr@hr.example", "Inbox") == []


def test_nobody_is_told_of_a_report_that_cannot_be_delivered(running: RunningServer) -> None:
    running.server.submission.accept(MIME, "", ["nobody@partner.example", "fin@fin.example"])

    wait_for(lambda: running.server.items("fin@fin.example", "Inbox"))
    assert reports(running) == []


@pytest.mark.parametrize(
    "pattern, code, text",
    [
        ("a@b.example", 250, "OK"),
        ("a@b.example", 600, "5.0.0 no"),
        ("nobody", 550, "5.1.1 no"),
        ("a@b.example", 550, ""),
        ("a@b.example", 550, "5.1.1 no\r\n250 yes"),
    ],
)
def test_what_no_server_would_answer_is_no_refusal(
    running: RunningServer, pattern: str, code: int, text: str
) -> None:
    with pytest.raises(ValueError, match=r"no refusal|no address|one line"):
        running.server.sending.refuse(pattern, code, text)
    assert running.server.sending.refusals() == []
