"""The base of all request bodies: camelCase names, no unknown fields, no type coercion."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class RequestBody(BaseModel):
    """Strict: `"443"` is no number and an unknown field is a mistake."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, populate_by_name=False
    )


def rfc3339(at: datetime | None) -> str | None:
    """A time as the API writes it: UTC, milliseconds where there are any, `Z`."""
    if at is None:
        return None
    text = at.astimezone(UTC).isoformat(timespec="milliseconds" if at.microsecond else "seconds")
    return text.replace("+00:00", "Z")
