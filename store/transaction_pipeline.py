"""Sends transactions: the SDK's pipeline (retries, tokens, transport) with nothing in it that a transaction
does not need.

A transaction is written whole or not at all. It is sent again by itself only where that is safe: an answer of
500, 503 or 504 can follow a write that was made, and the second try would look like somebody else's.
"""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest

from store.connection import RETRIES, StorageConnection
from store.errors import by_status, translated
from store.rows import Operation
from store.signing import signing_policies
from store.transaction_wire import (
    BATCH_BOUNDARY,
    AnswerUnreadableError,
    Done,
    Failed,
    read_answer,
    transaction_body,
)

_VERSION = "2019-02-02"
_AGAIN = frozenset({"POST"})
_NEVER: frozenset[str] = frozenset()
_NOT_RECEIVED = "ServerBusy"
"""Microsoft, "Common REST API error codes": the server is unable to receive requests."""


class _SafeRetryPolicy(RetryPolicy[Any, Any]):
    """The SDK's sends a POST again after 500, 503 and 504, and anything with `Retry-After`, whatever its
    `retry_on_methods` says."""

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        if "POST" in settings["methods"]:
            return bool(super().is_retry(settings, response))
        said = response.http_response.headers.get("x-ms-error-code")
        return said == _NOT_RECEIVED and bool(super().is_retry(settings, response))


class TransactionPipeline:
    """One for all tables of the account."""

    def __init__(self, connection: StorageConnection) -> None:
        self._endpoint = connection.tables.url.rstrip("/")
        policies: list[Any] = [UserAgentPolicy(), _SafeRetryPolicy(**RETRIES)]
        policies += signing_policies(connection, tables=True)
        self._pipeline: Pipeline[HttpRequest, Any] = Pipeline(connection.transport, policies)

    def send(self, table: str, operations: list[Operation], *, repeatable: bool) -> Done | Failed:
        """One request. `repeatable`: it may be sent again when its answer was lost or says 5xx.

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
