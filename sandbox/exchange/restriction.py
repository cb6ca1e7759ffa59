"""Restrictions and sort orders as SQL conditions (Microsoft: "Restriction", "SortOrder").

Every value goes to SQLite as a parameter. Depth and size are bounded: what comes in is hostile.
"""

import base64
from dataclasses import dataclass

from lxml import etree

from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.paths import ExtendedPath, FieldPath, Path, find_path, is_path, parse_path
from sandbox.exchange.soap import M, T
from sandbox.exchange.xmltext import parse_timestamp

MAX_DEPTH = 32
MAX_TERMS = 255

_COMPARISONS = {
    "IsEqualTo": "=",
    "IsNotEqualTo": "<>",
    "IsGreaterThan": ">",
    "IsGreaterThanOrEqualTo": ">=",
    "IsLessThan": "<",
    "IsLessThanOrEqualTo": "<=",
}

_ITEM_FIELDS = {
    "item:Subject": ("items.subject", "text"),
    "item:DateTimeReceived": ("items.received_at", "time"),
    "item:DateTimeCreated": ("items.created_at", "time"),
    "item:DateTimeSent": ("items.sent_at", "time"),
    "item:LastModifiedTime": ("items.modified_at", "time"),
    "item:ItemClass": ("items.item_class", "text"),
    "item:Size": ("items.size", "number"),
    "item:InReplyTo": ("items.in_reply_to", "text"),
    "item:Importance": ("items.importance", "text"),
    "item:IsDraft": ("items.is_draft", "flag"),
    "item:IsSubmitted": ("items.is_submitted", "flag"),
    "item:HasAttachments": ("items.has_attachments", "flag"),
    "item:DisplayTo": ("items.display_to", "text"),
    "item:DisplayCc": ("items.display_cc", "text"),
    "message:IsRead": ("items.is_read", "flag"),
    "message:InternetMessageId": ("items.message_id", "text"),
    "message:References": ("items.reference_ids", "text"),
    "message:ConversationTopic": ("items.topic", "text"),
    "message:From": ("coalesce(nullif(items.from_name, ''), items.from_smtp)", "text"),
    "message:Sender": ("coalesce(nullif(items.sender_name, ''), items.sender_smtp)", "text"),
}
_FOLDER_FIELDS = {
    "folder:DisplayName": ("folders.name", "text"),
    "folder:FolderClass": ("folders.folder_class", "text"),
}
_ITEM_TAGS = {
    0x001A: _ITEM_FIELDS["item:ItemClass"],
    0x0037: _ITEM_FIELDS["item:Subject"],
    0x0070: _ITEM_FIELDS["message:ConversationTopic"],
    0x0E06: _ITEM_FIELDS["item:DateTimeReceived"],
    0x0E08: _ITEM_FIELDS["item:Size"],
    0x0E1D: _ITEM_FIELDS["message:ConversationTopic"],
    0x1035: _ITEM_FIELDS["message:InternetMessageId"],
    0x1039: _ITEM_FIELDS["message:References"],
    0x1042: _ITEM_FIELDS["item:InReplyTo"],
    0x3007: _ITEM_FIELDS["item:DateTimeCreated"],
    0x3008: _ITEM_FIELDS["item:LastModifiedTime"],
    0x300B: ("items.search_key", "binary"),
    0x5D01: ("items.sender_smtp", "text"),
    0x5D02: ("items.from_smtp", "text"),
}
_FOLDER_TAGS = {
    0x10F4: ("folders.hidden", "flag"),
    0x3001: ("folders.name", "text"),
    0x3613: ("folders.folder_class", "text"),
    0x670A: ("folders.committed_at", "time"),
}


