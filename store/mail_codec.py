"""A mail as the text of its row, and shortened for lists.

The same mail always gives the same text. A mail whose text would not fit into a row (hundreds of KB of names)
is shortened by fixed rules; its raw message keeps everything."""

from __future__ import annotations

from dataclasses import replace

from domain.mail import Address, Evidence, Mail, Part, Report
from store.chunks import MAX_ENTITY_BYTES, utf16_bytes
from store.record_codec import Codec

_CODEC = Codec(Mail)
MAX_MAIL_BYTES = MAX_ENTITY_BYTES - 200_000
"""The rest of the entity is left to the mail's state, which changes later (`store.link_state`)."""
_MAX_LISTING_BYTES = 60_000
_SHORT_RECIPIENTS, _SHORT_CHARS, _SHORT_PARTS, _SHORT_REFERENCES = 100, 300, 200, 20
_LISTED_RECIPIENTS, _LISTED_CHARS, _LISTED_PARTS = 20, 200, 20
_REPORTED = 20


def mail_text(mail: Mail) -> str:
    """JSON of at most 800,000 bytes as Table Storage counts them."""
    text = _CODEC.to_text(mail)
    if utf16_bytes(text) <= MAX_MAIL_BYTES:
        return text
    return _CODEC.to_text(_shortened(mail, _SHORT_RECIPIENTS, _SHORT_CHARS, _SHORT_PARTS, _SHORT_REFERENCES))


def as_stored(mail: Mail, text: str) -> Mail:
    """The mail that `text`, which `mail_text` made of it, gives when read: another one where it was shortened
    or had characters that cannot be written."""
    was_cut = len(text) >= MAX_MAIL_BYTES // 8
    return mail_from(text) if was_cut or "\ufffd" in text else mail


def listing_text(mail: Mail) -> str:
    """JSON of at most 60,000 bytes, which one property holds: what a list of mails shows."""
    text = _CODEC.to_text(replace(mail, evidence=_listed(mail.evidence)))
    if utf16_bytes(text) <= _MAX_LISTING_BYTES:
        return text
    bare = replace(mail, evidence=Evidence(send_id=mail.evidence.send_id))
    return _CODEC.to_text(_shortened(bare, _LISTED_RECIPIENTS, _LISTED_CHARS, _LISTED_PARTS, 0))


def _listed(evidence: Evidence) -> Evidence:
    return Evidence(send_id=evidence.send_id, report=_shortened_report(evidence.report, 1))


def mail_from(text: str | None) -> Mail:
    """Raises `AdminActionError("StorageRowUnreadable")`."""
    return _CODEC.from_text(text)


def _shortened(mail: Mail, recipients: int, chars: int, parts: int, references: int) -> Mail:
    def people(all_of_them: tuple[Address, ...]) -> tuple[Address, ...]:
        return tuple(Address(one.name[:chars], one.address[:chars]) for one in all_of_them[:recipients])

    cut = sum(max(0, len(field) - recipients) for field in (mail.to, mail.cc))
    evidence = replace(
        mail.evidence,
        in_reply_to=_cut_texts(mail.evidence.in_reply_to, references, chars),
        references=_cut_texts(mail.evidence.references, references, chars),
        authentication_results=_cut_texts(mail.evidence.authentication_results, references, chars * 10),
        auth_as=_cut(mail.evidence.auth_as, chars),
        auto_submitted=_cut(mail.evidence.auto_submitted, chars),
        report=_shortened_report(mail.evidence.report, references),
    )
    return replace(
        mail,
        internet_message_id=_cut(mail.internet_message_id, chars * 4),
        sender=people((mail.sender,))[0] if mail.sender else None,
        to=people(mail.to),
        cc=people(mail.cc),
        reply_to=people(mail.reply_to),
        subject=mail.subject[: chars * 4],
        evidence=evidence,
        parts=tuple(_shortened_part(part, chars) for part in mail.parts[:parts]),
        text_part=mail.text_part if mail.text_part is not None and mail.text_part < parts else None,
        html_part=mail.html_part if mail.html_part is not None and mail.html_part < parts else None,
        recipients_cut=mail.recipients_cut + cut,
    )


def _shortened_report(report: Report | None, ids: int) -> Report | None:
    """Its texts are bounded already."""
    if report is None:
        return None
    return replace(
        report,
        message_ids=report.message_ids[:ids],
        answered=report.answered[:ids],
        recipients=report.recipients[:_REPORTED],
    )


def _shortened_part(part: Part, chars: int) -> Part:
    return replace(
        part,
        content_type=part.content_type[:chars],
        charset=_cut(part.charset, chars),
        transfer_encoding=part.transfer_encoding[:chars],
        disposition=_cut(part.disposition, chars),
        filename=_cut(part.filename, chars),
        content_id=_cut(part.content_id, chars),
    )


def _cut_texts(texts: tuple[str, ...], count: int, chars: int) -> tuple[str, ...]:
    return tuple(text[:chars] for text in texts[:count])


def _cut(text: str | None, chars: int) -> str | None:
    return text[:chars] if text is not None else None
