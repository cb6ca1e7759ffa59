"""Builds plain text line by line: white space run together, blank lines between paragraphs, quote marks in
front."""

from __future__ import annotations

import re

MAX_LEVELS = 20
MAX_TEXT_CHARS = 2_000_000
_WHITE_SPACE = re.compile(r"[ \t\n\r\f]+")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_CUT = "[…]"
_MAX_SAID_CHARS = 4_000


class TextLines:
    """The lines so far. `preformatted` above 0: white space counts. `full`: nothing more is taken."""

    def __init__(self) -> None:
        self.preformatted = 0
        self.full = False
        self.written = 0
        """Characters of text written, to name a place by."""
        self._lines: list[str] = []
        self._line: list[str] = []
        self._said: list[str] = []
        self._ends_in_space = True
        self._prefixes: list[str] = []
        self._ignored_levels = 0
        self._blank_wanted = False
        self._marker_alone = False
        self._chars = 0

    @property
    def line_begun(self) -> bool:
        """Something stands on the current line."""
        return bool(self._line)

    def write(self, text: str) -> None:
        """Text of the markup."""
        text = _CONTROL.sub("", text.replace("\xa0", " ") if self.preformatted else text)
        if self.preformatted:
            first, *more = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self.write_as_is(first)
            for line in more:
                self.line_break()
                self.write_as_is(line)
            return
        text = _WHITE_SPACE.sub(" ", text)
        if self._ends_in_space and text.startswith(" "):
            text = text[1:]
        self.write_as_is(text.replace("\xa0", " "))

    def write_as_is(self, text: str) -> None:
        """Text of which every character counts; no line ends."""
        if text:
            self._line.append(text)
            self._said.append(text)
            self._ends_in_space = text.endswith(" ")
            self.written += len(text)
            self._marker_alone = False

    def mark(self, marker: str) -> None:
        """A list item's marker: what follows stands beside it, also where it begins a paragraph."""
        self._marker_alone = False
        self.new_line()
        self.write_as_is(marker)
        self._marker_alone = True

    def since(self, place: int) -> str:
        """What was written after `written` was `place`, at most its last 4,000 characters."""
        wanted = min(self.written - place, _MAX_SAID_CHARS)
        found: list[str] = []
        for piece in reversed(self._said):
            if wanted <= 0:
                break
            found.append(piece[-wanted:])
            wanted -= len(piece)
        return "".join(reversed(found))

    def line_break(self) -> None:
        """Ends the line, an empty one as well."""
        self._flush(even_empty=True)

    def new_line(self) -> None:
        """What comes next begins a line."""
        self._flush(even_empty=False)

    def paragraph(self) -> None:
        """What comes next begins a line after a blank one."""
        self.new_line()
        self._blank_wanted = bool(self._lines)

    def indent(self, prefix: str) -> None:
        """What comes next has `prefix` in front; beyond 20 levels nothing is added."""
        self.paragraph()
        if self._blank_wanted:
            self._blank_line()
        if len(self._prefixes) < MAX_LEVELS:
            self._prefixes.append(prefix)
        else:
            self._ignored_levels += 1

    def outdent(self, prefix: str) -> None:
        """Undoes the last `indent`."""
        self.new_line()
        self._blank_wanted = False
        if self._ignored_levels:
            self._ignored_levels -= 1
        elif self._prefixes and self._prefixes[-1] == prefix:
            self._prefixes.pop()
            self._blank_wanted = True

    def finish(self) -> str:
        """The whole text."""
        self._marker_alone = False
        self.new_line()
        if self.full:
            self._lines.append(_CUT)
        return "\n".join(self._lines).strip("\n")

    def _flush(self, *, even_empty: bool) -> None:
        if self._marker_alone and not even_empty:
            return
        self._marker_alone = False
        text = "".join(self._line).rstrip(" ")
        self._line.clear()
        self._said = self._said[-50:]
        self._ends_in_space = True
        if not text and not even_empty:
            return
        if self._blank_wanted and text:
            self._blank_line()
        self._add(text)

    def _blank_line(self) -> None:
        self._blank_wanted = False
        if self._lines and self._lines[-1].strip("> "):
            self._add("")

    def _add(self, text: str) -> None:
        # "-- " above a signature keeps its space (RFC 3676, section 4.3).
        line = "".join(self._prefixes) + ("-- " if text == "--" else text)
        if self._chars + len(line) > MAX_TEXT_CHARS:
            self.full = True
            return
        self._chars += len(line) + 1
        self._lines.append(line if text else line.rstrip(" "))
