"""The message that a reply form makes: what preview shows, what is stored, and what leaves."""

from __future__ import annotations

import re

from api.problems import FieldError, Problem
from api.sanitise import MAX_HTML_CHARS, sanitise_html
from api.services import Services
from domain.compose.build import Composed, Sending, Written, outgoing_message
from domain.compose.check import SizeLimits, find_mistakes
from domain.compose.message import ComposeMistake, OutgoingMessage, OutgoingPart
from domain.compose.recipients import Recipients, reply_recipients
from domain.compose.thread import new_message_id
from mail_reply.original import KeptContentIds, attached_files, read_original, related_images
from mail_reply.reply_form import ReplyForm
from mail_reply.sources import Sources, mode_of

_INDEX = re.compile(r"\[(\d+)\]")


def own_message_id(services: Services, sources: Sources, entry_id: str, digest: str) -> str:
    """128 bits that nobody can guess, the same for the same request: made under the installation's key."""
    secret = services.mails.keyed_hash(f"message-id:{entry_id}:{digest}")
    return new_message_id(bytes.fromhex(secret[:32]), sources.mailbox.email.rpartition("@")[2])


def write_reply(
    services: Services,
    sources: Sources,
    form: ReplyForm,
    uploaded: tuple[OutgoingPart, ...],
    message_id: str,
) -> Composed:
    """Raises 422 with each field's mistake."""
    mail = sources.original.mail if sources.original else None
    mode = mode_of(form)
    filled = reply_recipients(mail, mode, sources.own_addresses) if mail else Recipients()
    to, cc = form.people("to"), form.people("cc")
    original = read_original(services.raw, mail) if mail else None
    files = tuple(one for one in uploaded if one.content_id is None)
    if mail is not None and form.mode == "forward" and form.include_attachments:
        files = (*files, *attached_files(services.raw, mail))
    images = tuple(one for one in uploaded if one.content_id is not None)
    composed = outgoing_message(
        Written(
            mode=mode,
            to=filled.to if to is None else to,
            cc=(filled.cc if to is None else ()) if cc is None else cc,
            bcc=form.people("bcc") or (),
            subject=form.subject or "",
            html=safe_fragment(form.html, "html"),
            text=form.text,
            attachments=files,
        ),
        Sending(
            sender=sources.sender,
            token=sources.token,
            signature=sources.email_server.signature,
            message_id=message_id,
            date=services.clock.now(),
            stale_tokens=sources.stale_tokens,
        ),
        original=original,
        images=(*images, *related_images(services.raw, mail)) if mail else images,
    )
    check_message(composed.message)
    return composed


def safe_fragment(html: str, field: str) -> str:
    """Without script, form, frame; https images stay. Raises 422 where it is too large or nested."""
    if not html.strip():
        return ""
    safe = None
    if len(html) <= MAX_HTML_CHARS:
        safe = sanitise_html(html, images=KeptContentIds(), remote_images=True)
    if safe is None:
        raise Problem.of_fields([FieldError(field, "TooComplex", "This HTML is too long or too deep.")])
    return safe.html


def check_message(message: OutgoingMessage) -> None:
    """Raises 422 with everything that keeps it from going out."""
    mistakes = find_mistakes(message, SizeLimits())
    if mistakes:
        raise Problem.of_fields(_field_error(one) for one in mistakes)


def _field_error(mistake: ComposeMistake) -> FieldError:
    return FieldError(_INDEX.sub(r".\1", mistake.field), mistake.code, mistake.detail)
