"""INC-1043: encrypted files on a file server of Human Resources; a bounce and a large capture. Pure."""

from datetime import datetime, timedelta
from email import message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from sandbox.demo.building import SOC, DemoMail, Thread
from sandbox.demo.files import archive, large_capture, picture
from sandbox.demo.people import FORMER_CONTACT, HR_DESK, HR_TOKYO, PAYROLL, RECRUITING

JAPANESE = """セキュリティ運用センター 御中

東京オフィスの人事部です。今朝から共有フォルダ「採用」のファイルが開けません。
拡張子がすべて「.locked」に変わっています。端末はネットワークから切り離しました。

次の指示をお待ちしております。

人事部 東京
"""
JAPANESE_ANSWER = "ご連絡ありがとうございます。電源は切らずにお待ちください。\n\nSecurity Operations Center\n"
JAPANESE_DONE = "承知しました。端末 3 台とも電源を入れたままにしています。\n"
BOUNCE = """\
From: {mailer}
To: {soc}
Subject: Undeliverable: Question about the share HR-FS02
Auto-Submitted: auto-replied
In-Reply-To: {original_id}
References: {original_id}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="report"

--report
Content-Type: text/plain; charset=us-ascii

Your message to {recipient} could not be delivered.

The recipient's mailbox does not exist.

--report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.sales.example

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: Recipient address rejected: User unknown

--report
Content-Type: text/rfc822-headers

From: {soc}
To: {recipient}
Subject: Question about the share HR-FS02
Message-ID: {original_id}

--report--
"""
MAILER = Address("Mail Delivery Subsystem", addr_spec="mailer-daemon@sales.example")


def conversation(started_at: datetime) -> list[DemoMail]:
    """The mails, in the order in which they were written."""
    thread = Thread("Files on HR-FS02 cannot be opened", started_at)
    thread.add(
        HR_DESK,
        "Hello,\n\nsince 07:40 all files in \\\\HR-FS02\\contracts have the extension .locked, and in "
        "each folder lies "
        "a READ_ME.txt. We have pulled the network cable. Nobody has logged in since.\n\nHR Service Desk\n",
        files=(
            archive("samples (password infected).zip", (("READ_ME.txt", b"Your files are locked."),)),
            picture("desktop.png", (150, 30, 40)),
        ),
        headers=(("Importance", "high"), ("X-Priority", "1")),
    )
    thread.add(
        SOC,
        "Well done. Leave the server running, but disconnected. An analyst is on the way to you.\n\n"
        "Which accounts were used on it last night?\n",
        to=(HR_DESK,),
        cc=(PAYROLL,),
    )
    thread.add(HR_DESK, "Only the backup account, as far as we can see. Payroll knows more.\n", cc=(PAYROLL,))
    thread.add(
        PAYROLL,
        "> Which accounts were used on it last night?\n\nsvc-backup at 02:13 and svc-payroll at 02:15. "
        "The second one "
        "is odd: payroll runs on the 25th only.\n\nPayroll Lead\n",
        headers=(("X-Mailer", "Apple Mail (2.3826)"),),
    )
    thread.add(
        RECRUITING,
        "Just so you know: our applicants' files lie on the same server. Do we have to tell the data "
        "protection "
        "officer?\n",
        subject="Is recruiting hit as well?",
        threaded=False,
    )
    thread.add(
        HR_TOKYO,
        JAPANESE,
        subject="共有フォルダが開けません【至急】",
        threaded=False,
        charset="iso-2022-jp",
    )
    thread.add(SOC, JAPANESE_ANSWER, to=(HR_TOKYO,), subject="RE: 共有フォルダが開けません【至急】")
    thread.add(HR_TOKYO, JAPANESE_DONE, subject="RE: 共有フォルダが開けません【至急】", after_minutes=9)
    thread.add(
        HR_DESK,
        "The capture of the switch port, as your analyst asked. It is large, I hope that it comes through.\n",
        files=(large_capture("hr-fs02-port17.pcap"),),
        after_minutes=95,
    )
    asked = thread.add(
        SOC,
        "Was HR-FS02 ever shared with Sales? We ask since an old share has your name in it.\n",
        to=(FORMER_CONTACT,),
        subject="Question about the share HR-FS02",
        threaded=False,
    )
    thread.add_raw(_bounce(asked), MAILER, envelope_from="")
    thread.add_raw(_meeting(started_at + timedelta(days=1)), HR_DESK)
    thread.add(
        PAYROLL, "Accepted. I bring the list of service accounts.\n", subject="RE: Recovery of HR-FS02"
    )
    return thread.mails


def _bounce(original_id: str) -> EmailMessage:
    """A report of failed delivery (RFC 3464), with the headers of the mail that it is about."""
    report = BOUNCE.format(
        mailer=MAILER, soc=SOC, original_id=original_id, recipient=FORMER_CONTACT.addr_spec
    )
    return message_from_string(report, EmailMessage, policy=SMTP)


def _meeting(starts_at: datetime) -> EmailMessage:
    """A meeting request (iTIP, RFC 5546) as Outlook sends it to people outside."""
    begin, end = f"{starts_at:%Y%m%dT%H0000Z}", f"{starts_at + timedelta(hours=1):%Y%m%dT%H0000Z}"
    calendar = "\r\n".join(
        (
            "BEGIN:VCALENDAR",
            "PRODID:-//Example//Calendar 1.0//EN",
            "VERSION:2.0",
            "METHOD:REQUEST",
            "BEGIN:VEVENT",
            f"ORGANIZER;CN={HR_DESK.display_name}:mailto:{HR_DESK.addr_spec}",
            f"ATTENDEE;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:{SOC.addr_spec}",
            "UID:recovery-hr-fs02@hr.example",
            f"DTSTAMP:{begin}",
            f"DTSTART:{begin}",
            f"DTEND:{end}",
            "SUMMARY:Recovery of HR-FS02",
            "LOCATION:Room 2.14 and online",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        )
    )
    message = EmailMessage(policy=SMTP)
    message["From"] = HR_DESK
    message["To"] = SOC
    message["Cc"] = PAYROLL
    message["Subject"] = "Recovery of HR-FS02"
    message.set_content("Shall we go through the recovery plan tomorrow?\n")
    message.add_alternative(calendar, subtype="calendar", params={"method": "REQUEST"})
    return message
