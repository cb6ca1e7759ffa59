"""Which mail a report is about, and what it says of each recipient: from its machine-readable parts first,
then from the message that came back with it, then from its words.

Sources: RFC 3464, RFC 6522, RFC 6533, RFC 8098; `X-Failed-Recipients` is what Exim and Gmail write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.mail import Report, ReportedRecipient
from domain.mime.headers import Headers, decode_words, parse_addresses, parse_header_block, parse_message_ids
from domain.mime.scanner import RETURNED_TYPES, STATUS_TYPES
from domain.reports.free_text import FreeText, read_free_text
from domain.reports.status_fields import MAX_ADDRESS_CHARS, MAX_RECIPIENTS, read_status

MAX_MESSAGE_IDS = 20
_MAX_SUBJECT_CHARS = 1_000
_BLANK_LINE = re.compile(r"\r?\n[ \t]*(?:\r?\n|\Z)")
_OWN_ID_FIELDS = ("Message-ID", "X-Google-Original-Message-ID", "X-Original-Message-ID", "Resent-Message-ID")


def report_of(headers: Headers, parts: Sequence[tuple[str, str]], text: str) -> Report | None:
    """`headers`: of the report itself. `parts`: content type and text of its parts of `STATUS_TYPES` and
    `RETURNED_TYPES`, in order, as far as they were kept. `text`: its words. None where nothing is found."""
    status = [read_status(words) for content_type, words in parts if content_type in STATUS_TYPES]
    returned = [_header_of(words) for content_type, words in parts if content_type in RETURNED_TYPES]
    people, _ = parse_addresses([*headers.get_all("To"), headers.get("From"), headers.get("Sender")])
    words = read_free_text(
        text,
        title=decode_words(headers.get("Subject")),
        not_recipients=[one.address.lower() for one in people],
    )
    if words.returned:
        returned.append(_header_of(words.returned))
    ids = [
        one for header in returned for name in _OWN_ID_FIELDS for one in parse_message_ids(header.get(name))
    ]
    ids += [one for found in status for one in found.message_ids]
    ids += [words.message_id] if words.message_id else []
    # Where the Message-ID was rewritten on its way, what the returned mail answered still tells its thread.
    answered = [
        one
        for header in returned
        for one in (
            *parse_message_ids(header.get("In-Reply-To")),
            *reversed(parse_message_ids(header.get("References"))),
        )
    ]
    report = Report(
        message_ids=tuple(dict.fromkeys(ids))[:MAX_MESSAGE_IDS],
        answered=tuple(dict.fromkeys(answered))[:MAX_MESSAGE_IDS],
        recipients=_recipients([one for found in status for one in found.recipients], headers, words),
        subject=_subject(returned, words),
    )
    return report if report != Report() else None


def _header_of(text: str) -> Headers:
    return parse_header_block(
        _BLANK_LINE.split(text.lstrip("\r\n"), maxsplit=1)[0].encode("utf-8", "replace")
    )


def _subject(returned: Iterable[Headers], words: FreeText) -> str:
    for header in returned:
        if subject := decode_words(header.get("Subject")):
            return subject[:_MAX_SUBJECT_CHARS]
    return decode_words(words.subject)[:_MAX_SUBJECT_CHARS]


def _recipients(
    stated: Sequence[ReportedRecipient], headers: Headers, words: FreeText
) -> tuple[ReportedRecipient, ...]:
    """The fields' where there are any, else the header's, each with what the words say; else the words'."""
    told = {one.address.lower(): one for one in words.recipients}
    if stated:
        return tuple(_with_words(one, told.get(one.address.lower())) for one in stated[:MAX_RECIPIENTS])
    failed, _ = parse_addresses(headers.get_all("X-Failed-Recipients"))
    named = [one.address for one in failed if "@" in one.address and len(one.address) <= MAX_ADDRESS_CHARS]
    if named:
        only = words.recipients[0] if len(words.recipients) == len(named) == 1 else None
        return tuple(
            _with_words(ReportedRecipient(address), told.get(address.lower()) or only)
            for address in dict.fromkeys(named[:MAX_RECIPIENTS])
        )
    return words.recipients


def _with_words(one: ReportedRecipient, told: ReportedRecipient | None) -> ReportedRecipient:
    if told is None:
        return one
    if not one.text:
        one = replace(one, text=told.text)
    return one if one.status else replace(one, status=told.status)
