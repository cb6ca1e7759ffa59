"""Reads a SOAP answer as it arrives: small trees for response messages, raw MIME as a stream of decoded
blocks.

The answer is hostile: document types and entities are refused, depth, number of elements and length of texts
are bounded, and nothing of an answer is held but the response message at hand. `MimeContent` never becomes
text: between its tags the bytes go to the base64 decoder directly, past the XML parser, which is most of an
answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from domain.errors import RetryLaterError
from exchange.base64_stream import Base64Error, Base64Stream
from exchange.xml_text import Cleaner, incomplete_end

MALFORMED = "MalformedAnswer"
MAX_DEPTH = 64
MAX_NODES = 200_000
"""Elements of one response message; 512 changes with all that we ask for have about 20,000."""
MAX_TEXT = 8 * 1_048_576
"""Characters of one text; sync states can exceed 64 KiB."""
MAX_MARKUP_BYTES = 32 * 1_048_576
"""Bytes of one answer outside `MimeContent`."""
MAX_BYTES_BETWEEN = 1_048_576
"""Bytes between two response messages: an answer that goes on without saying anything."""
_MAX_TAG_BYTES = 65_536
_TEXT_BUFFER = 65_536


class Node:
    """An element: local name, attributes, text (of leaves) and children."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.text = ""
        self.children: list[Node] = []

    def find(self, *path: str) -> Node | None:
        """The first descendant along the path of local names."""
        node: Node | None = self
        for name in path:
            node = next((child for child in node.children if child.name == name), None) if node else None
        return node

    def text_of(self, *path: str) -> str:
        """Text of the descendant along the path; empty where there is none."""
        node = self.find(*path)
        return node.text if node else ""

    def walk(self) -> Iterator[Node]:
        """This node and all below it, depth first."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@dataclass(frozen=True, slots=True)
class MimeBegin:
    """A message's raw content begins: what follows as `bytes` is it, up to the next `Node`."""


MIME_BEGIN: Final = MimeBegin()
Event = Node | MimeBegin | bytes
"""`Node`: a whole response message (children of `ResponseMessages`) or a SOAP `Fault`."""


def malformed(why: str) -> RetryLaterError:
    """The answer is not what SOAP, XML or the published schema promise. `why` holds nothing of the answer."""
    return RetryLaterError(MALFORMED, why)


class _LocalNames(dict[str, str]):
    """Local names by what expat calls an element (`uri local`)."""

    def __missing__(self, name: str) -> str:
        local = name.rpartition(" ")[2]
        if len(self) < 1_000:
            self[name] = local
        return local


