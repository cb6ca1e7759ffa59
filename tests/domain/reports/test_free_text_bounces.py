"""Bounces in words alone, as systems write them: each is known as one and tells which mail missed whom."""

from __future__ import annotations

import pytest

from domain.mail import MailKind
from tests.support.parsed import parsed

OURS = "8f1c2d3e4a5b6c7d8e9f0a1b@corp.example"
RETURNED = (
    "Received: from mail.corp.example by mx.corp.example; Tue, 24 Nov 2026 10:00:00 +0100\n"
    "From: SOC <soc@corp.example>\nTo: eve@fin.example\nSubject: [INC-1 aaaaaaaa] Please check PC-4\n"
    f"Message-ID: <{OURS}>\nReferences: <first@corp.example>\n\nDear all, see ann@fin.example.\n"
)


def bounce(
    text: str,
    *,
    sender: str = "MAILER-DAEMON@mx.corp.example",
    subject: str = "failure notice",
    more: str = "",
) -> bytes:
    head = (
        f"From: {sender}\nTo: soc@corp.example\nSubject: {subject}\nMessage-ID: <b@mx.corp.example>\n{more}"
    )
    return f"{head}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}".encode()


CASES = {
    "qmail": (
        bounce(
            "Hi. This is the qmail-send program at corp.example.\n"
            "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
            "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
            "<eve@fin.example>:\n192.0.2.7 does not like recipient.\n"
            "Remote host said: 550 5.1.1 no such user\nGiving up on 192.0.2.7.\n\n"
            "--- Below this line is a copy of the message.\n\nReturn-Path: <soc@corp.example>\n" + RETURNED
        ),
        ("eve@fin.example", "failed", "5.1.1"),
    ),
    "exim": (
        bounce(
            "This message was created automatically by mail delivery software.\n\n"
            "A message that you sent could not be delivered to one or more of its\n"
            "recipients. This is a permanent error. The following address(es) failed:\n\n"
            "  eve@fin.example\n    SMTP error from remote mail server after RCPT TO:<eve@fin.example>:\n"
            "    host mx.fin.example [192.0.2.7]: 550 5.7.1 Access denied\n\n"
            "------ This is a copy of the message, including all the headers. ------\n\n" + RETURNED,
            subject="Mail delivery failed: returning message to sender",
            more="X-Failed-Recipients: eve@fin.example\nAuto-Submitted: auto-replied\n",
        ),
        ("eve@fin.example", "failed", "5.7.1"),
    ),
    "exim, late": (
        bounce(
            "A message that you sent has not yet been delivered to one or more of its\n"
            "recipients after more than 24 hours on the queue on mx.corp.example.\n\n"
            f"The message identifier is:     1abcde-0001\nMessage-ID: <{OURS}>\n"
            "The address to which the message has not yet been delivered is:\n\n  eve@fin.example\n"
            "    Delay reason: Connection timed out\n",
            subject="Warning: message 1abcde-0001 delayed 24 hours",
        ),
        ("eve@fin.example", "delayed", None),
    ),
    "sendmail": (
        bounce(
            "The original message was received at Tue, 24 Nov 2026 10:00:00 +0100\nfrom localhost\n\n"
            "   ----- The following addresses had permanent fatal errors -----\n<eve@fin.example>\n"
            "    (reason: 550 5.1.1 <eve@fin.example>... User unknown)\n\n"
            "   ----- Transcript of session follows -----\n... while talking to mx.fin.example.:\n"
            ">>> DATA\n<<< 550 5.1.1 <eve@fin.example>... User unknown\n\n"
            "   ----- Original message follows -----\n\n" + RETURNED,
            subject="Returned mail: see transcript for details",
        ),
        ("eve@fin.example", "failed", "5.1.1"),
    ),
    "postfix of old": (
        bounce(
            "This is the Postfix program at host mx.corp.example.\n\n"
            "I'm sorry to have to inform you that your message could not be\n"
            "be delivered to one or more recipients. It's attached below.\n\n"
            "For further assistance, please send mail to <postmaster>\n\n\t\t\tThe Postfix program\n\n"
            "<eve@fin.example>: host mx.fin.example[192.0.2.7] said: 550 5.2.2\n"
            "    <eve@fin.example>: mailbox full (in reply to RCPT TO command)\n\n" + RETURNED,
            subject="Undelivered Mail Returned to Sender",
        ),
        ("eve@fin.example", "failed", "5.2.2"),
    ),
    "gmail": (
        bounce(
            "Delivery to the following recipient failed permanently:\n\n     eve@fin.example\n\n"
            "Technical details of permanent failure: \nGoogle tried to deliver your message, but it was "
            "rejected by the server for the domain fin.example. The error was: 550 5.1.1 no such user\n\n"
            "----- Original message -----\n\n" + RETURNED,
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
            subject="Delivery Status Notification (Failure)",
            more="X-Failed-Recipients: eve@fin.example\n",
        ),
        ("eve@fin.example", "failed", "5.1.1"),
    ),
    "exchange 2003": (
        bounce(
            "Your message\n\n  To:      Eve\n  Subject: [INC-1 aaaaaaaa] Please check PC-4\n"
            "  Sent:    Tue, 24 Nov 2026 10:00:00 +0100\n\ndid not reach the following recipient(s):\n\n"
            "eve@fin.example on Tue, 24 Nov 2026 10:00:03 +0100\n"
            "    The e-mail account does not exist at the organization this message was sent to.\n"
            "    <mail.corp.example #5.1.1>\n",
            sender="System Administrator <postmaster@corp.example>",
            subject="Undeliverable: [INC-1 aaaaaaaa] Please check PC-4",
        ),
        ("eve@fin.example", "failed", "5.1.1"),
    ),
    "exchange online, as text": (
        bounce(
            "Delivery has failed to these recipients or groups:\n\n"
            "Eve Example (eve@fin.example)<mailto:eve@fin.example>\n"
            "The email address you entered couldn't be found.\n\n"
            "Diagnostic information for administrators:\n\nGenerating server: AB1.corp.example\n\n"
            "eve@fin.example\nRemote server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'\n\n"
            "Original message headers:\n\n" + RETURNED,
            sender="Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.example>",
            subject="Unzustellbar: [INC-1 aaaaaaaa] Please check PC-4",
        ),
        ("eve@fin.example", "failed", "5.1.10"),
    ),
    "domino": (
        bounce(
            "Your message\n\n  Subject: [INC-1 aaaaaaaa] Please check PC-4\n\nwas not delivered to:\n\n"
            "  eve@fin.example\n\nbecause:\n\n  User eve (eve@fin.example) not listed in Domino Directory\n",
            sender="Postmaster@fin.example",
            subject="DELIVERY FAILURE: User eve (eve@fin.example) not listed in Domino Directory",
            more=f"In-Reply-To: <{OURS}>\n",
        ),
        ("eve@fin.example", "failed", None),
    ),
    "mimecast": (
        bounce(
            "The message you sent to fin.example has been held or rejected.\n\n"
            "Recipient Address: eve@fin.example\nReason: 550 5.7.1 Administrative prohibition\n"
            f"Message ID: <{OURS}>\nSubject: [INC-1 aaaaaaaa] Please check PC-4\n",
            sender="postmaster@mimecast.example",
            subject="[Postmaster] Email Delivery Failure",
        ),
        ("eve@fin.example", "failed", "5.7.1"),
    ),
    "iplanet": (
        bounce(
            "This report relates to a message you sent with the following header fields:\n\n"
            f"  Message-id: <{OURS}>\n  Date: Tue, 24 Nov 2026 10:00:00 +0100\n"
            "  To: eve@fin.example\n  Subject: [INC-1 aaaaaaaa] Please check\n\n"
            "Your message cannot be delivered to the following recipients:\n\n"
            "  Recipient address: eve@fin.example\n  Reason: Remote SMTP server has rejected address\n",
            sender="Internet Mail Delivery <postmaster@mx.fin.example>",
            subject="Delivery Notification: Delivery has failed",
        ),
        ("eve@fin.example", "failed", None),
    ),
    "mdaemon": (
        bounce(
            "The following addresses had permanent errors.\n\n--> Session transcript\n"
            "Failed address: eve@fin.example\n550 5.1.1 unknown\n\n: Message contains 1 file.\n"
            "--- Returned message ---\n" + RETURNED,
            sender="MDaemon at corp.example <MDaemon@corp.example>",
            subject="Permanent Delivery Failure",
        ),
        ("eve@fin.example", "failed", "5.1.1"),
    ),
    "a web mailer": (
        bounce(
            "Sorry, we were unable to deliver your message to the following address.\n\n"
            "<eve@fin.example>:\n554: delivery error: dd This user doesn't have an account\n\n"
            "--- Below this line is a copy of the message.\n\n" + RETURNED,
            subject="Failure Notice",
        ),
        ("eve@fin.example", "failed", None),
    ),
    "without a return path": (
        bounce(
            "Die Nachricht konnte nicht zugestellt werden.\n\nEmpfänger: eve@fin.example\n"
            f"Message-ID: <{OURS}>\n",
            sender="Mailserver <noreply@fin.example>",
            subject="Unzustellbar: Nachricht",
            more="Return-Path: <>\n",
        ),
        ("eve@fin.example", "failed", None),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_tells_which_mail_did_not_reach_whom(name: str) -> None:
    raw, (address, action, status) = CASES[name]
    mail = parsed(raw)
    report = mail.evidence.report

    assert mail.kind is MailKind.BOUNCE
    assert report is not None
    assert [(one.address, one.action, one.status) for one in report.recipients] == [(address, action, status)]
    if "exchange 2003" not in name and name != "domino":  # those return nothing that has the Message-ID
        assert report.message_ids[0] == OURS
    if "delayed" not in action and "return" not in name:
        assert report.subject.startswith("[INC-1 aaaaaaaa] Please check")


def test_what_the_returned_mail_answered_is_read_too() -> None:
    report = parsed(CASES["qmail"][0]).evidence.report
    assert report is not None
    assert (report.message_ids, report.answered) == ((OURS,), ("first@corp.example",))


def test_several_recipients_each_with_a_reason() -> None:
    mail = parsed(
        bounce(
            "<soc@corp.example> sent it.\nsoc@corp.example\n\n"
            "<eve@fin.example>: host mx said: 550 5.1.1 unknown\n\n"
            "<bob@hr.example>: host mx said: 452 4.2.2 mailbox full\n    try later\n"
        )
    )
    assert mail.evidence.report is not None
    assert [(one.address, one.status, one.text) for one in mail.evidence.report.recipients] == [
        ("eve@fin.example", "5.1.1", "host mx said: 550 5.1.1 unknown"),
        ("bob@hr.example", "4.2.2", "host mx said: 452 4.2.2 mailbox full try later"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        bounce("Look what came back.\n", sender="Ann <ann@fin.example>", subject="Fwd: Undeliverable: PC-4"),
        bounce(
            "We move the mail server on Sunday.\n", sender="postmaster@fin.example", subject="Maintenance"
        ),
        bounce(
            "I am away.\n", sender="a@fin.example", subject="Automatic reply: x", more="Return-Path: <>\n"
        ),
    ],
)
def test_what_only_looks_like_a_bounce_is_none(raw: bytes) -> None:
    mail = parsed(raw)
    assert mail.kind is not MailKind.BOUNCE
    assert mail.evidence.report is None
