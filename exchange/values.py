"""Values of EWS as Python's: times, numbers, extended properties. What cannot be read counts as left out."""

from __future__ import annotations

from datetime import UTC, datetime

from exchange.answer_parser import Node
from exchange.properties import SEND_ID_NAME, SEND_ID_SET

OUR_SEND_ID = -1
"""Key of our own send id among `extended_values`."""


def read_time(text: str) -> datetime | None:
    """xs:dateTime in UTC; without a zone it is taken for UTC, as Exchange writes no others."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if at.tzinfo is UTC:
        return at
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None


def write_time(at: datetime) -> str:
    """xs:dateTime in UTC, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def integer(text: str) -> int:
    """A count or size that is not negative; 0 where it is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def extended_values(node: Node) -> dict[int, str]:
    """Values of the extended properties that are children of `node`, by property tag (`OUR_SEND_ID` for
    ours)."""
    values: dict[int, str] = {}
    for child in node.children:
        if child.name == "ExtendedProperty":
            read_extended(child, values)
    return values


def read_extended(node: Node, values: dict[int, str]) -> None:
    """Adds one `ExtendedProperty` to `values`; lists of values and unknown named properties are left out."""
    if len(node.children) != 2:
        return
    path, value = node.children
    attributes = path.attributes
    tag = attributes.get("PropertyTag")
    if tag is not None:
        try:
            values[int(tag, 0)] = value.text
        except ValueError:
            return
    elif (
        attributes.get("PropertyName") == SEND_ID_NAME
        and attributes.get("PropertySetId", "").strip("{}").lower() == SEND_ID_SET
    ):
        values[OUR_SEND_ID] = value.text
