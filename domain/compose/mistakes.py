"""What would corrupt a message or its recipients, by field: line breaks, bad addresses, endless lists.

Asked before every writing, whoever made the message; `domain.compose.check` adds what a person is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.compose.addresses import BadAddressError, outgoing_address
from domain.compose.message import ComposeMistake, OutgoingMessage
from domain.compose.recipients import MAX_NAME_CHARS
from domain.compose.subject import MAX_SUBJECT_UNITS
from domain.compose.thread import is_message_id
from domain.mail import Address

MAX_RECIPIENTS = 500
MAX_PARTS = 250
MAX_FILE_NAME_CHARS = 255
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,500}")
_LISTS = ("to", "cc", "bcc")


def find_header_mistakes(message: OutgoingMessage) -> tuple[ComposeMistake, ...]:
    """Everything that is wrong with its fields; empty: it can be written."""
    return tuple(_header_mistakes(message))


def _header_mistakes(message: OutgoingMessage) -> Iterator[ComposeMistake]:
    yield from _person("from", message.sender)
    if sum(len(getattr(message, field)) for field in _LISTS) > MAX_RECIPIENTS:
        yield ComposeMistake("to", "TooMany", f"A mail goes to at most {MAX_RECIPIENTS} recipients.")
    else:
        for field in _LISTS:
            for n, one in enumerate(getattr(message, field)):
                yield from _person(f"{field}[{n}]", one)
    if not message.subject.strip():
        yield ComposeMistake("subject", "Required", "A mail needs a subject.")
    yield from _line("subject", message.subject)
    if len(message.subject.encode("utf-16-le", "replace")) > 2 * MAX_SUBJECT_UNITS:
        detail = f"A subject has at most {MAX_SUBJECT_UNITS} characters."
        yield ComposeMistake("subject", "TooLong", detail)
    for field, one in (("messageId", message.message_id), ("inReplyTo", message.in_reply_to)):
        if one is not None and not is_message_id(one):
            yield ComposeMistake(field, "NotAMessageId", "This is no Message-ID in angle brackets.")
    if any(not is_message_id(one) for one in message.references):
        yield ComposeMistake(
            "references", "NotAMessageId", "These are not all Message-IDs in angle brackets."
        )
    yield from _parts(message)


def _parts(message: OutgoingMessage) -> Iterator[ComposeMistake]:
    for field, parts in (("attachments", message.attachments), ("inline", message.inline)):
        if len(parts) > MAX_PARTS:
            yield ComposeMistake(field, "TooMany", f"A mail holds at most {MAX_PARTS} files.")
            continue
        for n, part in enumerate(parts):
            where = f"{field}[{n}]"
            yield from _line(f"{where}.name", part.name)
            if not part.name or len(part.name) > MAX_FILE_NAME_CHARS:
                detail = f"A file's name has 1 to {MAX_FILE_NAME_CHARS} characters."
                yield ComposeMistake(f"{where}.name", "BadLength", detail)
            if part.size_bytes < 0:
                yield ComposeMistake(f"{where}.size", "Negative", "A size is 0 or more.")
            if part.content_id is not None and not _CONTENT_ID.fullmatch(part.content_id):
                detail = "A Content-ID holds ASCII letters, digits and signs only."
                yield ComposeMistake(f"{where}.contentId", "NotAContentId", detail)


def _person(field: str, person: Address) -> Iterator[ComposeMistake]:
    yield from _line(f"{field}.name", person.name)
    if len(person.name) > MAX_NAME_CHARS:
        detail = f"A display name has at most {MAX_NAME_CHARS} characters."
        yield ComposeMistake(f"{field}.name", "TooLong", detail)
    if _CONTROL.search(person.address):
        yield from _line(field, person.address)
        return
    try:
        outgoing_address(person.address)
    except BadAddressError as error:
        yield ComposeMistake(field, error.code, str(error))


def _line(field: str, value: str) -> Iterator[ComposeMistake]:
    if _CONTROL.search(value):
        yield ComposeMistake(field, "ControlCharacter", "This holds a line break or a control character.")
