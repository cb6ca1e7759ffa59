"""Response shapes: which properties an answer gives of each item, compiled once a request (Microsoft:
"ItemShape").
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from sandbox.exchange.errors import RequestError
from sandbox.exchange.extended import extended_element
from sandbox.exchange.fields import (
    ALL_PROPERTIES,
    DEFAULT_SHAPE,
    FIELDS,
    GET_ONLY,
    ORDER,
    Renderer,
    headers_renderer,
)
from sandbox.exchange.paths import ExtendedPath, FieldPath, IndexedPath, Path, is_path, parse_path
from sandbox.exchange.schema import Item
from sandbox.exchange.soap import M, T
from sandbox.exchange.view import Mode, View

_HEAVY = frozenset({"item:Body", "item:UniqueBody", "item:TextBody", "item:Attachments", "item:Preview"})


def element_name(item_class: str) -> str:
    """The element that holds an item of this class."""
    if item_class == "IPM.Schedule.Meeting.Request":
        return "MeetingRequest"
    if item_class == "IPM.Schedule.Meeting.Canceled":
        return "MeetingCancellation"
    if item_class.startswith("IPM.Schedule.Meeting.Resp"):
        return "MeetingResponse"
    return "Message"


@dataclass(frozen=True, slots=True)
class Shape:
    """What to write of each item.

    include_mime: whether MimeContent comes first. reads_parts: whether the whole message has to be parsed.
    """

    renderers: tuple[Renderer, ...]
    include_mime: bool
    reads_parts: bool

    def properties(self, item: Item, view: View) -> str:
        """The item's properties without MimeContent, in schema order."""
        return "".join([render(item, view) for render in self.renderers])

    def item(self, item: Item, view: View) -> str:
        """The item's element, without MimeContent."""
        tag = element_name(item.item_class)
        return f"<t:{tag}>{self.properties(item, view)}</t:{tag}>"


def _extended_renderer(path: ExtendedPath) -> Renderer:
    return lambda item, view: extended_element(path, item, view)


def _base_shape(name: str) -> Iterable[str]:
    if name == "AllProperties":
        return ALL_PROPERTIES
    if name == "Default":
        return DEFAULT_SHAPE
    if name == "IdOnly":
        return ()
    raise RequestError("ErrorSchemaValidation", f"The request failed schema validation: BaseShape '{name}'.")


def requested_paths(shape: etree._Element) -> list[Path]:
    """The paths under AdditionalProperties."""
    box = shape.find(T + "AdditionalProperties")
    return [] if box is None else [parse_path(node) for node in box.iterchildren("*") if is_path(node)]


def compile_shape(request: etree._Element, mode: Mode) -> Shape:
    """The request's ItemShape. Raises RequestError where it is not valid."""
    shape = request.find(M + "ItemShape")
    if shape is None:
        raise RequestError(
            "ErrorSchemaValidation", "The request failed schema validation: ItemShape is missing."
        )
    uris = {"item:ItemId", *_base_shape(shape.findtext(T + "BaseShape", ""))}
    extended: dict[str, ExtendedPath] = {}
    indexed: dict[str, IndexedPath] = {}
    for path in requested_paths(shape):
        if isinstance(path, ExtendedPath):
            extended.setdefault(path.key, path)
        elif isinstance(path, FieldPath):
            uris.add(path.uri)
        else:
            indexed.setdefault(path.index.lower(), path)
    include_mime = shape.findtext(T + "IncludeMimeContent", "").strip() in ("true", "1")
    include_mime = (include_mime or "item:MimeContent" in uris) and mode is Mode.GET
    if mode is not Mode.GET:
        uris -= GET_ONLY
    placed = [(ORDER[uri], FIELDS[uri]) for uri in uris if uri in FIELDS]
    placed += [(ORDER["extended"], _extended_renderer(path)) for path in extended.values()]
    if indexed and mode is Mode.GET and "item:InternetMessageHeaders" not in uris:
        placed.append((ORDER["item:InternetMessageHeaders"], headers_renderer(frozenset(indexed))))
    placed.sort(key=lambda pair: pair[0])
    return Shape(tuple(render for _, render in placed), include_mime, bool(uris & _HEAVY))
