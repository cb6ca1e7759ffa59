"""What an export says of each mail: a row of its index. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime

from domain.linking_ports import TabMail
from domain.mail import Address, Mail

COLUMNS = (
    "number",
    "file",
    "sha256",
    "sizeBytes",
    "sameAsFetched",
    "problem",
    "direction",
    "kind",
    "from",
    "to",
    "cc",
    "recipientsLeftOut",
    "subject",
    "sentAt",
    "receivedAt",
    "businessUnit",
    "senderVerified",
    "incident",
    "linkRule",
    "linkState",
    "internetMessageId",
    "mailId",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def file_name(mail: Mail, number: int) -> str:
    """Made of nothing that a sender wrote."""
    received = mail.received_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"mails/{number:05d}-{received}-{mail.direction.value}.eml"


def index_row(
    shown: TabMail, number: int, *, file: str | None, sha256: str | None, size_bytes: int, problem: str | None
) -> dict[str, object]:
    """`file` None: there is no raw message, and `problem` says why."""
    mail, state = shown.mail, shown.state
    link = state.link
    return {
        "number": number,
        "file": file,
        "sha256": sha256,
        "sizeBytes": size_bytes,
        "sameAsFetched": sha256 == mail.raw_sha256 if sha256 else None,
        "problem": problem,
        "direction": mail.direction.value,
        "kind": mail.kind.value,
        "from": _shown(mail.sender) if mail.sender else None,
        "to": [_shown(one) for one in mail.to],
        "cc": [_shown(one) for one in mail.cc],
        "recipientsLeftOut": mail.recipients_cut,
        "subject": mail.subject,
        "sentAt": _time(mail.sent_at),
        "receivedAt": _time(mail.received_at),
        "businessUnit": state.business_unit,
        "senderVerified": state.sender_verified.value,
        "incident": link.incident_id if link else shown.incident_id,
        "linkRule": link.rule.value if link else None,
        "linkState": link.state.value if link else None,
        "internetMessageId": mail.internet_message_id,
        "mailId": mail.id,
    }


def csv_line(row: Mapping[str, object]) -> bytes:
    """RFC 4180. What a spreadsheet would take for a formula is written with an apostrophe before it."""
    text = io.StringIO()
    csv.writer(text).writerow([_cell(row[column]) for column in COLUMNS])
    return text.getvalue().encode("utf-8", "replace")


def csv_head() -> bytes:
    """With the byte order mark by which spreadsheets know UTF-8."""
    return b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n"


def _cell(value: object) -> str:
    text = "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _shown(person: Address) -> str:
    return f"{person.name} <{person.address}>" if person.name else person.address


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
