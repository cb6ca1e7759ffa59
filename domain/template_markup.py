"""Where in the HTML of a template a placeholder may stand, and which markup a template may not hold.

A value is escaped for text and for quoted attributes. Elsewhere in a tag, in a style sheet, in event handlers
and at the beginning of a link an escaped value could still change what the mail does.
Source: HTML Living Standard, "Tokenization"; read approximately, and refused when in doubt.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<comment><!--.*?(?:-->|\Z))"""
    r"""|(?P<style><style\b.*?(?:</style\s*>|\Z))"""
    r"""|(?P<tag><[/a-z!?{](?:[^>"']++|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+>?)""",
    re.IGNORECASE | re.DOTALL,
)
_NAME = re.compile(r"<([a-z][^\s/>]*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<![^\s"'/])(?P<name>[^\s"'<>/=]++)\s*+=\s*+(?:(?P<quoted>"[^"]*"|'[^']*')|[^\s>"']*+)"""
)
_ELEMENT_THAT_ACTS = re.compile(
    "applet|base|button|embed|form|frame|frameset|iframe|input|link|math|noscript|object|plaintext|script|select"
    "|svg|template|textarea|xmp"
)
_LINKS = frozenset(("href", "src", "background", "cite", "longdesc", "poster", "data", "srcset"))
_SCHEME_THAT_ACTS = re.compile(r"""["']?[\s\x00-\x20]*(?:javascript|vbscript|data)\s*:""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MarkupMistake:
    """What is wrong at `position`, in characters from the beginning."""

    code: str
    detail: str
    position: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Part of the markup that is not text. `attribute`: whose quoted value it is (lower case); None: the
    rest."""

    begin: int
    end: int
    attribute: str | None = None


class Markup:
    """The HTML of a template, read once. Time grows with its length."""

    def __init__(self, html: str) -> None:
        self._html = html
        self.mistakes: list[MarkupMistake] = []
        self._spans: list[_Span] = []
        for token in _TOKEN.finditer(html):
            if token["tag"] is not None:
                self._spans += self._tag(token[0], token.start())
            elif token["style"] is not None:
                self._spans.append(_Span(token.start(), token.end()))
        self._begins = [span.begin for span in self._spans]

    def refuses(self, position: int, *, is_address: bool) -> MarkupMistake | None:
        """Why no placeholder may stand here; None: it may. `is_address`: its value is an http(s) address."""
        index = bisect_right(self._begins, position) - 1
        span = self._spans[index] if index >= 0 else None
        if span is None or position >= span.end:
            return None
        if span.attribute is None:
            detail = "In a tag, a placeholder stands inside a quoted attribute only; in a style, nowhere."
            return MarkupMistake("PlaceholderInTag", detail, position)
        if span.attribute == "style" or span.attribute.startswith("on"):
            detail = f"No placeholder may stand in the attribute {span.attribute}."
            return MarkupMistake("PlaceholderInTag", detail, position)
        begins_link = span.attribute in _LINKS and not self._html[span.begin + 1 : position].strip()
        if begins_link and not is_address:
            return MarkupMistake(
                "PlaceholderNotAnAddress", "Only {{incident.url}} may begin a link or an address.", position
            )
        return None

    def _tag(self, tag: str, begin: int) -> Iterator[_Span]:
        name = _NAME.match(tag)
        element = name[1].lower() if name else ""
        if _ELEMENT_THAT_ACTS.fullmatch(element):
            detail = f"A mail cannot hold the element <{element}>: mail programs drop it, or the whole mail."
            self.mistakes.append(MarkupMistake("ElementNotAllowed", detail, begin))
        at = 0
        for found in _ATTRIBUTE.finditer(tag):
            attribute = found["name"].lower()
            value = found["quoted"]
            if attribute.startswith("on"):
                detail = f"A mail cannot hold scripts; take out the attribute {attribute[:40]}."
                self.mistakes.append(MarkupMistake("AttributeNotAllowed", detail, begin + found.start()))
            elif attribute in _LINKS and _SCHEME_THAT_ACTS.match(found[0].partition("=")[2]):
                detail = f"The attribute {attribute} holds a script or data, which no mail may."
                self.mistakes.append(MarkupMistake("AttributeNotAllowed", detail, begin + found.start()))
            if value is not None:
                yield _Span(begin + at, begin + found.start("quoted"))
                yield _Span(begin + found.start("quoted"), begin + found.end("quoted"), attribute)
                at = found.end("quoted")
        yield _Span(begin + at, begin + len(tag))
