"""Automatic answers, bounces, receipts and meetings: recognised, and tied to the mail that they are about."""

from __future__ import annotations

from domain.mail import MailKind
from tests.linking.scenarios.world import FIN, SALES, SENT, TOKEN, TRIAGE, Scenario, mail, scenario

REPLY = f"In-Reply-To: <{SENT[SALES]}>"
BY_REFERENCE, BY_TOKEN = f"{SALES} reference", f"{SALES} token"
RETURNED = f"From: SOC <soc@corp.example>\nTo: nobody@sales.example\nSubject: {TOKEN[SALES]} x\n"
RETURNED_OURS = f"{RETURNED}Message-ID: <{SENT[SALES]}>\n"
DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.corp.example>"
EXCHANGE = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.example>"
FAILED = "Final-Recipient: rfc822; nobody@sales.example\nAction: failed\nStatus: 5.1.1\n"
STRANGER = "unverifiedSender"
BOUNCE, AUTO, RECEIPT, MEETING = MailKind.BOUNCE, MailKind.AUTO_REPLY, MailKind.READ_RECEIPT, MailKind.MEETING
REPORT = "multipart/report; report-type=delivery-status; boundary=b"
MDN = "multipart/report; report-type=disposition-notification; boundary=b"
CALENDAR = "text/calendar; method={}; charset=utf-8"


def parts(*some: tuple[str, str]) -> str:
    return (
        "".join(f"--b\nContent-Type: {content_type}\n\n{text}\n" for content_type, text in some) + "--b--\n"
    )


def report(returned: str, *, fields: str = FAILED, words: str = "Sorry.") -> str:
    return parts(
        ("text/plain", words),
        ("message/delivery-status", f"Reporting-MTA: dns; mx.corp.example\n\n{fields}"),
        ("text/rfc822-headers", returned),
    )


READ = parts(
    ("text/plain", "Your message was read."),
    (
        "message/disposition-notification",
        f"Final-Recipient: rfc822; sam@sales.example\nOriginal-Message-ID: <{SENT[SALES]}>\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n",
    ),
)

