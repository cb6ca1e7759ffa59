"""An entity group transaction on the wire: one multipart request of row writes, one multipart answer.

Source: Microsoft, "Performing entity group transactions" (OData batch). The SDK's own writer and reader go
through the standard library's mail classes and a pool of threads for each transaction; at seven rows a mail
this costs more than fetching and parsing the mail, so the few lines are written by hand."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from store.rows import Delete, Insert, Merge, Operation, Replace, Row

BATCH_BOUNDARY = "batch_rows"
_CHANGES_BOUNDARY = "changes_rows"
_PART = (
    f"--{_CHANGES_BOUNDARY}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
).encode()
_HEAD = (
    f"--{BATCH_BOUNDARY}\r\nContent-Type: multipart/mixed; boundary={_CHANGES_BOUNDARY}\r\n\r\n"
).encode()
_TAIL = f"--{_CHANGES_BOUNDARY}--\r\n--{BATCH_BOUNDARY}--\r\n".encode()
_JSON_HEADERS = (
    "Content-Type: application/json\r\nAccept: application/json;odata=minimalmetadata\r\n"
    "Prefer: return-no-content\r\nDataServiceVersion: 3.0\r\n"
)
_ANSWER = re.compile(rb"^HTTP/1\.[01] (\d{3})[^\r\n]*((?:\r?\n[^\r\n]+)*)", re.MULTILINE)
"""Only at the start of a line, which no text within JSON can be."""
_ETAG = re.compile(rb"^etag:[ \t]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_ERROR_CODE = re.compile(rb'"code" ?: ?"(\w+)"')
_FAILED_INDEX = re.compile(rb'"value" ?: ?"(\d+):')


@dataclass(frozen=True, slots=True)
class Done:
    """Every write was made: their ETags in order, empty for deletes."""

    etags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """No write was made. `index`: the write that failed, where the answer says so; `code`: the service's name
    for it."""

    status: int
    code: str
    index: int


class AnswerUnreadableError(ValueError):
    """The answer is not one to this transaction."""


def transaction_body(endpoint: str, table: str, operations: Iterable[Operation]) -> bytes:
    """The request's body. `endpoint`: the account's URL for tables, without a slash at its end."""
    pieces = [_HEAD]
    for operation in operations:
        pieces += (_PART, _written(f"{endpoint}/{table}", operation), b"\r\n")
    pieces.append(_TAIL)
    return b"".join(pieces)


def read_answer(body: bytes, writes: int) -> Done | Failed:
    """What became of a transaction of so many writes. Raises `AnswerUnreadableError`."""
    etags: list[str] = []
    for answer in _ANSWER.finditer(body):
        status = int(answer[1])
        if status >= 300:
            rest = body[answer.end() :]
            code, index = _ERROR_CODE.search(rest), _FAILED_INDEX.search(rest)
            return Failed(status, code[1].decode() if code else "", int(index[1]) if index else 0)
        etag = _ETAG.search(answer[2].replace(b"\r", b""))
        etags.append(etag[1].decode("ascii", "replace") if etag else "")
    if len(etags) != writes:
        raise AnswerUnreadableError(f"{len(etags)} answers to {writes} writes")
    return Done(tuple(etags))


def _written(table_url: str, operation: Operation) -> bytes:
    row = operation.row
    match operation:
        case Insert():
            return f"POST {table_url} HTTP/1.1\r\n{_JSON_HEADERS}\r\n".encode() + _json(row)
        case Replace(etag=etag):
            return _line("PUT", table_url, row, _JSON_HEADERS, etag) + _json(row)
        case Merge():
            return _line("PATCH", table_url, row, _JSON_HEADERS, None) + _json(row)
        case Delete(etag=etag):
            return _line(
                "DELETE", table_url, row, "Accept: application/json;odata=minimalmetadata\r\n", etag or "*"
            )


def _line(method: str, table_url: str, row: Row, headers: str, etag: str | None) -> bytes:
    partition, key = (quote(part.replace("'", "''"), safe="") for part in (row.partition, row.key))
    condition = f"If-Match: {etag}\r\n" if etag else ""
    url = f"{table_url}(PartitionKey='{partition}',RowKey='{key}')"
    return f"{method} {url} HTTP/1.1\r\n{headers}{condition}\r\n".encode()


def _json(row: Row) -> bytes:
    fields: dict[str, object] = {"PartitionKey": row.partition, "RowKey": row.key}
    for name, value in row.values.items():
        if isinstance(value, bytes):
            fields[f"{name}@odata.type"] = "Edm.Binary"
            fields[name] = base64.b64encode(value).decode()
        else:
            fields[name] = value
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
