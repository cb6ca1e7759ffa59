"""Asks a table for rows through the SDK's pipeline (retries, tokens, transport); reads the answer by hand.

The SDK makes of every row an object with its own types, which are then taken apart again: at a page of fifty
that costs as much as all that is made of the rows. Source: Microsoft, "Query entities" (Table service REST
API)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest

from store.connection import RETRIES, StorageConnection
from store.errors import by_status, storage_errors
from store.rows import Row, Value
from store.signing import signing_policies

_HEADERS = {
    "Accept": "application/json;odata=minimalmetadata",
    "x-ms-version": "2019-02-02",
    "DataServiceVersion": "3.0",
}
_METHODS = frozenset({"GET"})
_CONTINUATION = "x-ms-continuation-"
_TYPE = "@odata.type"
_NO_VALUES = frozenset({"PartitionKey", "RowKey", "Timestamp"})


class RowQueries:
    """Queries of all tables of the account."""

    def __init__(self, connection: StorageConnection) -> None:
        self._endpoint = connection.tables.url.rstrip("/")
        policies: list[Any] = [UserAgentPolicy(), RetryPolicy(**RETRIES)]
        policies += signing_policies(connection, tables=True)
        self._pipeline: Pipeline[HttpRequest, Any] = Pipeline(connection.transport, policies)

    def rows(
        self, table: str, condition: str, *, select: Sequence[str] | None = None, limit: int | None = None
    ) -> Iterator[Row]:
        """Rows in key order, a request a thousand or `limit`, the next only when it is asked for. A missing
        table has none. Raises the product's errors."""
        asked = {"$filter": condition}
        if select is not None:
            asked["$select"] = ",".join(("PartitionKey", "RowKey", "Timestamp", *select))
        if limit is not None:
            asked["$top"] = str(min(limit, 1000))
        following: dict[str, str] = {}
        while True:
            values, headers = self._send(table, {**asked, **following})
            yield from map(_row, values)
            following = {
                name: text
                for name in ("NextPartitionKey", "NextRowKey")
                if (text := headers.get(_CONTINUATION + name))
            }
            if not following:
                return

    def _send(self, table: str, asked: Mapping[str, str]) -> tuple[list[dict[str, Any]], Mapping[str, str]]:
        url = f"{self._endpoint}/{table}()?{urlencode(asked, safe='$', quote_via=quote)}"
        with storage_errors():
            request = HttpRequest("GET", url, headers=_HEADERS)
            answer = self._pipeline.run(request, stream=False, retry_on_methods=_METHODS).http_response
            body = answer.read()
            if answer.status_code == 200:
                try:
                    return list(json.loads(body)["value"]), answer.headers
                except (ValueError, TypeError, KeyError) as error:
                    raise ServiceResponseError("AnswerUnreadable") from error
        if answer.status_code == 404:
            return [], {}
        raise by_status("Storage", answer.status_code, _code(body), answer.headers.get("Retry-After"))


def _row(entity: Mapping[str, Any]) -> Row:
    values: dict[str, Value] = {}
    for name, value in entity.items():
        if name in _NO_VALUES or name.startswith("odata."):
            continue
        kind = entity.get(name + _TYPE)
        if kind == "Edm.Binary":
            values[name] = base64.b64decode(value)
        elif kind is None and not name.endswith(_TYPE) and isinstance(value, str | int | bool):
            values[name] = value
    return Row(entity["PartitionKey"], entity["RowKey"], values, str(entity.get("odata.etag") or ""))


def _code(body: bytes) -> str:
    """The service's name for the failure, empty where it gave none."""
    try:
        return str(json.loads(body)["odata.error"]["code"])
    except (ValueError, TypeError, KeyError):
        return ""
