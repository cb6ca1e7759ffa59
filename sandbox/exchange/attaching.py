"""Attachments that a client gives: as MIME parts, and put into a draft's message."""

import base64
import binascii
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.parser import BytesParser
from email.policy import compat32

from lxml import etree

from sandbox.exchange.errors import ItemError
from sandbox.exchange.soap import T

_DEFAULT_TYPE = "application/octet-stream"


def with_attachment(raw: bytes, part: Message) -> Message:
    """The message with one part more; a message of one part becomes the first of several."""
    message = BytesParser(policy=compat32).parsebytes(raw)
    if message.get_content_type() != "multipart/mixed" or not message.is_multipart():
        outer = MIMEMultipart("mixed", policy=compat32)
        del outer["MIME-Version"]
        inner = Message(policy=compat32)
        for name, value in message.items():
            own = name.lower().startswith("content-") and name.lower() != "content-language"
            (inner if own else outer)[name] = value
        inner.set_payload(message.get_payload())
        outer.attach(inner)
        message = outer
    message.attach(part)
    return message


def read_attachment(node: etree._Element) -> Message:
    """The part that a FileAttachment or ItemAttachment element describes. Raises ItemError."""
    name = node.findtext(T + "Name", "").strip() or "attachment"
    if node.tag == T + "ItemAttachment":
        mime = node.findtext(f"{T}Message/{T}MimeContent")
        if not mime:
            raise ItemError("ErrorInvalidRequest", "An attached message needs its MimeContent.")
        part: Message = MIMEMessage(BytesParser(policy=compat32).parsebytes(_decoded(mime)))
    else:
        maintype, _, subtype = (node.findtext(T + "ContentType") or _DEFAULT_TYPE).partition("/")
        part = MIMEBase(maintype or "application", subtype or "octet-stream")
        content = base64.encodebytes(_decoded(node.findtext(T + "Content", "")))
        part["Content-Transfer-Encoding"] = "base64"
        part.set_payload(content.decode("ascii"))
    inline = node.findtext(T + "IsInline", "").strip() in ("true", "1")
    part.add_header("Content-Disposition", "inline" if inline else "attachment", filename=("utf-8", "", name))
    content_id = node.findtext(T + "ContentId", "").strip()
    if content_id and content_id.isprintable():
        part["Content-ID"] = f"<{content_id}>"
    return part


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ItemError("ErrorInvalidRequest", "The attachment's content is not valid base64.") from error
