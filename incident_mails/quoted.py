"""Finds the quoted original at the end of a body, so that it can be folded. Pure; never changes a body's
words.

Only what is quoted to the end counts: answers that stand between quoted lines are read in place, unfolded.
"""

from __future__ import annotations

import re

MAX_SEARCHED_CHARS = 500_000
_MAX_INTRODUCTION_LINES = 3
_MIN_HEADERS = 3
_SEPARATOR = re.compile(
    r"[-_=]{2,}\s*(?:original|originale?|ursprüngliche|oorspronkelijke??|mensaje|messaggio|message|"
    r"forwarded|weitergeleitete|转发|原始邮件|元のメッセージ)\b.{0,60}?[-_=]{2,}\s*|_{10,}\s*|-{10,}\s*",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\*{0,2}[^\s:\uff1a>]{1,20}(?: [^\s:\uff1a]{1,20})?\s?[:\uff1a]\*{0,2}\s*\S.{0,300}")
_INTRODUCTION = re.compile(r".{3,300}[:\uff1a]\s*")
_BLOCKQUOTE = re.compile(r"<(/?)blockquote\b[^<>]*>", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]*>|&nbsp;|\s+")


def quoted_from(text: str) -> int | None:
    """Where the trailing quotation of a plain text begins, its introduction (`On …, … wrote:`) included;
    None: there is none, or nothing stands before it."""
    if len(text) > MAX_SEARCHED_CHARS:
        return None
    lines = text.splitlines(keepends=True)
    start = _by_marks(lines)
    block = _by_block(lines)
    found = min((one for one in (start, block) if one is not None), default=None)
    if found is None or not "".join(lines[:found]).strip():
        return None
    return sum(map(len, lines[:found]))


def fold_html(markup: str) -> str:
    """Sanitised HTML with its last outermost quotation in a `details`, where nothing but tags follows it."""
    depth = 0
    start = end = None
    for tag in _BLOCKQUOTE.finditer(markup):
        if tag[1]:
            depth = max(0, depth - 1)
            if depth == 0:
                end = tag.end()
        else:
            if depth == 0:
                start, end = tag.start(), None
            depth += 1
    if start is None or end is None or _TAGS.sub("", markup[end:]) or not _TAGS.sub("", markup[:start]):
        return markup
    folded = f"<details><summary>Quoted text</summary>{markup[start:end]}</details>"
    return markup[:start] + folded + markup[end:]


def _by_marks(lines: list[str]) -> int | None:
    """Lines that begin with `>` (RFC 3676), down to the end."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    start = end
    while start and (lines[start - 1].startswith((">", " >")) or not lines[start - 1].strip()):
        start -= 1
    if not any(line.lstrip().startswith(">") for line in lines[start:end]):
        return None
    while not lines[start].strip():
        start += 1
    introduced = start
    for above in range(start - 1, max(-1, start - 1 - _MAX_INTRODUCTION_LINES), -1):
        if not lines[above].strip():
            if introduced < start:
                break  # the paragraph before is the writer's own
            continue
        if _INTRODUCTION.fullmatch(" ".join(line.strip() for line in lines[above:start] if line.strip())):
            introduced = above
    return introduced


def _by_block(lines: list[str]) -> int | None:
    """Outlook's way: a line of its own, or a block of header fields, and the original as it is below."""
    for number, line in enumerate(lines):
        text = line.strip()
        if _SEPARATOR.fullmatch(text) and _headers_at(lines, number + 1) >= _MIN_HEADERS - 1:
            return number
        if "@" in text and _headers_at(lines, number) >= _MIN_HEADERS and _is_after_blank(lines, number):
            return number
    return None


def _headers_at(lines: list[str], number: int) -> int:
    while number < len(lines) and not lines[number].strip():
        number += 1
    count = 0
    while number + count < len(lines) and _HEADER.fullmatch(lines[number + count].strip()):
        count += 1
    return count


def _is_after_blank(lines: list[str], number: int) -> bool:
    return number > 0 and not lines[number - 1].strip()