class AnswerParser:
    """Takes an answer in pieces of any size and gives events. Raises `RetryLaterError` and nothing else."""

    def __init__(self) -> None:
        self._expat = expat.ParserCreate("utf-8", " ")
        self._expat.buffer_text = True
        self._expat.buffer_size = _TEXT_BUFFER
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters
        self._expat.StartDoctypeDeclHandler = self._doctype
        self._local = _LocalNames()
        self._cleaner = Cleaner()
        self._events: list[Event] = []
        self._path: list[str] = []
        self._stack: list[Node] = []
        self._nodes = 0
        self._text: list[str] = []
        self._text_size = 0
        self._markup_bytes = 0
        self._bytes_between = 0
        self._held = b""
        self._mime: Base64Stream | None = None
        self._mime_just_opened = False
        self._bypass = False

    def feed(self, data: bytes) -> list[Event]:
        """What the next piece completes."""
        if self._held:
            data = self._held + data
            self._held = b""
        try:
            while data:
                data = self._past_parser(data) if self._bypass else self._through_parser(data)
        except expat.ExpatError as error:
            raise malformed(expat.errors.messages.get(error.code, "not well-formed")) from error
        except Base64Error as error:
            raise malformed(f"MimeContent: {error}") from error
        events, self._events = self._events, []
        return events

    def close(self) -> list[Event]:
        """To be called when the answer has ended. Raises where it ended too early."""
        if self._bypass:
            raise malformed("ends in the middle of a message")
        try:
            self._parse(self._held)
            self._expat.Parse(b"", True)
        except expat.ExpatError as error:
            raise malformed(expat.errors.messages.get(error.code, "not well-formed")) from error
        except Base64Error as error:
            raise malformed(f"MimeContent: {error}") from error
        events, self._events = self._events, []
        return events

    def _past_parser(self, data: bytes) -> bytes:
        end = data.find(b"<")
        if end < 0:
            self._mime_data(data)
            return b""
        self._mime_data(data[:end])
        self._bypass = False
        return data[end:]

    def _through_parser(self, data: bytes) -> bytes:
        name = data.find(b"MimeContent")
        tag_end = data.find(b">", name) + 1 if name >= 0 else 0
        if tag_end:
            self._mime_just_opened = False
            self._parse(data[:tag_end])
            # Only where the parser says that this very tag opened it; not in comments, CDATA or attribute
            # values.
            self._bypass = self._mime_just_opened
            return data[tag_end:]
        # A tag or reference cut in two waits for its other half: the parser must have seen all tags before
        # MIME.
        cut = data.rfind(b"<")
        keep = min(cut if cut > data.rfind(b">") else len(data), incomplete_end(data))
        self._held = data[keep:]
        if len(self._held) > _MAX_TAG_BYTES:
            raise malformed("a tag that does not end")
        self._parse(data[:keep])
        return b""

    def _parse(self, data: bytes) -> None:
        self._markup_bytes += len(data)
        if self._markup_bytes > MAX_MARKUP_BYTES:
            raise RetryLaterError("AnswerTooLong", f"more than {MAX_MARKUP_BYTES} bytes")
        self._expat.Parse(self._cleaner.clean(data), False)
        self._bytes_between = 0 if self._stack or self._events else self._bytes_between + len(data)
        if self._bytes_between > MAX_BYTES_BETWEEN:
            raise RetryLaterError("AnswerTooLong", "nothing but white space")

    def _mime_data(self, data: bytes) -> None:
        if self._mime is not None and (decoded := self._mime.feed(data)):
            self._events.append(decoded)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = self._local[name]
        self._path.append(local)
        if len(self._path) > MAX_DEPTH:
            raise malformed("too many levels")
        if self._stack:
            self._nodes += 1
            if self._nodes > MAX_NODES:
                raise malformed("too many elements")
            if self._mime is not None:
                raise malformed("MimeContent holds elements")
            node = Node(local, attributes)
            self._stack[-1].children.append(node)
            self._stack.append(node)
            self._text.clear()
            self._text_size = 0
            if local == "MimeContent":
                self._mime = Base64Stream()
                self._mime_just_opened = True
                self._events.append(MIME_BEGIN)
        elif len(self._path) > 1 and (
            self._path[-2] == "ResponseMessages" or (local == "Fault" and self._path[-2] == "Body")
        ):
            self._nodes = 0
            self._text.clear()
            self._stack.append(Node(local, attributes))

    def _end(self, name: str) -> None:
        self._path.pop()
        if not self._stack:
            return
        node = self._stack.pop()
        if self._text:
            node.text = "".join(self._text)
            self._text.clear()
            self._text_size = 0
        if self._mime is not None:
            self._mime.end()
            self._mime = None
        if not self._stack:
            self._events.append(node)

    def _characters(self, data: str) -> None:
        if not self._stack:
            return
        if self._mime is not None:
            if not data.isascii():
                raise malformed("MimeContent: not base64")
            self._mime_data(data.encode("ascii"))
            return
        self._text.append(data)
        self._text_size += len(data)
        if self._text_size > MAX_TEXT:
            raise malformed("a text that is too long")

    def _doctype(self, *_: object) -> None:
        raise malformed("document type declarations are refused")
