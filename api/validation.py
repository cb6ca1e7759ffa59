"""What pydantic finds wrong, as field errors with stable codes and words for the person at the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from api.problems import FieldError, Problem

_CODES = {
    "missing": ("Required", "This field is required."),
    "extra_forbidden": ("UnknownField", "There is no such field."),
    "string_type": ("WrongType", "This must be text."),
    "string_unicode": ("NotUnicode", "This text holds characters that are not Unicode."),
    "int_type": ("WrongType", "This must be a whole number."),
    "int_parsing": ("WrongType", "This must be a whole number."),
    "bool_type": ("WrongType", "This must be true or false."),
    "bool_parsing": ("WrongType", "This must be true or false."),
    "list_type": ("WrongType", "This must be a list."),
    "dict_type": ("WrongType", "This must be an object."),
    "model_type": ("WrongType", "This must be a JSON object."),
    "model_attributes_type": ("WrongType", "This must be a JSON object."),
    "date_type": ("WrongType", "This must be a date such as 2027-05-01."),
}
_PREFIX_CODES = {
    "date_": ("NotADate", "This must be a date such as 2027-05-01."),
    "int_": ("WrongType", "This must be a whole number."),
}


def problem_of(errors: Iterable[Mapping[str, Any]]) -> Problem:
    """400 where the body is no JSON, else 422 with each field's mistake."""
    found = list(errors)
    for error in found:
        if error["type"] == "json_invalid":
            return Problem(400, "BadJson", f"The body is not JSON: {error['ctx']['error']}.")
    return Problem.of_fields(_field_error(error) for error in found)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    kind = str(error["type"])
    loc = [str(step) for step in error["loc"]]
    if loc and loc[0] in ("body", "query", "path", "header"):
        loc = loc[1:]
    code, detail = _CODES.get(kind, (None, None))
    if code is None:
        for prefix, known in _PREFIX_CODES.items():
            if kind.startswith(prefix):
                code, detail = known
    return FieldError(
        field=".".join(loc),
        code=code or "".join(part[:1].upper() + part[1:] for part in kind.split("_")),
        detail=detail or str(error["msg"]),
    )
