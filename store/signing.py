"""Signs requests to the storage account: with its key where there is a connection string (sandbox), else by
the app's identity. Pure but for the tokens that the identity asks for."""

from __future__ import annotations

import base64
import hashlib
import hmac
from abc import ABC, abstractmethod
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, SansIOHTTPPolicy
from azure.core.rest import HttpRequest
from azure.core.utils import parse_connection_string

from store.connection import StorageConnection

_SCOPE = "https://storage.azure.com/.default"
_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def signing_policies(connection: StorageConnection, *, tables: bool) -> list[Any]:
    """What goes into a pipeline, last: each try's own time, and the signature that covers it."""
    text = connection.settings.connection_string
    if not text:
        return [_Date(), BearerTokenCredentialPolicy(connection.credential, _SCOPE)]
    return [_Date(), _SharedKeyLite(text) if tables else _SharedKey(text)]


class _Date(SansIOHTTPPolicy[HttpRequest, Any]):
    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        request.http_request.headers["x-ms-date"] = formatdate(usegmt=True)


class _AccountKey(SansIOHTTPPolicy[HttpRequest, Any], ABC):
    """Microsoft: "Authorize with Shared Key"."""

    scheme = ""

    def __init__(self, connection_string: str) -> None:
        parts = parse_connection_string(connection_string)
        self._account = parts["accountname"]
        self._key = base64.b64decode(parts["accountkey"])

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        signed = self._to_sign(request.http_request, self._account)
        digest = hmac.new(self._key, signed.encode(), hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
        request.http_request.headers["Authorization"] = f"{self.scheme} {self._account}:{signature}"

    @abstractmethod
    def _to_sign(self, request: HttpRequest, account: str) -> str:
        """The string that the service makes of the request too."""


class _SharedKeyLite(_AccountKey):
    """Shared Key Lite for the Table service."""

    scheme = "SharedKeyLite"

    def _to_sign(self, request: HttpRequest, account: str) -> str:
        return f"{request.headers['x-ms-date']}\n/{account}{urlsplit(request.url).path}"


class _SharedKey(_AccountKey):
    """Shared Key for the Blob and Queue services, version 2015-02-21 and later."""

    scheme = "SharedKey"

    def _to_sign(self, request: HttpRequest, account: str) -> str:
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        if headers.get("content-length") == "0":
            del headers["content-length"]
        url = urlsplit(request.url)
        lines = [request.method, *(headers.get(name, "") for name in _SIGNED_HEADERS)]
        lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-ms-")]
        lines += [f"/{account}{url.path}"]
        lines += [f"{name}:{value}" for name, value in sorted(parse_qsl(url.query, keep_blank_values=True))]
        return "\n".join(lines)
