"""Makes the clients of Azure Storage and Key Vault from the app's settings: once, lazily, shared by all
threads.

Nothing is written here. SDK modules are imported when a client is first asked for, so that an invocation pays
only for the services that it uses. Tries are few and waits bounded: a service that is away is reported within
some ten seconds and the queue message tries again later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import HttpTransport
    from azure.data.tables import TableServiceClient
    from azure.keyvault.secrets import SecretClient
    from azure.storage.blob import ContainerClient

In = TypeVar("In")
Out = TypeVar("Out")

CONNECT_SECONDS = 3
READ_SECONDS = 20
_TRIES_AFTER_FIRST = 3
RETRIES: dict[str, Any] = {
    "retry_total": _TRIES_AFTER_FIRST,
    "retry_connect": _TRIES_AFTER_FIRST,
    "retry_read": _TRIES_AFTER_FIRST,
    "retry_status": _TRIES_AFTER_FIRST,
    "retry_backoff_factor": 0.5,
    "retry_backoff_max": 4,
}
_STORAGE_RETRIES: dict[str, Any] = {"backoff": 1, "retry_total": _TRIES_AFTER_FIRST, "random_jitter_range": 1}
"""The blob client has a retry policy of its own, with other names for the same things."""
_CONNECTIONS_AT_ONCE = 32
_CONNECTIONS_TO_OTHERS = 4
_PARALLEL_REQUESTS = 8


class SettingsError(Exception):
    """A setting that the store needs is missing."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where storage and Key Vault are. Either `connection_string` (sandbox) or the three service URIs
    (Azure)."""

    connection_string: str | None = None
    table_service_uri: str | None = None
    blob_service_uri: str | None = None
    queue_service_uri: str | None = None
    key_vault_uri: str | None = None
    verify_challenge_resource: bool = True
    """False only where Key Vault does not live under its cloud's domain (sandbox)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> StoreSettings:
        """Reads `DataStorage` or `DataStorage__*ServiceUri`, and `KEY_VAULT_*`. Raises `SettingsError`."""
        settings = cls(
            connection_string=environment.get("DataStorage") or None,
            table_service_uri=environment.get("DataStorage__tableServiceUri") or None,
            blob_service_uri=environment.get("DataStorage__blobServiceUri") or None,
            queue_service_uri=environment.get("DataStorage__queueServiceUri") or None,
            key_vault_uri=environment.get("KEY_VAULT_URI") or None,
            verify_challenge_resource=(
                environment.get("KEY_VAULT_VERIFY_CHALLENGE_RESOURCE", "true").strip().lower() != "false"
            ),
        )
        uris = (settings.table_service_uri, settings.blob_service_uri, settings.queue_service_uri)
        if not settings.connection_string and not all(uris):
            raise SettingsError("DataStorage (or its three service URIs) is not set")
        return settings


class StorageConnection:
    """The installation's clients. `transport`, for tests: makes what carries the requests of every client."""

    def __init__(
        self, settings: StoreSettings, transport: Callable[[], HttpTransport[Any, Any]] | None = None
    ):
        self.settings = settings
        self._make_transport = transport
        self._made: dict[object, Any] = {}
        self._lock = threading.RLock()
        self._here = threading.local()

    @cached_property
    def credential(self) -> TokenCredential:
        """The app's identity in Azure (`AZURE_CLIENT_ID` names a user-assigned one); caches its tokens."""
        from azure.identity import DefaultAzureCredential

        from store.transport import BoundedTransport

        return DefaultAzureCredential(transport=BoundedTransport(_CONNECTIONS_TO_OTHERS))

    @cached_property
    def transport(self) -> HttpTransport[Any, Any]:
        """One connection pool for all storage clients."""
        from store.transport import BoundedTransport

        return self._make_transport() if self._make_transport else BoundedTransport(_CONNECTIONS_AT_ONCE)

    @cached_property
    def tables(self) -> TableServiceClient:
        """Table Storage."""
        from azure.data.tables import TableServiceClient

        with self._lock:
            if text := self.settings.connection_string:
                return TableServiceClient.from_connection_string(text, **self._options())
            return TableServiceClient(
                self._uri(self.settings.table_service_uri), credential=self.credential, **self._options()
            )

    def container(self, name: str) -> ContainerClient:
        """A blob container, whether or not it exists."""
        from azure.storage.blob import BlobServiceClient, LinearRetry

        retries = LinearRetry(**_STORAGE_RETRIES)
        options: dict[str, Any] = {"transport": self.transport, "retry_policy": retries}
        if text := self.settings.connection_string:
            blobs = BlobServiceClient.from_connection_string(text, **options)
        else:
            uri = self._uri(self.settings.blob_service_uri)
            blobs = BlobServiceClient(uri, credential=self.credential, **options)
        return blobs.get_container_client(name)

    @cached_property
    def secrets(self) -> SecretClient:
        """Key Vault's secrets. Raises `SettingsError` where `KEY_VAULT_URI` is not set."""
        from azure.keyvault.secrets import SecretClient

        from store.transport import BoundedTransport

        if not self.settings.key_vault_uri:
            raise SettingsError("KEY_VAULT_URI is not set")
        return SecretClient(
            vault_url=self.settings.key_vault_uri,
            credential=self.credential,
            verify_challenge_resource=self.settings.verify_challenge_resource,
            transport=BoundedTransport(_CONNECTIONS_TO_OTHERS),
            **RETRIES,
        )

    def shared(self, kind: Callable[[StorageConnection], Out]) -> Out:
        """The connection's only object of a class that is made from it."""
        with self._lock:
            if kind not in self._made:
                self._made[kind] = kind(self)
            made: Out = self._made[kind]
            return made

    def parallel(self, work: Callable[[In], Out], items: Iterable[In]) -> list[Out]:
        """`work` for each item, several requests at a time, answers in order. The first failure is raised
        once all have ended, so that nothing is still being written when the caller goes on."""
        todo = list(items)
        if len(todo) < 2 or getattr(self._here, "in_pool", False):  # the pool never waits for itself
            return [work(item) for item in todo]
        futures = [self._pool.submit(work, item) for item in todo]
        failures = [failure for future in futures if (failure := future.exception()) is not None]
        if failures:
            raise failures[0]
        return [future.result() for future in futures]

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        def mark() -> None:
            self._here.in_pool = True

        return ThreadPoolExecutor(_PARALLEL_REQUESTS, "store", initializer=mark)

    def _options(self) -> dict[str, Any]:
        return {"transport": self.transport, "logging_enable": False, **RETRIES}

    @staticmethod
    def _uri(uri: str | None) -> str:
        if not uri:
            raise SettingsError("DataStorage (or its three service URIs) is not set")
        return uri
