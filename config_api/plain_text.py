"""Checks of texts that people write: names of one line, and longer texts."""

from __future__ import annotations

import re
from collections.abc import Callable

from config_api.mistakes import FieldMistakeError

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def one_line(max_chars: int, *, may_be_empty: bool = False) -> Callable[[str], str]:
    """White space run together; nothing that could end a mail's header line. The check raises
    `FieldMistakeError`."""

    def check(value: str) -> str:
        if not value.isprintable():
            raise FieldMistakeError("BadText", "This may hold no line break and no control character.")
        text = " ".join(value.split())
        if len(text) > max_chars or not (text or may_be_empty):
            least = 0 if may_be_empty else 1
            raise FieldMistakeError("BadText", f"This has {least} to {max_chars} characters.")
        return text

    return check


def several_lines(max_chars: int) -> Callable[[str], str]:
    """Line ends as LF. The check raises `FieldMistakeError`."""

    def check(value: str) -> str:
        if _CONTROL.search(value):
            raise FieldMistakeError("BadText", "This may hold no control character but line breaks and tabs.")
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > max_chars:
            raise FieldMistakeError("BadText", f"This has at most {max_chars} characters.")
        return text

    return check
