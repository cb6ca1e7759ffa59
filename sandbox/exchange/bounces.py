"""Non-delivery reports as a mail system writes them (RFC 3464), for recipients who do not exist."""

import uuid
from datetime import UTC, datetime
from email.utils import format_datetime

from sandbox.exchange.mime import header_block


def non_delivery_report(
    original: bytes, *, original_id: str, sender: str, recipients: list[str], domain: str, subject: str
) -> bytes:
    """A multipart/report of delivery status about an original message. Line ends are CRLF."""
    boundary = f"{uuid.uuid4().hex.upper()}"
    moment = format_datetime(datetime.now(UTC))
    report_id = f"<{uuid.uuid4().hex}@mx.{domain}>"
    names = "\n".join(f"  {address}" for address in recipients)
    fields = "\n".join(
        f"Final-Recipient: rfc822;{address}\nAction: failed\nStatus: 5.1.10\nRemote-MTA: dns;mx.{domain}\n"
        "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; "
        "Recipient not found by SMTP address lookup\n"
        for address in recipients
    )
    head = header_block(original).replace(b"\r\n", b"\n").decode("utf-8", "replace")
    text = (
        f"From: Microsoft Outlook <postmaster@{domain}>\nTo: {sender}\nSubject: Undeliverable: {subject}\n"
        f"Date: {moment}\nMessage-ID: {report_id}\nIn-Reply-To: {original_id}\nReferences: {original_id}\n"
        "Auto-Submitted: auto-replied\nX-MS-Exchange-Message-Is-Ndr:\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\n boundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        f"Delivery has failed to these recipients or groups:\n\n{names}\n\n"
        "The email address you entered couldn't be found. Please check the recipient's email address\n"
        f"and try to resend the message.\n\n--{boundary}\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns;mx.{domain}\nReceived-From-MTA: dns;mx.{domain}\nArrival-Date: {moment}\n\n"
        f"{fields}\n"
        f"--{boundary}\nContent-Type: text/rfc822-headers\n\n{head}\n\n--{boundary}--\n"
    )
    return text.encode("utf-8", "replace").replace(b"\n", b"\r\n")