SCENARIOS: list[Scenario] = [
    scenario(
        "bounce: Postfix, the mail named inside alone",
        mail(
            "Undelivered Mail Returned to Sender",
            sender=DAEMON,
            content_type=REPORT,
            text=report(RETURNED_OURS),
            seen="",
        ),
        BY_REFERENCE,
        STRANGER,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: Exchange",
        mail(
            f"Undeliverable: {TOKEN[SALES]} x",
            REPLY,
            sender=EXCHANGE,
            content_type=REPORT,
            text=report(RETURNED_OURS),
        ),
        BY_REFERENCE,
        STRANGER,
        kind=BOUNCE,
        item_class="REPORT.IPM.Note.NDR",
    ),
    scenario(
        "bounce: delayed, and not given up",
        mail(
            "Delayed Mail (still being retried)",
            sender=DAEMON,
            content_type=REPORT,
            text=report(RETURNED_OURS, fields=FAILED.replace("failed", "delayed").replace("5.1.1", "4.4.1")),
        ),
        BY_REFERENCE,
        STRANGER,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: the Message-ID was rewritten, the returned subject has the token",
        mail(
            "Returned mail",
            sender=DAEMON,
            content_type=REPORT,
            text=report(f"{RETURNED}Message-ID: <gw@x.example>\n"),
        ),
        BY_TOKEN,
        STRANGER,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: the Message-ID was rewritten, what it answered is known",
        mail(
            "Returned mail",
            sender=DAEMON,
            content_type=REPORT,
            text=report(f"Subject: Re: x\nMessage-ID: <gw@x.example>\n{REPLY}\n"),
        ),
        BY_REFERENCE,
        STRANGER,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: Gmail, the id among the fields",
        mail(
            "Delivery Status Notification (Failure)",
            "X-Failed-Recipients: nobody@sales.example",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
            content_type=REPORT,
            text=parts(("message/delivery-status", f"X-Original-Message-ID: <{SENT[SALES]}>\n\n{FAILED}")),
        ),
        BY_REFERENCE,
        STRANGER,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: qmail, in words",
        mail(
            "failure notice",
            sender=DAEMON,
            seen="",
            text=f"Hi. This is the qmail-send program.\n\n<nobody@sales.example>:\nSorry, no mailbox.\n\n"
            f"--- Below this line is a copy of the message.\n\n{RETURNED_OURS}\nText\n",
        ),
        BY_REFERENCE,
        STRANGER,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: Exim, in words",
        mail(
            "Mail delivery failed: returning message to sender",
            "X-Failed-Recipients: nobody@sales.example",
            sender=DAEMON,
            text=f"The following address(es) failed:\n\n  nobody@sales.example\n    Unrouteable address\n\n"
            f"------ This is a copy of the message, including all the headers. ------\n\n{RETURNED_OURS}\n",
        ),
        BY_REFERENCE,
        STRANGER,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: Domino, the token in its subject",
        mail(
            "DELIVERY FAILURE: User nobody not listed",
            "Return-Path: <>",
            sender="Postmaster@sales.example",
            text=f"Your message\n\n  Subject: {TOKEN[SALES]} x\n\nwas not delivered to:\n\n  x@x.example\n",
        ),
        BY_TOKEN,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: about a mail that is not ours",
        mail(
            "Undelivered Mail Returned to Sender",
            sender=DAEMON,
            content_type=REPORT,
            text=report("Subject: Lunch\nMessage-ID: <lunch@corp.example>\n"),
        ),
        TRIAGE,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: forged, with a guessed token",
        mail(
            "Undeliverable: x",
            "Return-Path: <>",
            sender="postmaster@attacker.example",
            content_type=REPORT,
            text=report(f"Subject: [{SALES} aaaaaaaa] x\nMessage-ID: <{'0' * 24}@corp.example>\n"),
        ),
        TRIAGE,
        kind=BOUNCE,
    ),
    scenario(
        "bounce: of a bounce",
        mail(
            "Undeliverable: Undeliverable: x",
            sender=DAEMON,
            content_type=REPORT,
            text=report("From: <>\nSubject: Undeliverable: x\nMessage-ID: <b@x.example>\n"),
        ),
        TRIAGE,
        kind=BOUNCE,
    ),
    scenario("a person passes a bounce on", mail(f"FW: Undeliverable: {TOKEN[SALES]} x"), BY_TOKEN),
    scenario(
        "delivery receipt",
        mail(
            f"Delivered: {TOKEN[SALES]} x",
            sender=EXCHANGE,
            content_type=REPORT,
            text=report(
                RETURNED_OURS, fields=FAILED.replace("failed", "delivered").replace("5.1.1", "2.0.0")
            ),
        ),
        BY_REFERENCE,
        STRANGER,
        kind=MailKind.DELIVERY_RECEIPT,
    ),
    scenario(
        "read receipt, the mail named inside alone",
        mail("Read: x", content_type=MDN, text=READ),
        BY_REFERENCE,
        kind=RECEIPT,
    ),
    scenario(
        "read receipt: Outlook",
        mail(f"Read: {TOKEN[SALES]} x", REPLY, content_type=MDN, text=parts()),
        BY_REFERENCE,
        kind=RECEIPT,
    ),
    scenario(
        "read receipt: deleted unread",
        mail("Not read: x", REPLY),
        BY_REFERENCE,
        kind=RECEIPT,
        item_class="REPORT.IPM.Note.IPNNRN",
    ),
    scenario(
        "out of office: Exchange",
        mail(
            f"Automatic reply: {TOKEN[SALES]} x",
            REPLY,
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
        ),
        BY_REFERENCE,
        kind=AUTO,
    ),
    scenario(
        "out of office: Exchange, without references",
        mail(f"Automatische Antwort: {TOKEN[SALES]} x"),
        BY_TOKEN,
        kind=AUTO,
    ),
    scenario(
        "out of office: Exchange, tagged",
        mail(f"[EXT] Réponse automatique : {TOKEN[SALES]} x"),
        BY_TOKEN,
        kind=AUTO,
    ),
    scenario(
        "out of office: Gmail",
        mail("Away Re: x", REPLY, "Auto-Submitted: auto-replied", "Precedence: bulk"),
        BY_REFERENCE,
        kind=AUTO,
    ),
    scenario(
        "out of office: Notes",
        mail("AUTO: Sam Reed is out of the office (returning 12/01/2026)", REPLY),
        BY_REFERENCE,
        kind=AUTO,
    ),
    scenario(
        "out of office: Notes, about nothing", mail("AUTO: Sam Reed is out of the office"), TRIAGE, kind=AUTO
    ),
    scenario(
        "out of office: vacation(1)",
        mail("away from my mail", REPLY, "Precedence: junk", "Auto-Submitted: auto-replied"),
        BY_REFERENCE,
        kind=AUTO,
    ),
    scenario(
        "out of office: a stranger's",
        mail(f"Automatic reply: {TOKEN[SALES]} x", sender="a@stranger.example"),
        BY_TOKEN,
        STRANGER,
        kind=AUTO,
    ),
    scenario(
        "out of office: a unit with one incident",
        mail("Automatic reply: hello", sender="eve@fin.example"),
        f"{FIN} businessUnit",
        "suggested",
        kind=AUTO,
    ),
    scenario(
        "a ticket system's receipt",
        mail("[#1] received", REPLY, "Auto-Submitted: auto-generated"),
        BY_REFERENCE,
        kind=AUTO,
    ),
    scenario(
        "meeting: asked for in the thread",
        mail(
            f"{TOKEN[SALES]} Call",
            content_type=CALENDAR.format("REQUEST"),
            text="BEGIN:VCALENDAR\nEND:VCALENDAR\n",
        ),
        BY_TOKEN,
        kind=MEETING,
    ),
    scenario(
        "meeting: accepted",
        mail(
            f"Accepted: {TOKEN[SALES]} Call",
            REPLY,
            content_type=CALENDAR.format("REPLY"),
            text="BEGIN:VCALENDAR\n",
        ),
        BY_REFERENCE,
        kind=MEETING,
    ),
    scenario(
        "meeting: by its class alone",
        mail("Canceled: Call"),
        TRIAGE,
        kind=MEETING,
        item_class="IPM.Schedule.Meeting.Canceled",
    ),
]
