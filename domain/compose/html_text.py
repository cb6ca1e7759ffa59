"""The plain-text body beside an HTML one: lists, links, tables, quotes and preformatted text stay readable.

Time and memory grow with the length of the markup, whatever it is: nesting counts up to 20 levels, and the
text ends at two million characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.compose.text_lines import MAX_LEVELS, TextLines
from domain.mime.bodies import unescape

_TOKEN = re.compile(
    r"""<!--.*?(?:-->|\Z)"""
    r"""|<(?P<hidden>style|script|head|title|template)\b[^>]*+(?:>.*?(?:</(?P=hidden)\s*>|\Z)|\Z)"""
    r"""|<(?P<end>/?)(?P<name>[a-z][a-z0-9:-]*+)(?P<rest>(?:[^>"']++|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+)>?"""
    r"""|<[!?/][^>]*+>?"""
    r"""|(?P<text>[^<]++|<)""",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"""(?<![^\s"'/])(href|alt|start)\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s>"']++)""", re.IGNORECASE
)
_LINK = re.compile(r"(?:https?|ftp|mailto|tel):", re.IGNORECASE)
_PARAGRAPHS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "table", "figure"])
_LINE_ELEMENTS = """
    div tr address article aside center dd details dt fieldset figcaption footer form header main nav section
    summary caption"""
_LINES = frozenset(_LINE_ELEMENTS.split())
_MAX_LINK_CHARS = 2_000
_RULE = "-" * 40


@dataclass(slots=True)
class _List:
    """An open list; `number` is the next item's, None in a bulleted one."""

    number: int | None


def html_to_plain(markup: str) -> str:
    """The text, lines ended by `\\n`, no blank lines at its ends. Takes any markup."""
    reader = _Reader()
    for token in _TOKEN.finditer(markup):
        if reader.lines.full:
            break
        if (text := token["text"]) is not None:
            reader.lines.write(unescape(text))
        elif token["name"]:
            name = token["name"].lower()
            if token["end"]:
                reader.end(name)
            else:
                reader.start(name, token["rest"])
    return reader.lines.finish()


class _Reader:
    """What is open while the markup is read."""

    def __init__(self) -> None:
        self.lines = TextLines()
        self._lists: list[_List] = []
        self._link: tuple[str, int] | None = None
        self._cells = 0

    def start(self, name: str, rest: str) -> None:
        lines = self.lines
        if name == "br":
            lines.line_break()
        elif name == "hr":
            lines.paragraph()
            lines.write(_RULE)
            lines.paragraph()
        elif name == "blockquote":
            lines.indent("> ")
        elif name == "pre":
            lines.paragraph()
            lines.preformatted += 1
        elif name in ("ul", "ol"):
            self._start_list(name, rest)
        elif name == "li":
            self._start_item()
        elif name in ("td", "th"):
            if self._cells and lines.line_begun:
                lines.write_as_is(" | ")
            self._cells += 1
        elif name == "a":
            address = _attributes(rest).get("href", "").strip()
            self._link = (address, lines.written) if _LINK.match(address) else None
        elif name == "img":
            if alt := " ".join(_attributes(rest).get("alt", "").split()):
                lines.write(f"[{alt[:200]}]")
        else:
            self._block(name)

    def end(self, name: str) -> None:
        lines = self.lines
        if name == "blockquote":
            lines.outdent("> ")
        elif name == "pre":
            lines.preformatted = max(0, lines.preformatted - 1)
            lines.paragraph()
        elif name in ("ul", "ol"):
            self._end_list()
        elif name == "a":
            self._end_link()
        elif name == "li":
            lines.new_line()
        elif name not in ("td", "th"):
            self._block(name)

    def _block(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self.lines.paragraph()
        elif name in _LINES:
            self.lines.new_line()
        if name in ("tr", "table"):
            self._cells = 0

    def _start_list(self, name: str, rest: str) -> None:
        if self._lists:
            self.lines.new_line()
        else:
            self.lines.paragraph()
        first = None
        if name == "ol":
            start = _attributes(rest).get("start", "1").strip()
            first = int(start) if re.fullmatch(r"[0-9]{1,6}", start) else 1
        if len(self._lists) < MAX_LEVELS:
            self._lists.append(_List(first))

    def _start_item(self) -> None:
        marker = "- "
        if self._lists:
            current = self._lists[-1]
            if current.number is not None:
                marker = f"{current.number}. "
                current.number += 1
        self.lines.mark("  " * (len(self._lists) - 1) + marker)

    def _end_list(self) -> None:
        if self._lists:
            self._lists.pop()
        if self._lists:
            self.lines.new_line()
        else:
            self.lines.paragraph()

    def _end_link(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        address, begun_at = link
        bare = address.partition(":")[2] if address[:7].lower() == "mailto:" else address
        said = self.lines.since(begun_at).strip()
        if said.rstrip("/") != bare.rstrip("/") and len(address) <= _MAX_LINK_CHARS:
            self.lines.write(f" <{bare}>" if said else f"<{bare}>")


def _attributes(rest: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(rest):
        value = match[2]
        if value[0] in "\"'":
            value = value[1:-1]
        found.setdefault(match[1].lower(), unescape(value))
    return found
