"""Bodies and attachments of a message's MIME parts, as Exchange lists them; broken parts are given as they
are.
"""

import email.message
from dataclasses import dataclass

from sandbox.exchange.schema import Item
from sandbox.exchange.view import View
from sandbox.exchange.xmltext import escape, timestamp

PREVIEW_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment; `message` is set where it is a message of its own."""

    name: str
    content_type: str
    content_id: str | None
    is_inline: bool
    part: email.message.Message
    message: email.message.Message | None

    def content(self) -> bytes:
        """The decoded bytes."""
        if self.message is not None:
            return self.message.as_bytes()
        payload = self.part.get_payload(decode=True)
        return payload if isinstance(payload, bytes) else b""


def part_text(part: email.message.Message) -> str:
    """A text part decoded by its charset, or as near as it gets."""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    charset = str(part.get_content_charset("utf-8"))
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("latin-1")


def find_body(message: email.message.Message) -> tuple[str, str]:
    """Body type (`HTML` or `Text`) and text; HTML is preferred, as Exchange prefers it."""
    plain: str | None = None
    for part in _leaves(message):
        if _is_attached(part):
            continue
        kind = part.get_content_type()
        if kind == "text/html":
            return "HTML", part_text(part)
        if kind == "text/plain" and plain is None:
            plain = part_text(part)
    return "Text", plain or ""


def body_element(tag: str, item: Item, view: View) -> str:
    """Body, UniqueBody or TextBody."""
    kind, text = find_body(view.message(item))
    if tag == "TextBody" and kind == "HTML":
        texts = [part_text(p) for p in _leaves(view.message(item)) if p.get_content_type() == "text/plain"]
        kind, text = "Text", texts[0] if texts else ""
    return f'<t:{tag} BodyType="{kind}">{escape(text)}</t:{tag}>'


def preview_text(item: Item, view: View) -> str:
    """The first characters of a plain body."""
    kind, text = find_body(view.message(item))
    return " ".join(text[: 4 * PREVIEW_LIMIT].split())[:PREVIEW_LIMIT] if kind == "Text" else ""


def list_attachments(message: email.message.Message) -> list[Attachment]:
    """The message's attachments in their order."""
    found: list[Attachment] = []
    for part in _leaves(message):
        kind = part.get_content_type()
        if not _is_attached(part) and kind in ("text/plain", "text/html", "text/calendar"):
            continue
        if not message.is_multipart():
            continue
        inner = part.get_payload(0) if kind == "message/rfc822" and part.is_multipart() else None
        name = part.get_filename() or (
            str(inner.get("Subject", "")) if isinstance(inner, email.message.Message) else ""
        )
        found.append(
            Attachment(
                name=name or f"attachment-{len(found) + 1}",
                content_type=kind,
                content_id=str(part["Content-ID"]).strip("<> ") if part["Content-ID"] else None,
                is_inline=(part.get_content_disposition() or "") == "inline",
                part=part,
                message=inner if isinstance(inner, email.message.Message) else None,
            )
        )
    return found


def attachments_element(item: Item, view: View) -> str:
    """The attachments without their content."""
    found = list_attachments(view.message(item))
    if not found:
        return ""
    written = [attachment_head(item, index, attachment, view) for index, attachment in enumerate(found)]
    return f"<t:Attachments>{''.join(f'{head}</t:{tag}>' for tag, head in written)}</t:Attachments>"


def attachment_head(item: Item, index: int, attachment: Attachment, view: View) -> tuple[str, str]:
    """Element name, and everything of the attachment's element but content and end tag."""
    tag = "FileAttachment" if attachment.message is None else "ItemAttachment"
    content_id = (
        f"<t:ContentId>{escape(attachment.content_id)}</t:ContentId>" if attachment.content_id else ""
    )
    return tag, (
        f'<t:{tag}><t:AttachmentId Id="{view.ids.attachment(item.id, index)}"/>'
        f"<t:Name>{escape(attachment.name)}</t:Name><t:ContentType>{escape(attachment.content_type)}</t:ContentType>"
        f"{content_id}<t:Size>{len(attachment.content())}</t:Size>"
        f"<t:LastModifiedTime>{timestamp(item.received_at)}</t:LastModifiedTime>"
        f"<t:IsInline>{'true' if attachment.is_inline else 'false'}</t:IsInline>"
        + ("<t:IsContactPhoto>false</t:IsContactPhoto>" if attachment.message is None else "")
    )


def _leaves(message: email.message.Message) -> list[email.message.Message]:
    """Parts without parts, in order; an attached message counts as one part."""
    leaves: list[email.message.Message] = []
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        children = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(children, list):
            waiting[:0] = [child for child in children if isinstance(child, email.message.Message)]
        else:
            leaves.append(part)
    return leaves


def _is_attached(part: email.message.Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())
