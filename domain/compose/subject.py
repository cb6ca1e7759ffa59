"""The subject of an answer: one `Re:` or `Fwd:`, the incident's token once, and what it is about.

Prefixes: "List of email subject abbreviations" (Wikipedia) and what Outlook writes in its languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from domain.compose.message import Mode

MAX_SUBJECT_UNITS = 255
"""What Exchange keeps of a subject, in UTF-16 code units (MS-OXCMAIL, "PidTagSubject")."""

_ANSWERS = """re aw antw antwort sv vs vá válasz odp odpowiedź odpověď odpoveď odg odgovor res resp r rif
    ynt yan atb ats atsakymas bls balas απ απάντηση отв ответ відп отг одг răsp rsp rep réf réponse
    回复 答复 回覆 返信 회신 답장 השב תשובה رد ตอบกลับ trả\\s?lời"""
_FORWARDS = """fw fwd wg tr trans vb vl vl fs pd enc rv i inoltro doorst ilt ilet továbbítás továbbítva trs
    prp πρθ προωθημένο пер пересл пересылка переслано перенапр fă?w ynd redirecționat posr proslj
    转发 轉寄 轉發 转寄 転送 전달 הועבר إعادة\\s?توجيه ส่งต่อ chuyển\\s?tiếp"""
_COLON = "[:\uff1a\ufe55\ua789]"
_PREFIX = re.compile(
    rf"\s*(?:{'|'.join(dict.fromkeys((_ANSWERS + ' ' + _FORWARDS).split()))})\.?"
    rf"\s{{0,3}}(?:\[\d{{1,4}}\]|\(\d{{1,4}}\)|\*\d{{1,4}}|\^\d{{1,4}}|\d{{1,2}})?\s{{0,3}}{_COLON}",
    re.IGNORECASE,
)
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_MAX_READ_CHARS = 4_000


def reply_subject(subject: str, mode: Mode, token: str, stale_tokens: Iterable[str] = ()) -> str:
    """The subject that goes out, one line of at most 255 UTF-16 units; what is too long loses its end.

    `token`, for example `[INC-1042 k7fq2m9x]`, stands in front of the text, once, wherever and however often
    `subject` holds it, brackets lost or not; empty: there is none. `stale_tokens` are taken out: a mail that
    was moved still names the incident it came from (`find_tokens`). With `Mode.NEW` there is no prefix, and
    prefixes in `subject` stay. The result given again stays as it is.
    """
    text = " ".join(_UNWANTED.sub(" ", unicodedata.normalize("NFC", subject[:_MAX_READ_CHARS])).split())
    for one in (token, *stale_tokens):
        text = _without_token(text, one)
    if mode is not Mode.NEW:
        text = strip_prefixes(text)
    prefix = {Mode.NEW: "", Mode.FORWARD: "Fwd:"}.get(mode, "Re:")
    head = " ".join(part for part in (prefix, token) if part)
    text = _cut(text, MAX_SUBJECT_UNITS - _units(head) - bool(head))
    return f"{head} {text}".strip()


def _without_token(text: str, token: str) -> str:
    words = [re.escape(word) for word in token.strip("[] ").split()]
    if not words:
        return text
    said = re.compile(rf"(?<![A-Za-z0-9._~-])\[? ?{' '.join(words)}(?![A-Za-z0-9]) ?\]?", re.IGNORECASE)
    # Again, since what is left may close up to a token.
    while (shorter := " ".join(said.sub(" ", text).split())) != text:
        text = shorter
    return text


def strip_prefixes(subject: str) -> str:
    """Without `Re:`, `AW:`, `RE[2]:` and whatever else answers and forwards put in front, in any order."""
    at = 0
    while found := _PREFIX.match(subject, at):
        at = found.end()
    return subject[at:].strip()


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, limit: int) -> str:
    if _units(text) <= limit:
        return text
    kept = text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    # No half characters: what joins on to the cut's last character goes with it.
    while kept and (unicodedata.combining(text[len(kept)]) or text[len(kept)] in "\u200d\ufe0f"):
        kept = kept[:-1]
    return kept.rstrip("\u200d ") + "…"
