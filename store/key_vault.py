"""Secrets in Key Vault. They are written as new versions and switched off, never deleted: a vault with soft
delete refuses to make a deleted name again.

A crash after a write leaves a version that nothing names; it does no harm. Values never leave this module but
by the answer of `read`: errors carry the service's error code alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from domain.errors import AdminActionError, NotFoundError
from store.connection import SettingsError, StorageConnection
from store.errors import translated

_DISABLED = "SecretDisabled"


class KeyVaultSecrets:
    """`domain.ports.Secrets` on Azure Key Vault."""

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection

    def read(self, name: str, version: str) -> str:
        """One request. A version that is switched off raises `AdminActionError("KeyVaultSecretDisabled")`."""
        with _key_vault_errors():
            try:
                value = self._connection.secrets.get_secret(name, version).value
            except ResourceNotFoundError as error:
                raise NotFoundError(f"secret {name}") from error
        if value is None:
            raise NotFoundError(f"secret {name}")
        return value

    def write(self, name: str, value: str) -> str:
        """One request; the new version's id."""
        with _key_vault_errors():
            version = self._connection.secrets.set_secret(name, value).properties.version
        if not version:
            raise AdminActionError("KeyVaultRefused", "no version in the answer")
        return version

    def disable(self, name: str, version: str) -> None:
        """One request."""
        with _key_vault_errors():
            try:
                self._connection.secrets.update_secret_properties(name, version, enabled=False)
            except ResourceNotFoundError:
                return


@contextmanager
def _key_vault_errors() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise AdminActionError("KeyVaultNotConfigured") from error
    except HttpResponseError as error:
        if _is_disabled(error):
            raise AdminActionError("KeyVaultSecretDisabled") from error
        raise translated(error, "KeyVault") from error
    except AzureError as error:
        raise translated(error, "KeyVault") from error


def _is_disabled(error: HttpResponseError) -> bool:
    """403 with the inner error `SecretDisabled` (Microsoft: "Key Vault REST API error codes")."""
    inner = getattr(getattr(error, "error", None), "innererror", None)
    code = inner.get("code") if isinstance(inner, dict) else None
    return error.status_code == 403 and (code == _DISABLED or _DISABLED in str(error.message))
