"""Frozen dataclasses of the domain as JSON text and back, field by field, strict on reading.

The same value always gives the same text: fields in their order, those that equal their default left out, so
that a field added with a default needs no migration. Characters that cannot be written as UTF-8 become
U+FFFD."""

from __future__ import annotations

import dataclasses
import json
import re
import types
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from domain.errors import AdminActionError

T = TypeVar("T")

VERSION = 1
_NOT_WRITABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
_Convert = Callable[[Any], Any]


class Codec(Generic[T]):
    """Text of one dataclass. Rows of another version or shape are refused: `StorageRowUnreadable`."""

    def __init__(self, kind: type[T]) -> None:
        self._name = kind.__name__
        self._write: _Convert = _dataclass_writer(kind)
        self._read: _Convert = _dataclass_reader(kind)

    def to_text(self, value: T) -> str:
        """JSON with the format's version first."""
        fields = {"v": VERSION, **self._write(value)}
        return writable(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))

    def from_text(self, text: str | None) -> T:
        """Raises `AdminActionError` where the text is missing or not what `to_text` writes."""
        try:
            fields = json.loads(text or "")
            if not isinstance(fields, dict) or fields.pop("v", None) != VERSION:
                raise ValueError("another version")
            value: T = self._read(fields)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise AdminActionError("StorageRowUnreadable", self._name) from error
        return value


def writable(text: str) -> str:
    """`text` without lone surrogates and the two noncharacters that XML and UTF-8 stores refuse."""
    return _NOT_WRITABLE.sub("\ufffd", text) if not text.isascii() else text


def time_text(moment: datetime) -> str:
    """RFC 3339 in UTC, fraction only where there is one."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_time(text: str) -> datetime:
    """What `time_text` wrote. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC)


@cache
def _writer(declared: Any) -> _Convert:
    kind: Any = _without_none(declared)
    if dataclasses.is_dataclass(kind):
        return _dataclass_writer(kind)
    if get_origin(kind) is tuple:
        arguments = get_args(kind)
        if arguments[-1] is Ellipsis:
            write = _writer(arguments[0])
            return list if write is _as_it_is else lambda values: [write(value) for value in values]
        writes = [_writer(argument) for argument in arguments]
        return lambda values: [write(value) for write, value in zip(writes, values, strict=True)]
    if issubclass(kind, datetime):
        return time_text
    if issubclass(kind, date):
        return lambda day: day.isoformat()
    if issubclass(kind, Enum):
        return lambda member: member.value
    return _as_it_is


def _dataclass_writer(kind: Any) -> _Convert:
    hints = get_type_hints(kind)
    plan = [(f.name, _writer(hints[f.name]), _default(f)) for f in dataclasses.fields(kind)]

    def write(value: Any) -> dict[str, Any]:
        out = {}
        for name, convert, default in plan:
            item = getattr(value, name)
            if item is not default and item != default:
                out[name] = None if item is None else convert(item)
        return out

    return write


@cache
def _reader(kind: Any) -> _Convert:
    plain = _without_none(kind)
    if plain is not kind:
        read = _reader(plain)
        return lambda value: None if value is None else read(value)
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    if get_origin(kind) is tuple:
        return _tuple_reader(get_args(kind))
    if issubclass(kind, datetime):
        return parse_time
    if issubclass(kind, date):
        return date.fromisoformat
    if issubclass(kind, Enum):
        return lambda value: kind(value)
    return lambda value: _checked(kind, value)


def _dataclass_reader(kind: Any) -> _Convert:
    hints = get_type_hints(kind)
    reads = {f.name: _reader(hints[f.name]) for f in dataclasses.fields(kind)}

    def read(value: Any) -> Any:
        return kind(**{name: reads[name](item) for name, item in _checked(dict, value).items()})

    return read


def _tuple_reader(arguments: tuple[Any, ...]) -> _Convert:
    if arguments[-1] is Ellipsis:
        read = _reader(arguments[0])
        return lambda values: tuple([read(value) for value in _checked(list, values)])
    reads = [_reader(argument) for argument in arguments]
    return lambda values: tuple(
        [read(value) for read, value in zip(reads, _checked(list, values), strict=True)]
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        (plain,) = (argument for argument in get_args(kind) if argument is not type(None))
        return plain
    return kind


def _checked(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected")
    return value


def _as_it_is(value: Any) -> Any:
    return value
