"""Puts a whole message together from what a person wrote, or from a rendered notification.

Preview and outbox both call this, once; what it returns is shown, stored and delivered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.compose.addresses import same_mailbox_key
from domain.compose.html_text import html_to_plain
from domain.compose.message import Mode, OutgoingMessage, OutgoingPart
from domain.compose.parts import inline_images, outgoing_attachments
from domain.compose.quote import Bodies, Original, forwarded, quoted, signed, text_to_html
from domain.compose.recipients import shown_name
from domain.compose.subject import reply_subject
from domain.compose.thread import Thread, answer_to_mail
from domain.mail import Address
from domain.mime.headers import printable

_PAGE = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{}\n</body></html>\n'


@dataclass(frozen=True, slots=True)
class Written:
    """What a person (or a template) says. `html` is a sanitised fragment; where it is empty it is made from
    `text`, and the other way round. `subject` empty: the original's."""

    mode: Mode
    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    subject: str = ""
    html: str = ""
    text: str = ""
    attachments: tuple[OutgoingPart, ...] = ()


@dataclass(frozen=True, slots=True)
class Sending:
    """What the app adds. `sender`: the mailbox with the email server's sender name. `token`: the incident's
    subject token, `stale_tokens` those of other incidents that the subject may still hold. `signature`:
    plain text. `date` with a time zone. `message_id` from `new_message_id`."""

    sender: Address
    token: str
    signature: str
    message_id: str
    date: datetime
    auto_submitted: bool = False
    stale_tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Composed:
    """The message, and `dropped_images`: Content-IDs that its HTML named and nothing has."""

    message: OutgoingMessage
    dropped_images: tuple[str, ...] = ()


def outgoing_message(
    written: Written,
    sending: Sending,
    *,
    original: Original | None = None,
    thread: Thread | None = None,
    images: Iterable[OutgoingPart] = (),
) -> Composed:
    """The message as it goes out; `domain.compose.check.find_mistakes` says whether it can.

    `original` is quoted, or shown whole in a forward; it also makes the threading fields unless `thread` is
    given (a follow-up without a quotation). `images`: the original's related parts and the draft's images,
    of which those go along that the HTML names.
    """
    quotation = Bodies("", "")
    if original is not None and written.mode is not Mode.NEW:
        quotation = forwarded(original) if written.mode is Mode.FORWARD else quoted(original)
        thread = thread or answer_to_mail(original.mail)
    pieces = [
        piece for piece in (_said(written), signed(sending.signature), quotation) if piece.text or piece.html
    ]
    html = _PAGE.format("\n<br>\n".join(piece.html for piece in pieces))
    inlined = inline_images(printable(html), images, sending.message_id)
    subject = written.subject or (original.mail.subject if original else "")
    thread = thread or Thread()
    to, cc, bcc = _each_once(written.to, written.cc, written.bcc)
    message = OutgoingMessage(
        sender=_named(sending.sender),
        to=to,
        cc=cc,
        bcc=bcc,
        subject=reply_subject(subject, written.mode, sending.token, sending.stale_tokens),
        html=inlined.html,
        text=printable("\n\n".join(piece.text for piece in pieces)) + "\n",
        message_id=sending.message_id,
        date=sending.date,
        in_reply_to=thread.in_reply_to,
        references=thread.references,
        auto_submitted=sending.auto_submitted,
        attachments=outgoing_attachments(written.attachments),
        inline=inlined.images,
    )
    return Composed(message, inlined.dropped)


def _said(written: Written) -> Bodies:
    text = written.text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    html = written.html.strip()
    if not text.strip():
        text = html_to_plain(html)
    return Bodies(html or (f"<div>{text_to_html(text)}</div>" if text else ""), text)


def _named(person: Address) -> Address:
    return Address(shown_name(person.name), person.address.strip())


def _each_once(*lists: tuple[Address, ...]) -> tuple[tuple[Address, ...], ...]:
    """Nobody gets a mail twice: the first list that names somebody counts."""
    known: set[str] = set()
    found: list[tuple[Address, ...]] = []
    for people in lists:
        kept: list[Address] = []
        for one in people:
            key = same_mailbox_key(one.address)
            if key not in known:
                known.add(key)
                kept.append(_named(one))
        found.append(tuple(kept))
    return tuple(found)
