"""What the mailbox's own server found out about a mail's sender: DMARC, or that the mail is internal.

Only the topmost `Authentication-Results` counts, and only where its authserv-id is the one that the mailbox's
settings name: everything below it may be the sender's own writing (RFC 8601 section 7.1). Exchange Online
writes no authserv-id; its field counts where the settings name none. Internal mail carries
`X-MS-Exchange-Organization-AuthAs: Internal`, which Exchange removes from what comes from outside.
"""

from __future__ import annotations

import re
from enum import StrEnum

from domain.mail import Evidence

MAX_FIELD_CHARS = 8_000
_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"\s*dmarc\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_VALUE = re.compile(r'\s*(?:"([^"]*)"|([^\s;="]+))(?:\s+\d+)?\s*$')


class Dmarc(StrEnum):
    """`NONE`: the sender's domain publishes no policy, or the check ended without a result. `UNKNOWN`: nobody
    trustworthy says anything."""

    PASS = "pass"
    FAIL = "fail"
    NONE = "none"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


def dmarc_result(evidence: Evidence, authserv_id: str | None) -> Dmarc:
    """Fields over 8,000 characters count for nothing."""
    field = evidence.authentication_results[0] if evidence.authentication_results else ""
    stated = _stated(field, authserv_id) if len(field) <= MAX_FIELD_CHARS else None
    if stated is Dmarc.FAIL:
        return stated
    if (evidence.auth_as or "").strip().lower() == "internal":
        return Dmarc.INTERNAL
    return stated or Dmarc.UNKNOWN


def _stated(field: str, authserv_id: str | None) -> Dmarc | None:
    text = _without_comments(field)
    head, *results = text.split(";")
    if "=" in head:
        # No authserv-id at all: Exchange Online's way.
        name, results = None, [head, *results]
    else:
        match = _VALUE.match(head)
        name = (match.group(1) or match.group(2)).lower() if match else ""
    wanted = authserv_id.strip().lower() if authserv_id else None
    if name != wanted:
        return None
    values = [match.group(1).lower() for one in results if (match := _RESULT.match(one))]
    if not values:
        return None
    if "fail" in values:
        return Dmarc.FAIL
    return Dmarc.PASS if set(values) <= {"pass", "bestguesspass"} and "pass" in values else Dmarc.NONE


def _without_comments(text: str) -> str:
    """Comments of RFC 5322 section 3.2.2, nested up to ten deep."""
    for _ in range(10):
        shorter = _COMMENT.sub(" ", text)
        if shorter == text:
            break
        text = shorter
    return text
