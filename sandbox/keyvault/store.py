"""The secrets of the sandbox's Key Vault, all in one file that only its owner may read.

Every change replaces the file as a whole before it is answered; a process that dies leaves the state before.
"""

import json
import time
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox.state import write_private

RETENTION_DAYS = 90


class VaultError(Exception):
    """A refusal, as Key Vault words it: HTTP status, code, inner code and message."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner = inner


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of a secret. Times are whole seconds since the epoch."""

    version: str
    value: str
    created: int
    updated: int
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    content_type: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Secret:
    """A secret with its versions, oldest first; `deleted_at` is set while it is soft-deleted."""

    name: str
    versions: list[SecretVersion] = field(default_factory=list)
    deleted_at: int | None = None

    @property
    def latest(self) -> SecretVersion:
        """The version that counts where none is named."""
        return self.versions[-1]


class VaultStore:
    """All secrets; names do not care about case, as in Azure."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._secrets: dict[str, Secret] = _load(file) if file.exists() else {}

    def set(self, name: str, value: str, properties: dict[str, Any]) -> tuple[Secret, SecretVersion]:
        """A new version. Raises VaultError (409) while the name is soft-deleted."""
        secret = self._secrets.get(name.lower())
        if secret is not None and secret.deleted_at is not None:
            raise VaultError(
                409,
                "Conflict",
                f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be "
                "reused; "
                "in this state, the secret can only be recovered or purged.",
                "ObjectIsDeletedButRecoverable",
            )
        now = int(time.time())
        version = replace(SecretVersion(uuid.uuid4().hex, value, now, now), **properties)
        if secret is None:
            secret = self._secrets[name.lower()] = Secret(name)
        secret.versions.append(version)
        self._save()
        return secret, version

    def get(self, name: str, version: str | None) -> tuple[Secret, SecretVersion]:
        """A version, the latest one where none is named. Raises VaultError (404)."""
        secret = self._secrets.get(name.lower())
        if secret is None or secret.deleted_at is not None:
            raise _not_found(name, version)
        found = next((v for v in secret.versions if not version or v.version == version), None)
        if found is None:
            raise _not_found(name, version)
        return secret, found if version else secret.latest

    def update(
        self, name: str, version: str | None, properties: dict[str, Any]
    ) -> tuple[Secret, SecretVersion]:
        """Changes a version's attributes, never its value."""
        secret, found = self.get(name, version)
        changed = replace(found, updated=int(time.time()), **properties)
        secret.versions[secret.versions.index(found)] = changed
        self._save()
        return secret, changed

    def delete(self, name: str) -> Secret:
        """Soft-deletes a secret with all its versions."""
        secret, _ = self.get(name, None)
        secret.deleted_at = int(time.time())
        self._save()
        return secret

    def recover(self, name: str) -> Secret:
        """Takes a soft delete back."""
        secret = self.get_deleted(name)
        secret.deleted_at = None
        self._save()
        return secret

    def get_deleted(self, name: str) -> Secret:
        """A soft-deleted secret. Raises VaultError (404)."""
        secret = self._secrets.get(name.lower())
        if secret is None or secret.deleted_at is None:
            raise VaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        return secret

    def list(self, *, deleted: bool) -> list[Secret]:
        """The secrets, by name."""
        return sorted(
            (secret for secret in self._secrets.values() if (secret.deleted_at is not None) is deleted),
            key=lambda secret: secret.name.lower(),
        )

    def _save(self) -> None:
        raw = [asdict(secret) for secret in self._secrets.values()]
        write_private(self._file, json.dumps(raw).encode())


def _load(file: Path) -> dict[str, Secret]:
    loaded = (
        Secret(raw["name"], [SecretVersion(**version) for version in raw["versions"]], raw["deleted_at"])
        for raw in json.loads(file.read_bytes())
    )
    return {secret.name.lower(): secret for secret in loaded}


def _not_found(name: str, version: str | None) -> VaultError:
    shown = f"{name}/{version}" if version else name
    message = (
        f"A secret with (name/id) {shown} was not found in this key vault. If you recently deleted this "
        "secret you "
        "may be able to recover it using the correct recovery command."
    )
    return VaultError(404, "SecretNotFound", message)
