"""The machine-readable parts of reports: delivery status (RFC 3464, RFC 6533) and disposition (RFC 8098).

What is not understood is left out; nothing here raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.mail import ReportedRecipient
from domain.mime.headers import Headers, decode_words, parse_header_block, parse_message_ids

MAX_RECIPIENTS = 200
MAX_ADDRESS_CHARS = 320
MAX_TEXT_CHARS = 300

_BLANK_LINE = re.compile(r"\r?\n[ \t]*\r?\n")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\d|\.\d)")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_ID_FIELDS = ("X-Original-Message-ID", "Original-Message-ID", "Original-Envelope-Id")


@dataclass(frozen=True, slots=True)
class StatusFields:
    """`message_ids`: normalised, of the mail that it is about, where the fields name it."""

    recipients: tuple[ReportedRecipient, ...]
    message_ids: tuple[str, ...]


def read_status(text: str) -> StatusFields:
    """A `message/delivery-status` or `message/disposition-notification` part. One group of fields a
    recipient; the first group is about the report itself. The first 200 recipients count."""
    recipients: dict[str, ReportedRecipient] = {}
    ids: dict[str, None] = {}
    for group in _BLANK_LINE.split(text, maxsplit=4 * MAX_RECIPIENTS)[: 4 * MAX_RECIPIENTS]:
        fields = parse_header_block(group.encode("utf-8", "replace"))
        for name in _ID_FIELDS:
            value = fields.get(name)
            # An envelope id (RFC 3461) is any text; only one in the form of a Message-ID may be one.
            if name != "Original-Envelope-Id" or (value.startswith("<") and "@" in value):
                ids.update(dict.fromkeys(parse_message_ids(value)))
        found = _recipient(fields)
        if found is not None and len(recipients) < MAX_RECIPIENTS:
            recipients.setdefault(found.address.casefold(), found)
    return StatusFields(tuple(recipients.values()), tuple(ids))


def status_in(text: str) -> str | None:
    """The first enhanced status code (RFC 3463) in a text: `5.1.1`."""
    found = _STATUS.search(text)
    return found.group(1) if found else None


def _recipient(fields: Headers) -> ReportedRecipient | None:
    """The address that the mail was sent to rather than the one that it was passed on to."""
    address = _address(fields.get("Original-Recipient")) or _address(fields.get("Final-Recipient"))
    if address is None:
        return None
    text = _after_type(fields.get("Diagnostic-Code")) or _after_type(fields.get("Disposition"))
    return ReportedRecipient(
        address=address,
        action=_action(fields),
        status=status_in(fields.get("Status")) or status_in(text),
        text=decode_words(text)[:MAX_TEXT_CHARS],
    )


def _action(fields: Headers) -> str:
    if disposition := _after_type(fields.get("Disposition")):
        # RFC 8098 section 3.2.6.2: `displayed`, `deleted` and modifiers after a slash.
        return disposition.split("/")[0].strip().lower()[:20]
    action = fields.get("Action").split("(")[0].strip().lower()
    return action if action in _ACTIONS else "failed"


def _address(value: str) -> str | None:
    """What stands behind the address type. Only mail addresses count, not X.400's or Exchange's own."""
    text = _ESCAPED.sub(_character, _after_type(value)).strip().strip("<>").strip()
    text = decode_words(text)
    fits = "@" in text and len(text) <= MAX_ADDRESS_CHARS and not any(one.isspace() for one in text)
    return text if fits else None


def _after_type(value: str) -> str:
    _, semicolon, text = value.partition(";")
    return text.strip() if semicolon else ""


def _character(match: re.Match[str]) -> str:
    """RFC 6533 section 3: `\\x{E4}` for a character that is not ASCII."""
    number = int(match.group(1), 16)
    return chr(number) if 0x20 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
