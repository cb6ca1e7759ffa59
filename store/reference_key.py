"""The installation's key for hashing Message-IDs and conversations, made once and kept in Key Vault.

The row `keys`/`reference` of table `settings` names the secret's version. Who finds no row writes a new
version and tries to insert the row; who comes second uses the first one's. A crash between the two leaves a
version that nothing names."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from typing import TYPE_CHECKING

from domain.errors import AdminActionError, ConflictError
from store.connection import StorageConnection
from store.rows import Row
from store.table import Table

if TYPE_CHECKING:
    from domain.ports import Secrets

SECRET_NAME = "reference-key"
_KEY_BYTES = 32
_HASH_CHARS = 32


class ReferenceKey:
    """Loads the key at first use and keeps it for the life of the worker."""

    def __init__(self, connection: StorageConnection, vault: Secrets) -> None:
        self._table = Table(connection, "settings")
        self._vault = vault
        self._lock = threading.Lock()
        self._key: bytes | None = None

    def keyed_hash(self, text: str) -> str:
        """HMAC-SHA-256 (RFC 2104), its first 128 bits as hexadecimal digits."""
        key = self._key or self._load()
        return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:_HASH_CHARS]

    def _load(self) -> bytes:
        with self._lock:
            if self._key is None:
                row = self._table.get("keys", "reference") or self._make()
                try:
                    self._key = bytes.fromhex(self._vault.read(row.text("name"), row.text("version")))
                except ValueError as error:
                    raise AdminActionError("KeyVaultRefused", f"{SECRET_NAME} is not a key") from error
            return self._key

    def _make(self) -> Row:
        version = self._vault.write(SECRET_NAME, secrets.token_hex(_KEY_BYTES))
        row = Row("keys", "reference", {"name": SECRET_NAME, "version": version})
        try:
            self._table.insert(row)
        except ConflictError:
            winner = self._table.get("keys", "reference")
            if winner is None:
                raise
            return winner
        return row
