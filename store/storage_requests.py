"""Sends the few requests to Blob and Queue Storage that a sync makes, through the SDK's pipeline (retries,
tokens, transport).

The blob and queue packages take longer to load than all else that a fresh worker needs for its first poll, so
they are left to those who read. A request is handled whole or not at all; those here may all be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode

from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest
from azure.core.utils import parse_connection_string

from store.connection import RETRIES, StorageConnection
from store.errors import by_status, storage_errors
from store.signing import signing_policies

Service = Literal["blob", "queue"]
_VERSION = "2021-12-02"
_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One that was expected. Header names count in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


class StorageRequests:
    """Requests to one service of the account."""

    def __init__(self, connection: StorageConnection, service: Service) -> None:
        self._endpoint = _endpoint(connection, service)
        policies: list[Any] = [UserAgentPolicy(), RetryPolicy(**RETRIES)]
        policies += signing_policies(connection, tables=False)
        self._pipeline: Pipeline[HttpRequest, Any] = Pipeline(connection.transport, policies)

    def send(
        self,
        method: str,
        path: str,
        *,
        expected: frozenset[int],
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        expected_codes: frozenset[str] = frozenset(),
    ) -> Answer:
        """One request. `path` below the account's endpoint, unescaped. Raises the product's errors where the
        account does not answer, or with another status, and another error code, than those expected."""
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        request = HttpRequest(
            method,
            f"{self._endpoint}/{quote(path)}{asked}",
            headers={"x-ms-version": _VERSION, **(headers or {})},
            content=content or None,
        )
        with storage_errors():
            answer = self._pipeline.run(request, stream=False, retry_on_methods=_METHODS).http_response
        code = answer.headers.get("x-ms-error-code") or ""
        if answer.status_code not in expected and code not in expected_codes:
            raise by_status("Storage", answer.status_code, code, answer.headers.get("Retry-After"))
        return Answer(answer.status_code, answer.headers, answer.content or b"")


def _endpoint(connection: StorageConnection, service: Service) -> str:
    settings = connection.settings
    if not settings.connection_string:
        uri = settings.blob_service_uri if service == "blob" else settings.queue_service_uri
        return str(uri).rstrip("/")
    parts = parse_connection_string(settings.connection_string)
    suffix = parts.get("endpointsuffix", "core.windows.net")
    usual = f"https://{parts['accountname']}.{service}.{suffix}"
    return str(parts.get(f"{service}endpoint") or usual).rstrip("/")
