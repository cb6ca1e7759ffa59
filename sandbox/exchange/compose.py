"""Makes a draft's message: from the MIME that a client gave, or from properties alone."""

import uuid
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from sandbox.exchange.attaching import with_attachment
from sandbox.exchange.errors import ItemError
from sandbox.exchange.item_elements import ItemValues
from sandbox.exchange.mime import Address, read_headers
from sandbox.exchange.rebuild import rebuild_mime
from sandbox.exchange.schema import Mailbox

_HEADERS = {
    "Subject": "Subject",
    "Importance": "Importance",
    "InReplyTo": "In-Reply-To",
    "References": "References",
    "InternetMessageId": "Message-ID",
}
_RECIPIENT_HEADERS = {"to": "To", "cc": "Cc", "reply_to": "Reply-To"}


def new_message_id(domain: str) -> str:
    """A Message-ID of the server's own."""
    return f"<{uuid.uuid4().hex.upper()}@mx.{domain}>"


def changed_headers(values: ItemValues) -> dict[str, str]:
    """Header fields that say what the values say; empty ones are to be removed. A Bcc never stays in a
    message.
    """
    headers = {_HEADERS[name]: _safe(text) for name, text in values.texts.items() if name in _HEADERS}
    for kind, name in _RECIPIENT_HEADERS.items():
        if kind in values.recipients:
            headers[name] = _addresses(values.recipients[kind])
    if values.author is not None:
        headers["From"] = _addresses([values.author])
    return {**headers, "Bcc": ""}


def compose(values: ItemValues, box: Mailbox, message_id: str) -> bytes:
    """The message of a new draft; message_id is used where the client gave none."""
    headers = changed_headers(values)
    raw = values.mime if values.mime is not None else _from_body(values)
    for part in values.attachments:
        raw = with_attachment(raw, part).as_bytes()
    given = read_headers(raw)
    defaults = {
        "From": formataddr((box.name, box.address)),
        "Message-ID": message_id,
        "Date": format_datetime(datetime.now(UTC)),
    }
    headers = {**{name: value for name, value in defaults.items() if given.first(name) is None}, **headers}
    return rebuild_mime(raw, headers)


def with_body(values: ItemValues, old: bytes) -> bytes:
    """A draft's message with another body; its header fields stay, attachments go."""
    kept = {
        name: value
        for name, value in read_headers(old).fields
        if name.lower()
        not in ("content-type", "content-transfer-encoding", "mime-version", "content-disposition")
    }
    return rebuild_mime(_from_body(values), kept)


def _from_body(values: ItemValues) -> bytes:
    kind, text = values.body or ("Text", "")
    message = EmailMessage(policy=SMTP)
    message.set_content(text, subtype="html" if kind == "HTML" else "plain", charset="utf-8")
    return message.as_bytes()


def _safe(text: str) -> str:
    """Header text without line ends, as an encoded word where it is not ASCII."""
    line = " ".join(text.split()) if any(ord(char) < 32 for char in text) else text
    return line if line.isascii() else Header(line, "utf-8", maxlinelen=70).encode(linesep="\r\n")


def _addresses(addresses: list[Address]) -> str:
    for _, address in addresses:
        if any(ord(char) < 33 for char in address):
            raise ItemError("ErrorInvalidRecipients")
    return ",\r\n ".join(
        formataddr((" ".join(name.split()), address), "utf-8") for name, address in addresses
    )
