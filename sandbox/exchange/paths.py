"""Property paths of requests: FieldURI, IndexedFieldURI and ExtendedFieldURI (Microsoft: "Property
identifiers in EWS").
"""

import re
from dataclasses import dataclass

from lxml import etree

from sandbox.exchange.errors import RequestError
from sandbox.exchange.soap import T
from sandbox.exchange.xmltext import escape

_PROPERTY_SETS = {
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "Common": "00062008-0000-0000-c000-000000000046",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Address": "00062004-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
    "Task": "00062003-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
}
INTERNET_HEADERS = _PROPERTY_SETS["InternetHeaders"]

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ATTRIBUTES = (
    "DistinguishedPropertySetId",
    "PropertySetId",
    "PropertyTag",
    "PropertyName",
    "PropertyId",
    "PropertyType",
)


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A property of the schema, for example ``item:Subject``."""

    uri: str


@dataclass(frozen=True, slots=True)
class IndexedPath:
    """One entry of a property that is a dictionary, for example one internet header."""

    uri: str
    index: str


@dataclass(frozen=True, slots=True)
class ExtendedPath:
    """A MAPI property.

    key: ``tag:300b``, ``name:<set>:<name>`` or ``id:<set>:<number>``, in lower case but for the name.
    xml: the path's element, as answers repeat it.
    """

    key: str
    property_type: str
    xml: str

    @property
    def tag(self) -> int | None:
        """The property tag's id, for properties that have one."""
        return int(self.key[4:], 16) if self.key.startswith("tag:") else None

    @property
    def header_name(self) -> str | None:
        """The header's name, for properties of the set InternetHeaders."""
        start = f"name:{INTERNET_HEADERS}:"
        return self.key[len(start) :] if self.key.startswith(start) else None


Path = FieldPath | IndexedPath | ExtendedPath


def is_path(node: etree._Element) -> bool:
    """Whether the element is one of the three kinds of path."""
    return node.tag in (T + "FieldURI", T + "IndexedFieldURI", T + "ExtendedFieldURI")


def parse_path(node: etree._Element) -> Path:
    """The path in an element. Raises RequestError(ErrorSchemaValidation)."""
    if node.tag == T + "FieldURI":
        return FieldPath(_required(node, "FieldURI"))
    if node.tag == T + "IndexedFieldURI":
        return IndexedPath(_required(node, "FieldURI"), _required(node, "FieldIndex"))
    if node.tag == T + "ExtendedFieldURI":
        return _extended(node)
    raise RequestError(
        "ErrorSchemaValidation", f"The request failed schema validation: {node.tag} is no path."
    )


def find_path(node: etree._Element) -> Path:
    """The first path among an element's children. Raises RequestError(ErrorSchemaValidation)."""
    for child in node.iterchildren("*"):
        if is_path(child):
            return parse_path(child)
    raise RequestError("ErrorSchemaValidation", "The request failed schema validation: a path is missing.")


def _required(node: etree._Element, name: str) -> str:
    value = node.get(name)
    if not value:
        raise RequestError("ErrorSchemaValidation", f"The required attribute '{name}' is missing.")
    return value


def _extended(node: etree._Element) -> ExtendedPath:
    property_type = _required(node, "PropertyType")
    attributes = "".join(
        f' {name}="{escape(node.get(name, ""))}"' for name in _ATTRIBUTES if node.get(name) is not None
    )
    xml = f"<t:ExtendedFieldURI{attributes}/>"
    tag = node.get("PropertyTag")
    try:
        if tag is not None:
            return ExtendedPath(f"tag:{int(tag, 0):04x}", property_type, xml)
        named = node.get("PropertyId")
        number = None if named is None else int(named)
    except ValueError as error:
        raise RequestError(
            "ErrorSchemaValidation", "The request failed schema validation: bad property id."
        ) from error
    property_set = (node.get("PropertySetId") or "").lower()
    if not property_set:
        property_set = _PROPERTY_SETS.get(node.get("DistinguishedPropertySetId") or "", "")
    name = node.get("PropertyName")
    if not _GUID.fullmatch(property_set) or (name is None) == (number is None):
        raise RequestError(
            "ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid."
        )
    key = f"id:{property_set}:{number}" if name is None else f"name:{property_set}:{name}"
    return ExtendedPath(key, property_type, xml)
