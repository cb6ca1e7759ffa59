"""A field's mistake, raised by validators: a stable code and words that help the person at the form."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from pydantic_core import PydanticCustomError

from api.problems import FieldError


class FieldMistakeError(ValueError):
    """What is wrong with one value."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)

    def at(self, field: str) -> FieldError:
        """The mistake at this field."""
        return FieldError(field, self.code, self.detail)


def for_pydantic(check: Callable[[str], str]) -> Callable[[str], str]:
    """Lets pydantic report what `check` raises, with its code, beside the other fields' mistakes."""

    @wraps(check)
    def checked(value: str) -> str:
        try:
            return check(value)
        except FieldMistakeError as mistake:
            # The detail may hold braces of the caller's: it goes in as data, not as a template.
            raise PydanticCustomError(mistake.code, "{detail}", {"detail": mistake.detail}) from mistake

    return checked
