"""Counts what this process asks of storage, at the transport that the product's own clients use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from azure.core.pipeline.transport import HttpTransport

from store.transport import BoundedTransport


class CountingTransport(HttpTransport[Any, Any]):
    """Notes every request's method and address."""

    def __init__(self) -> None:
        self._inner = BoundedTransport(8)
        self._requests: list[str] = []

    def of(self, work: Callable[[], object]) -> list[str]:
        """The requests that this work makes."""
        self._requests = []
        work()
        return self._requests

    def send(self, request: Any, **kwargs: Any) -> Any:
        self._requests.append(f"{request.method} {unquote(request.url)}")
        return self._inner.send(request, **kwargs)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> CountingTransport:
        return self

    def __exit__(self, *args: Any) -> None: ...
