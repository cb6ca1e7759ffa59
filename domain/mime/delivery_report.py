"""What a delivery status notification says (RFC 3464): about which mail, and of each recipient what.

Reports come from strangers: what is read of one is bounded, and what is not understood is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.mail import Part
from domain.mime.headers import normalise_message_id, parse_header_block, printable
from domain.mime.part_reader import ReadRaw, decoded_slice
from domain.outbox import OutcomeState, RecipientOutcome

_MAX_BYTES = 262_144
_MAX_RECIPIENTS = 500
_STATUS = "message/delivery-status", "message/global-delivery-status"
_ORIGINAL = "text/rfc822-headers", "message/rfc822", "message/global", "message/global-headers"
_GROUP = re.compile(r"\r?\n[ \t]*\r?\n")
_ACTIONS = {"failed": OutcomeState.BOUNCED, "delayed": OutcomeState.DELAYED}
"""Section 2.3.3; `delivered`, `relayed` and `expanded` say no more than that the mail was taken."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """`original_id`: the returned mail's Message-ID, normalised; None where none came back. `outcomes`: of
    recipients that the mail did not reach, or not yet."""

    original_id: str | None
    outcomes: tuple[RecipientOutcome, ...]


def read_report(parts: Sequence[Part], read: ReadRaw) -> DeliveryReport:
    """The report in a message with these parts. `read` reads its raw bytes, and what it raises goes on up."""
    status = _first(parts, _STATUS)
    original = _first(parts, _ORIGINAL)
    head = _text(read, original).lstrip("\r\n") if original else ""
    header = parse_header_block(_GROUP.split(head, 1)[0].encode())
    return DeliveryReport(
        normalise_message_id(header.get("Message-ID")), _outcomes(_text(read, status)) if status else ()
    )


def _first(parts: Sequence[Part], types: tuple[str, ...]) -> Part | None:
    return next((part for part in parts if part.content_type in types), None)


def _text(read: ReadRaw, part: Part) -> str:
    return decoded_slice(read, part, 0, _MAX_BYTES).decode("utf-8", "replace")


def _outcomes(text: str) -> tuple[RecipientOutcome, ...]:
    """One group of fields a recipient; the first group, about the report itself, names none."""
    found: dict[str, RecipientOutcome] = {}
    for group in _GROUP.split(text)[: _MAX_RECIPIENTS + 1]:
        fields = parse_header_block(group.encode())
        address = _typed(fields.get("Original-Recipient")) or _typed(fields.get("Final-Recipient"))
        state = _ACTIONS.get(fields.get("Action").strip().lower())
        if address and state is not None:
            detail = printable(_typed(fields.get("Diagnostic-Code")))[:500]
            code = printable(fields.get("Status").strip())[:20]
            found.setdefault(address.lower(), RecipientOutcome(address, state, code, detail))
    return tuple(found.values())


def _typed(value: str) -> str:
    """The value behind its type: `rfc822; ann@fin.example`."""
    _, semicolon, text = value.partition(";")
    return text.strip().strip("<>") if semicolon else ""