@dataclass(slots=True)
class _Builder:
    """Collects parameters while an expression is written."""

    of_folders: bool
    values: list[object]
    terms: int = 0

    def column(self, path: Path) -> tuple[str, str]:
        """The SQL expression of a property and its kind."""
        fields, tags = (_FOLDER_FIELDS, _FOLDER_TAGS) if self.of_folders else (_ITEM_FIELDS, _ITEM_TAGS)
        if isinstance(path, FieldPath) and path.uri in fields:
            return fields[path.uri]
        if isinstance(path, ExtendedPath):
            if path.tag is not None and path.tag in tags:
                return tags[path.tag]
            if not self.of_folders:
                self.values.append(path.key)
                stored = (
                    "(SELECT json_extract(value, '$') FROM item_properties WHERE item = items.id AND key = ?)"
                )
                kind = "number" if path.property_type in ("Integer", "Long", "Short") else "text"
                return (f"CAST({stored} AS INTEGER)" if kind == "number" else stored), kind
        raise ItemError("ErrorUnsupportedPathForQuery")

    def expression(self, node: etree._Element, depth: int) -> str:
        """One search expression as SQL."""
        self.terms += 1
        if depth > MAX_DEPTH or self.terms > MAX_TERMS:
            raise ItemError("ErrorRestrictionTooComplex", "The restriction is too complex.")
        name = str(node.tag).removeprefix(T)
        if name in ("And", "Or"):
            inner = [self.expression(child, depth + 1) for child in node.iterchildren("*")]
            if len(inner) < 2:
                raise RequestError("ErrorSchemaValidation", f"The request failed schema validation: {name}.")
            return f"({f' {name.upper()} '.join(inner)})"
        if name == "Not":
            child = next(node.iterchildren("*"), None)
            if child is None:
                raise RequestError("ErrorSchemaValidation", "The request failed schema validation: Not.")
            return f"NOT coalesce({self.expression(child, depth + 1)}, 0)"
        if name == "Exists":
            return f"({self.column(find_path(node))[0]} IS NOT NULL)"
        if name == "Contains":
            return self._contains(node)
        if name in _COMPARISONS:
            return self._comparison(node, _COMPARISONS[name])
        raise ItemError("ErrorUnsupportedQueryFilter", f"The restriction {name} is not supported.")

    def _comparison(self, node: etree._Element, operator: str) -> str:
        column, kind = self.column(find_path(node))
        side = node.find(T + "FieldURIOrConstant")
        operand = None if side is None else next(side.iterchildren("*"), None)
        if operand is None:
            raise RequestError(
                "ErrorSchemaValidation", "The request failed schema validation: FieldURIOrConstant."
            )
        if is_path(operand):
            return f"({column} {operator} {self.column(parse_path(operand))[0]})"
        self.values.append(_constant(operand.get("Value", ""), kind))
        collation = " COLLATE NOCASE" if kind == "text" else ""
        return f"({column} {operator} ?{collation})"

    def _contains(self, node: etree._Element) -> str:
        column, kind = self.column(find_path(node))
        constant = node.find(T + "Constant")
        if kind != "text" or constant is None:
            raise ItemError("ErrorContainsFilterWrongType", "The Contains filter only works with text.")
        mode = node.get("ContainmentMode", "FullString")
        ignore_case = node.get("ContainmentComparison", "Exact") != "Exact"
        self.values += [constant.get("Value", ""), mode, ignore_case]
        return f"contains({column}, ?, ?, ?)"


def _constant(text: str, kind: str) -> object:
    try:
        if kind == "time":
            return parse_timestamp(text)
        if kind == "number":
            return _integer(text)
        if kind == "binary":
            return base64.b64decode(text, validate=True)
    except (ValueError, OverflowError) as error:
        raise ItemError(
            "ErrorInvalidValueForProperty", "The specified value is invalid for property."
        ) from error
    if kind == "flag":
        return int(text.strip().lower() in ("true", "1"))
    return text


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**63:
        raise ValueError("more than 64 bits")
    return number


def contains(text: str | None, wanted: str, mode: str, ignore_case: int) -> bool:
    """The SQL function behind Contains (Microsoft: "Contains", ContainmentMode)."""
    if text is None:
        return False
    if ignore_case:
        text, wanted = text.casefold(), wanted.casefold()
    if mode == "FullString":
        return text == wanted
    if mode == "Prefixed":
        return text.startswith(wanted)
    if mode == "PrefixOnWords":
        return text.startswith(wanted) or f" {wanted}" in text
    return wanted in text


def condition(request: etree._Element, *, of_folders: bool = False) -> tuple[str, list[object]]:
    """The request's Restriction as an SQL condition and its parameters; an always true one without it.

    Raises ItemError where a property cannot be searched by or a value does not fit, RequestError where it is
    not valid.
    """
    box = request.find(M + "Restriction")
    node = None if box is None else next(box.iterchildren("*"), None)
    if node is None:
        return "1", []
    builder = _Builder(of_folders, [])
    return builder.expression(node, 0), builder.values


def order(request: etree._Element) -> tuple[str, list[object]]:
    """The request's SortOrder as SQL; newest first without one, as Exchange's default view."""
    box = request.find(M + "SortOrder")
    terms, values = [], []
    for node in () if box is None else box.iterchildren("*"):
        builder = _Builder(False, [])
        try:
            column, kind = builder.column(find_path(node))
        except ItemError as error:
            raise ItemError("ErrorUnsupportedPathForSortGroup") from error
        collation = " COLLATE NOCASE" if kind == "text" else ""
        direction = "DESC" if node.get("Order") == "Descending" else "ASC"
        terms.append(f"{column}{collation} {direction}")
        values += builder.values
    last = "items.id DESC" if not terms or terms[0].endswith("DESC") else "items.id ASC"
    return ", ".join([*(terms or ["items.received_at DESC"]), last]), values
