"""Messages for tests, deterministic, in the way real clients write them."""

from __future__ import annotations

from email.message import EmailMessage


def plain_mail(
    message_id: str,
    *,
    sender: str = "Ann Ivić <ann@fin.example>",
    to: str = "SOC <soc@corp.example>",
    subject: str = "Strange login on PC-4",
    text: str = "We saw a login at night.\n",
    in_reply_to: str | None = None,
    **headers: str,
) -> bytes:
    """A text mail; `message_id` without brackets; `headers` with `_` for `-`."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = "Tue, 24 Nov 2026 10:00:00 +0100"
    message["Message-ID"] = f"<{message_id}>"
    if in_reply_to:
        message["In-Reply-To"] = f"<{in_reply_to}>"
        message["References"] = f"<{in_reply_to}>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def large_mail(message_id: str, size_bytes: int, *, sender: str = "ann@fin.example") -> bytes:
    """A mail with one attachment so that the raw message has about `size_bytes`."""
    head = (
        f"From: {sender}\r\nTo: soc@corp.example\r\nSubject: Disk image\r\nMessage-ID: <{message_id}>\r\n"
        "Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=part\r\n\r\n--part\r\nContent-Type: text/plain\r\n\r\n"
        "The image is attached.\r\n--part\r\nContent-Type: application/octet-stream\r\n"
        "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=disk.img\r\n\r\n"
    ).encode()
    line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n"
    return head + line * (size_bytes // len(line)) + b"\r\n--part--\r\n"
