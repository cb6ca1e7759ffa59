"""Sends transactions: the SDK's pipeline (retries, tokens, transport) with nothing in it that a transaction
does not need.

A transaction is written whole or not at all. It is sent again by itself only where that is safe.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline import Pipeline, PipelineRequest
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    RetryPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest
from azure.core.utils import parse_connection_string

from store.connection import RETRIES, StorageConnection
from store.errors import by_status, translated
from store.rows import Operation
from store.transaction_wire import (
    BATCH_BOUNDARY,
    AnswerUnreadableError,
    Done,
    Failed,
    read_answer,
    transaction_body,
)

_VERSION = "2019-02-02"
_SCOPE = "https://storage.azure.com/.default"
_AGAIN = frozenset({"POST"})
_NEVER: frozenset[str] = frozenset()


class TransactionPipeline:
    """One for all tables of the account."""

    def __init__(self, connection: StorageConnection) -> None:
        self._endpoint = connection.tables.url.rstrip("/")
        text = connection.settings.connection_string
        sign = _SharedKeyLite(text) if text else BearerTokenCredentialPolicy(connection.credential, _SCOPE)
        policies: list[Any] = [UserAgentPolicy(), RetryPolicy(**RETRIES), _Date(), sign]
        self._pipeline: Pipeline[HttpRequest, Any] = Pipeline(connection.transport, policies)

    def send(self, table: str, operations: list[Operation], *, repeatable: bool) -> Done | Failed:
        """One request. `repeatable`: it may be sent again when its answer was lost.

        Raises `AzureError` where no answer came, and the product's errors where the account refused.
        """
        request = HttpRequest(
            "POST",
            f"{self._endpoint}/$batch",
            headers={
                "Content-Type": f"multipart/mixed; boundary={BATCH_BOUNDARY}",
                "Accept": "application/json",
                "x-ms-version": _VERSION,
                "DataServiceVersion": "3.0",
                "MaxDataServiceVersion": "3.0;NetFx",
            },
            content=transaction_body(self._endpoint, table, operations),
        )
        methods = _AGAIN if repeatable else _NEVER
        response = self._pipeline.run(request, stream=False, retry_on_methods=methods).http_response
        body = response.read()
        if response.status_code != 202:
            raise by_status("Storage", response.status_code, "", response.headers.get("Retry-After"))
        try:
            return read_answer(body, len(operations))
        except AnswerUnreadableError as error:
            raise translated(ServiceResponseError("AnswerUnreadable"), "Storage") from error


class _Date(SansIOHTTPPolicy[HttpRequest, Any]):
    """Each try carries its own time, which the signature covers."""

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        request.http_request.headers["x-ms-date"] = formatdate(usegmt=True)


class _SharedKeyLite(SansIOHTTPPolicy[HttpRequest, Any]):
    """Signs with the account's key (Microsoft: "Authorize with Shared Key", Shared Key Lite for the Table
    service).

    Only where there is a connection string, which is to say in the sandbox.
    """

    def __init__(self, connection_string: str) -> None:
        parts = parse_connection_string(connection_string)
        self._account = parts["accountname"]
        self._key = base64.b64decode(parts["accountkey"])

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        headers = request.http_request.headers
        signed = f"{headers['x-ms-date']}\n/{self._account}{urlsplit(request.http_request.url).path}"
        digest = hmac.new(self._key, signed.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKeyLite {self._account}:{base64.b64encode(digest).decode()}"
