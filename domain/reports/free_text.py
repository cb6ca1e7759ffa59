"""Reports that were written for people only: who was not reached, in which words, and what was returned.

Covers what Exchange, Postfix, qmail, Exim, Sendmail, Gmail, Domino, Mimecast, MDaemon and older systems
write, by what they share: an address that leads a line or follows words of delivery, its reason behind or
below it, and the returned message under a line that announces it. Lines over 1,000 characters are cut, and
2,000 lines are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.mail import ReportedRecipient
from domain.mime.headers import normalise_message_id, printable
from domain.reports.status_fields import MAX_RECIPIENTS, MAX_TEXT_CHARS, status_in

MAX_LINES = 2_000
MAX_LINE_CHARS = 1_000

_ADDRESS = r"([^\s<>()\[\],;:\"'@=]{1,64}@[^\s<>()\[\],;:\"'@=/]{1,250}[^\s<>()\[\],;:\"'@=/.])"
_BULLET = r"\s*(?:[*•·-]\s+)?"
_BARE = re.compile(rf"{_BULLET}['\"<(\[]?(?:mailto:|smtp:|rfc822;\s{{0,5}})?{_ADDRESS}['\">)\]]?(.*)")
_NAMED = re.compile(rf"{_BULLET}[^<>()@:\[\]]{{1,100}}[<(\[](?:mailto:)?{_ADDRESS}[>)\]](.*)")
_REST = re.compile(r"\s*(?:$|[:;,(<\[.…-]|(?:on|am|le|el|il)\s)", re.IGNORECASE)
_SENTENCES = tuple(
    re.compile(rf"{words}\s{{0,5}}[<'\"(]?(?:mailto:)?{_ADDRESS}", re.IGNORECASE)
    for words in (
        r"(?:recipients?|recipient address|failed address(?:es)?|rcpt to|empfänger)\s{0,5}:",
        r"(?:message|mail|e-mail|email|deliver(?:ed|y)?|reach(?:ed)?) to"
        r"(?: the)?(?: following)?(?: recipients?| address(?:es)?)?:?",
    )
)
_RETURNED = re.compile(
    r"\s*(?:[-=*_#]{2}.*\b(?:original|copy of|unsent|returned|headers?|ursprüngliche)\b"
    r"|(?:original message|message headers?|original headers?|returned message)\b[^.]{0,40}:?\s*$)"
    r"|(?P<field>[\s>|]*(?:received|return-path|dkim-signature)\s*:)",
    re.IGNORECASE,
)
_MESSAGE_ID = re.compile(r"message[- ]?id\s{0,5}[:=]?\s{0,20}<([^<>\s]{1,500})>", re.IGNORECASE)
_SUBJECT = re.compile(r"^[\s>|]{0,20}subject:[ \t]*(\S[^\n]{0,1000})", re.IGNORECASE | re.MULTILINE)
_DELAYED = re.compile(
    r"\b(?:delayed|warning only|still being retried|will (?:be retried|keep trying|continue)|"
    r"will retry|not yet been delivered|verzögert|retardée?|retrasad[oa]|ritardat[oa])\b",
    re.IGNORECASE,
)
_MACHINES = ("postmaster", "mailer-daemon", "abuse", "hostmaster")


@dataclass(frozen=True, slots=True)
class FreeText:
    """`returned`: what stands from the returned message on. `message_id`: normalised."""

    recipients: tuple[ReportedRecipient, ...]
    message_id: str | None
    subject: str
    returned: str


def read_free_text(text: str, *, title: str, not_recipients: Iterable[str]) -> FreeText:
    """`title`: the report's own subject. `not_recipients`: addresses that are not whom it is about (whom it
    came to, and from), in lower case."""
    lines = [line[:MAX_LINE_CHARS] for line in text.splitlines()[:MAX_LINES]]
    begin, returned = len(lines), ""
    for number, line in enumerate(lines):
        if match := _RETURNED.match(line):
            begin, is_announced = number, match.group("field") is None
            returned = "\n".join(lines[number + is_announced :]).lstrip("\n")
            break
    head = lines[:begin]
    action = "delayed" if _DELAYED.search("\n".join([title, *head[:40]])) else "failed"
    whole = "\n".join(lines)
    named, subject = _MESSAGE_ID.search(whole), _SUBJECT.search(returned) or _SUBJECT.search(whole)
    return FreeText(
        recipients=_recipients(head, action, frozenset(not_recipients)),
        message_id=normalise_message_id(named.group(1)) if named else None,
        subject=subject.group(1).strip() if subject else "",
        returned=returned,
    )


def _recipients(
    lines: Sequence[str], action: str, not_recipients: frozenset[str]
) -> tuple[ReportedRecipient, ...]:
    leading = [_leading(line) for line in lines]
    found: dict[str, tuple[str, str]] = {}

    def add(address: str, reason: str) -> None:
        key = address.lower()
        if key in not_recipients or key.partition("@")[0] in _MACHINES:
            return
        known = found.get(key)
        if known is None and len(found) < MAX_RECIPIENTS:
            found[key] = (address, reason)
        elif known is not None and status_in(reason) and not status_in(known[1]):
            # Exchange tells its reason to people first, and the server's answer further down.
            found[key] = (known[0], reason)

    for number, one in enumerate(leading):
        if one is not None:
            add(one[0], _reason(number, one[1], lines, leading))
    if not found:
        for number, line in enumerate(lines):
            for sentence in _SENTENCES:
                if match := sentence.search(line):
                    add(match.group(1), _reason(number, line, lines, leading))
    return tuple(
        ReportedRecipient(address, action, status_in(reason), printable(reason)[:MAX_TEXT_CHARS])
        for address, reason in found.values()
    )


def _leading(line: str) -> tuple[str, str] | None:
    """The address that a line is about, and what stands behind it."""
    for pattern in (_BARE, _NAMED):
        match = pattern.match(line)
        if match and _REST.match(match.group(2)):
            return match.group(1), match.group(2)
    return None


def _reason(number: int, rest: str, lines: Sequence[str], leading: Sequence[tuple[str, str] | None]) -> str:
    """What is said behind the address and below it, up to an empty line or the next address; where that is
    nothing, the paragraph after it."""
    said = [rest.strip(" \t:;,.-<>")] if "mailto:" not in rest else []
    chars = len(rest)
    for at in range(number + 1, min(len(lines), number + 30)):
        line = lines[at].strip()
        if leading[at] is not None or chars > MAX_TEXT_CHARS:
            break
        if not line:
            if any(said):
                break
            continue
        said.append(line)
        chars += len(line)
    return " ".join(" ".join(said).split())
