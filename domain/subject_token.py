"""The signed incident token in a subject: `[INC-1042 k7fq2m9x]`, the incident's id and a short HMAC, so that
a guessed number links nothing.

It survives what subjects go through: prefixes in any language, tags of gateways, folding, changed case, other
white space, a lost bracket. Letters and digits of other widths count as themselves (NFKC). An id that is not
made of plain letters, digits and `.-_` is written with `~XX` for each byte of its UTF-8.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

SIGNATURE_CHARS = 8
"""40 bits: one guess in 10^12, at one mail a guess."""
MAX_SUBJECT_CHARS = 4_000
_MAX_WRITTEN_CHARS = 200
_MAX_CANDIDATES = 20

_PLAIN = re.compile(r"[A-Za-z0-9._-]")
_CANDIDATE = re.compile(
    rf"(?<![A-Za-z0-9._~-])([A-Za-z0-9._~-]{{1,{_MAX_WRITTEN_CHARS}}})\s{{1,8}}([a-z2-7]{{{SIGNATURE_CHARS}}})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"~([0-9A-Fa-f]{2})")
_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class IncidentToken:
    """A token whose signature holds. `text`: as it stands in the subject, white space run together."""

    incident_id: str
    text: str


def make_token(incident_id: str, key: bytes) -> str:
    """The token with its brackets. Raises `ValueError` for an id whose written form is longer than 200
    characters: its mails are found by their references alone."""
    written = _written(incident_id)
    if not 0 < len(written) <= _MAX_WRITTEN_CHARS:
        raise ValueError("the incident's id is too long for a subject")
    return f"[{written} {_signature(written, key)}]"


def may_have_token(subject: str) -> bool:
    """Whether anything in the subject looks like a token, so that the keys are worth asking for."""
    return _CANDIDATE.search(unicodedata.normalize("NFKC", subject[:MAX_SUBJECT_CHARS])) is not None


def find_tokens(subject: str, keys: Sequence[bytes]) -> tuple[IncidentToken, ...]:
    """Every valid token of a subject, in its order, each incident once. Looks at the first 4,000 characters
    and 20 candidates.

    A client may have changed the case of the subject, and with it the id's: the signature says nothing about
    case, so what is answered is looked for without regard to it (`IncidentStore.spelled`).
    """
    text = unicodedata.normalize("NFKC", subject[:MAX_SUBJECT_CHARS])
    found: dict[str, IncidentToken] = {}
    for count, match in enumerate(_CANDIDATE.finditer(text)):
        if count == _MAX_CANDIDATES:
            break
        written, signature = match.group(1), match.group(2).lower()
        if not any(hmac.compare_digest(signature, _signature(written, key)) for key in keys):
            continue
        incident_id = _read(written)
        if incident_id is not None:
            shown = _WHITE_SPACE.sub(" ", match.group(0))
            found.setdefault(incident_id.casefold(), IncidentToken(incident_id, shown))
    return tuple(found.values())


def _written(incident_id: str) -> str:
    return "".join(
        character if _PLAIN.fullmatch(character) else "".join(f"~{byte:02X}" for byte in character.encode())
        for character in incident_id
    )


def _read(written: str) -> str | None:
    """None for what no id is written as."""
    raw = bytearray()
    position = 0
    while position < len(written):
        if written[position] != "~":
            raw += written[position].encode()
            position += 1
        elif match := _ESCAPED.match(written, position):
            raw.append(int(match.group(1), 16))
            position = match.end()
        else:
            return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _signature(written: str, key: bytes) -> str:
    digest = hmac.new(key, b"incident:" + written.lower().encode(), hashlib.sha256).digest()
    return base64.b32encode(digest)[:SIGNATURE_CHARS].decode().lower()
