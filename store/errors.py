"""Turns what the Azure SDKs raise into the product's errors, by who can act.

Source: Microsoft, "Azure Table/Blob/Queue Storage error codes" and "Key Vault REST API error codes".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from domain.errors import AdminActionError, BoundaryError, RetryLaterError

_QUOTED_CODE = re.compile(r'"code": ?"([A-Za-z]+)"')
_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})


@contextmanager
def storage_errors() -> Iterator[None]:
    """SDK errors of Table, Blob and Queue Storage as `StorageUnavailable`, `StorageAccessDenied` or
    `StorageRefused`."""
    try:
        yield
    except AzureError as error:
        raise translated(error, "Storage") from error


def translated(error: AzureError, service: str) -> BoundaryError:
    """The product's error for an SDK's. `service`: `Storage` or `KeyVault`, the start of the error's code.

    Only the service's own error code goes into the message: answers can quote what was sent.
    """
    response: Any = error.response if isinstance(error, HttpResponseError) else None
    if response is None:
        # No answer, or no token to ask with: the managed identity endpoint can be away for a while too.
        return RetryLaterError(f"{service}Unavailable", type(error).__name__)
    status = response.status_code or 0
    if isinstance(error, ClientAuthenticationError) and status not in _PASSING_STATUS:
        status = 401  # the token endpoint refuses with 400
    return by_status(service, status, error_code(error), response.headers.get("Retry-After"))


def by_status(service: str, status: int, code: str, retry_after: str | None = None) -> BoundaryError:
    """The product's error for an answer that says no. `code`: the service's own name for the failure."""
    said = f"HTTP {status} {code}".rstrip()
    if status in (401, 403):
        return AdminActionError(f"{service}AccessDenied", said)
    if status in _PASSING_STATUS or status < 400:  # below 400: an answer that nobody can read
        return RetryLaterError(f"{service}Unavailable", said, _retry_after(retry_after))
    return AdminActionError(f"{service}Refused", said)


def error_code(error: AzureError) -> str:
    """The service's name for the failure (`TableNotFound`, `BlobAlreadyExists`), empty where it gave none."""
    code = getattr(error, "error_code", None)
    if code is None and (quoted := _QUOTED_CODE.search(str(error))):
        return quoted[1]  # the table client leaves some answers undecoded
    return str(getattr(code, "value", code) or "")


def _retry_after(header: str | None) -> timedelta | None:
    return timedelta(seconds=int(header)) if header and header.isdigit() else None
