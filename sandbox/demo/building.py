"""Builds the demo's messages: the same bytes for the same time, whoever builds them and how often. Pure."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from sandbox.state import AUTHSERV_ID, MAILBOX

SOC = Address("Security Operations Center", addr_spec=MAILBOX)


@dataclass(frozen=True, slots=True)
class DemoMail:
    """One message to deliver. `expected`: it is a business unit's, so the app has to show it.

    `message_id` is with angle brackets; `folder` a path in the mailbox.
    """

    message_id: str
    raw: bytes
    expected: bool = True
    folder: str = "Inbox"
    envelope_from: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; with `content_id` a picture inside the HTML (`cid:…`)."""

    name: str
    content_type: str
    content: bytes
    content_id: str | None = None


@dataclass(slots=True)
class Thread:
    """A conversation: each message that is added answers the one before it, unless told otherwise."""

    topic: str
    started_at: datetime
    mails: list[DemoMail] = field(default_factory=list)
    _ids: list[str] = field(default_factory=list)
    _minutes: int = 0

    def add(
        self,
        sender: Address,
        text: str,
        *,
        to: tuple[Address, ...] = (SOC,),
        cc: tuple[Address, ...] = (),
        subject: str | None = None,
        html: str | None = None,
        files: tuple[File, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        after_minutes: int = 25,
        threaded: bool = True,
        charset: str = "utf-8",
        dmarc: str = "pass",
    ) -> str:
        """Adds a message and returns its Message-ID. `threaded` False leaves out what names earlier ones."""
        self._minutes += after_minutes
        first = not self._ids
        message = EmailMessage(policy=SMTP)
        message_id = self._message_id(sender)
        if sender is not SOC:
            _add_transport_headers(message, sender, dmarc, self._sent_at())
        message["From"] = sender
        message["To"] = to
        if cc:
            message["Cc"] = cc
        message["Subject"] = subject or (self.topic if first else f"RE: {self.topic}")
        message["Date"] = format_datetime(self._sent_at())
        message["Message-ID"] = message_id
        if threaded and not first:
            message["In-Reply-To"] = self._ids[-1]
            message["References"] = " ".join(self._ids)
        message["Thread-Topic"] = self.topic
        for name, value in headers:
            message[name] = value
        fill(message, text, html=html, files=files, charset=charset)
        self._keep(message, message_id, sender)
        return message_id

    def add_raw(self, message: EmailMessage, sender: Address, *, envelope_from: str | None = None) -> None:
        """Adds a message of a shape of its own: `Message-ID` and `Date` are set here."""
        self._minutes += 10
        message_id = self._message_id(sender)
        message["Date"] = format_datetime(self._sent_at())
        message["Message-ID"] = message_id
        self._keep(message, message_id, sender, envelope_from)

    @property
    def last_id(self) -> str:
        """The Message-ID of the last message."""
        return self._ids[-1]

    def _keep(
        self, message: EmailMessage, message_id: str, sender: Address, envelope_from: str | None = None
    ) -> None:
        folder = "Sent Items" if sender is SOC else "Inbox"
        raw = to_bytes(message, message_id)
        self._ids.append(message_id)
        self.mails.append(DemoMail(message_id, raw, sender is not SOC, folder, envelope_from))

    def _sent_at(self) -> datetime:
        return self.started_at + timedelta(minutes=self._minutes)

    def _message_id(self, sender: Address) -> str:
        seed = hashlib.sha256(f"{self.topic}/{len(self._ids)}".encode()).digest()
        return f"<{base64.b32encode(seed[:15]).decode().lower()}@{sender.domain}>"


def fill(
    message: EmailMessage,
    text: str,
    *,
    html: str | None = None,
    files: tuple[File, ...] = (),
    charset: str = "utf-8",
) -> None:
    """Puts text, HTML with its pictures, and attachments into a message, nested as mail programs do it."""
    if charset == "iso-2022-jp":
        message.set_content(text, charset=charset, cte="7bit")
    else:
        message.set_content(text, charset=charset, cte="quoted-printable")
    if html is not None:
        message.add_alternative(html, subtype="html", charset=charset, cte="quoted-printable")
        page = message.get_payload()[1]  # type: ignore[index]  # a list since the alternative was added
        for picture in files:
            if picture.content_id:
                kind, _, subtype = picture.content_type.partition("/")
                page.add_related(  # type: ignore[union-attr]  # the parts of an EmailMessage are EmailMessages
                    picture.content,
                    kind,
                    subtype,
                    cid=f"<{picture.content_id}>",
                    filename=picture.name,
                    disposition="inline",
                )
    for file in files:
        if not file.content_id:
            kind, _, subtype = file.content_type.partition("/")
            message.add_attachment(file.content, kind, subtype, filename=file.name)


def to_bytes(message: EmailMessage, seed: str) -> bytes:
    """The message with boundaries that depend on the seed alone, since the library's are random."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            digest = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:24]
            part.set_boundary(f"----=_Part_{number:03}_{digest}")
    return message.as_bytes(policy=SMTP)


def _add_transport_headers(message: EmailMessage, sender: Address, dmarc: str, sent_at: datetime) -> None:
    domain = sender.domain
    spf = "pass" if dmarc == "pass" else "softfail"
    message["Authentication-Results"] = (
        f"{AUTHSERV_ID}; spf={spf} smtp.mailfrom={domain}; dkim={dmarc} header.d={domain}; "
        f"dmarc={dmarc} header.from={domain}"
    )
    message["Received"] = (
        f"from mail.{domain} (mail.{domain} [192.0.2.25]) by {AUTHSERV_ID} with ESMTPS; "
        f"{format_datetime(sent_at)}"
    )
