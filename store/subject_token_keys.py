"""The keys that sign subject tokens, made in Key Vault.

The row `value;subjectTokenKeys` of table `settings`, partition `configuration`, lists the versions of the
secret, newest first. Who finds no row writes a version and tries to insert the row; who comes second uses the
first one's. A rotation writes a version, then the row under its ETag together with the activity log's entry.
A crash in between leaves a version that nothing names."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from domain.errors import AdminActionError, ConflictError, NotFoundError, RetryLaterError
from domain.stored import Activity
from store.activity import activity_write
from store.chunks import join_text, split_text
from store.connection import StorageConnection
from store.rows import Operation, Replace, Row
from store.settings_store import PARTITION, TABLE
from store.table import Table

if TYPE_CHECKING:
    from domain.ports import Secrets

SECRET_NAME = "subject-token-key"
_KEY = "value;subjectTokenKeys"
_KEY_BYTES = 32
_LIST_SECONDS = 60
_TRIES = 5


class VaultSubjectTokenKeys:
    """`domain.linking_ports.SubjectTokenKeys` on Key Vault and Table Storage. Keys stay in memory for the
    life of the worker; their list is read again when it is a minute old, for another instance may have
    rotated."""

    def __init__(
        self, connection: StorageConnection, vault: Secrets, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = Table(connection, TABLE)
        self._vault = vault
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._by_version: dict[str, bytes | None] = {}
        self._list: tuple[bytes, ...] = ()
        self._read_at: float | None = None

    def keys(self) -> tuple[bytes, ...]:
        """At most one point read a minute, and one request to Key Vault for each key that this worker has
        not seen. An older key whose version was switched off verifies nothing any more. Raises what Key Vault
        raises for the newest."""
        with self._lock:
            if self._read_at is None or self._monotonic() - self._read_at >= _LIST_SECONDS:
                row = self._table.get(PARTITION, _KEY) or self._make()
                newest, *older = _versions(row)
                found = [self._key(newest), *(self._key_if_on(version) for version in older)]
                self._list = tuple(key for key in found if key is not None)
                self._read_at = self._monotonic()
            return self._list

    def rotate(self, activity: Activity) -> int:
        """Two requests and a transaction. Raises `RetryLaterError` where others rotate all the time."""
        version = self._new_version()
        for _ in range(_TRIES):
            row = self._table.get(PARTITION, _KEY) or self._make()
            versions = [version, *_versions(row)]
            write: Operation = Replace(_row(versions), row.etag)
            try:
                self._table.transaction([write, activity_write(PARTITION, activity)])
            except ConflictError:
                continue
            with self._lock:
                self._read_at = None
            return len(versions)
        raise RetryLaterError("StorageUnavailable", "the list of keys keeps changing")

    def _key(self, version: str) -> bytes:
        key = self._by_version.get(version)
        if key is None:
            try:
                key = bytes.fromhex(self._vault.read(SECRET_NAME, version))
            except ValueError as error:
                raise AdminActionError("KeyVaultRefused", f"{SECRET_NAME} is not a key") from error
            self._by_version[version] = key
        return key

    def _key_if_on(self, version: str) -> bytes | None:
        if version not in self._by_version:
            try:
                return self._key(version)
            except NotFoundError:
                self._by_version[version] = None
            except AdminActionError as error:
                if error.code != "KeyVaultSecretDisabled":
                    raise
                self._by_version[version] = None
        return self._by_version[version]

    def _new_version(self) -> str:
        return self._vault.write(SECRET_NAME, secrets.token_hex(_KEY_BYTES))

    def _make(self) -> Row:
        row = _row([self._new_version()])
        try:
            etag = self._table.insert(row)
        except ConflictError:
            winner = self._table.get(PARTITION, _KEY)
            if winner is None:
                raise
            return winner
        return Row(row.partition, row.key, row.values, etag)


def _row(versions: list[str]) -> Row:
    return Row(PARTITION, _KEY, dict(split_text(json.dumps({"v": 1, "versions": versions}), "d")))


def _versions(row: Row) -> list[str]:
    try:
        fields = json.loads(join_text(row.values, "d") or "")
        versions = [str(version) for version in fields["versions"]]
        if fields["v"] != 1 or not versions:
            raise ValueError("another version")
    except (ValueError, TypeError, KeyError) as error:
        raise AdminActionError("StorageRowUnreadable", "SubjectTokenKeys") from error
    return versions
