"""Delivery reports as mail systems write them (RFC 3464): Exchange's and Postfix's own wording and headers.

Exchange names the original in `In-Reply-To`; Postfix only gives the original's header fields back. Pure but
for time and ids.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from sandbox.exchange.mime import header_block
from sandbox.exchange.refusals import Refusal

DELAYED_FOR = timedelta(days=1)
"""How long a mail system says that it goes on trying."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A recipient who did not get a mail, and what the recipient's server answered."""

    recipient: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is about. `original` is the mail as it left; is_delay: its delivery is still tried."""

    original: bytes
    message_id: str
    subject: str
    sender: str
    domain: str
    failures: list[Failure]
    is_delay: bool


def exchange_report(report: Report) -> bytes:
    """A report as Exchange writes it. Line ends are CRLF."""
    names = "\n".join(f"  {failure.recipient}" for failure in report.failures)
    if report.is_delay:
        title, what = "Delivery delayed", "Delivery is delayed to these recipients or groups:"
        advice = "You do not have to send it again. The server is still trying to deliver it."
    else:
        title, what = "Undeliverable", "Delivery has failed to these recipients or groups:"
        advice = (
            "The email address you entered couldn't be found. Please check the recipient's email address\n"
            "and try to resend the message."
        )
    head = (
        f"From: Microsoft Outlook <postmaster@{report.domain}>\nTo: {report.sender}\n"
        f"Subject: {title}: {report.subject}\n"
        f"In-Reply-To: {report.message_id}\nReferences: {report.message_id}\n"
        "Auto-Submitted: auto-replied\nX-MS-Exchange-Message-Is-Ndr:\n"
    )
    return _written(report, head, f"{what}\n\n{names}\n\n{advice}\n")


def postfix_report(report: Report) -> bytes:
    """A report as Postfix writes it. Line ends are CRLF."""
    lines = "\n".join(
        f"<{failure.recipient}>: host mx.{_domain(failure.recipient)} said:\n"
        f"    {failure.refusal.reply} (in reply to RCPT TO command)\n"
        for failure in report.failures
    )
    title = "Delayed Mail (still being retried)" if report.is_delay else "Undelivered Mail Returned to Sender"
    what = (
        "####################################################################\n"
        "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n"
        "####################################################################\n\n"
        "Your message could not be delivered for more than 1 hour(s)."
        if report.is_delay
        else "I'm sorry to have to inform you that your message could not\n"
        "be delivered to one or more recipients. It's attached below."
    )
    head = (
        f"From: MAILER-DAEMON@mx.{report.domain} (Mail Delivery System)\nTo: {report.sender}\n"
        f"Subject: {title}\nAuto-Submitted: auto-replied\n"
    )
    opening = f"This is the mail system at host mx.{report.domain}."
    return _written(report, head, f"{opening}\n\n{what}\n\n{lines}")


def _written(report: Report, head: str, text: str) -> bytes:
    boundary = uuid.uuid4().hex.upper()
    now = datetime.now(UTC)
    original = header_block(report.original).replace(b"\r\n", b"\n").decode("utf-8", "replace")
    whole = (
        f"{head}Date: {format_datetime(now)}\nMessage-ID: <{uuid.uuid4().hex}@mx.{report.domain}>\n"
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\n boundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        f"{text}\n--{boundary}\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns;mx.{report.domain}\nArrival-Date: {format_datetime(now)}\n\n"
        f"{''.join(_fields(failure, report, now) for failure in report.failures)}"
        f"--{boundary}\nContent-Type: text/rfc822-headers\n\n{original}\n\n--{boundary}--\n"
    )
    return whole.encode("utf-8", "replace").replace(b"\n", b"\r\n")


def _fields(failure: Failure, report: Report, now: datetime) -> str:
    """The per-recipient fields (RFC 3464 section 2.3), with the empty line after them."""
    retried = f"Will-Retry-Until: {format_datetime(now + DELAYED_FOR)}\n" if report.is_delay else ""
    return (
        f"Final-Recipient: rfc822;{failure.recipient}\n"
        f"Action: {'delayed' if report.is_delay else 'failed'}\nStatus: {failure.refusal.status}\n"
        f"Remote-MTA: dns;mx.{_domain(failure.recipient)}\n"
        f"Diagnostic-Code: smtp;{failure.refusal.reply}\n{retried}\n"
    )


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
