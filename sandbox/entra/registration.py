"""The app registration of the sandbox's mailbox: its client secrets, whether it is enabled.

Secrets are kept as hashes; only the newest one is kept readable, in a file of its own that only its owner may
read, since the sandbox has to print it. It is written before the hash: a process that dies in between leaves
the old secrets valid, and the registration is completed at the next start.
"""

import hashlib
import hmac
import json
import secrets
import string
import time
import uuid
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path

from sandbox.state import write_private

STATE_FILE = "registration.json"
PLAIN_FILE = "client-secret.txt"
SECRET_LIFETIME_S = 180 * 24 * 3600
_ALPHABET = string.ascii_letters + string.digits + "-_.~"


class SecretCheck(Enum):
    """What became of a client secret that was shown."""

    VALID = "valid"
    EXPIRED = "expired"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One client secret; times in seconds since the epoch. A plain hash does: it has 200 random bits."""

    id: str
    sha256: str
    created_at: float
    expires_at: float


@dataclass(slots=True)
class _Registration:
    enabled: bool = True
    consented: bool = True
    secrets: list[ClientSecret] = field(default_factory=list)


class AppRegistration:
    """The registration of one application; every change is written before the method returns."""

    def __init__(self, folder: Path, app_id: str) -> None:
        self.app_id = app_id
        self._state_file = folder / STATE_FILE
        self._plain_file = folder / PLAIN_FILE
        self._state = self._load()
        plain = self._plain_file.read_text().strip() if self._plain_file.exists() else None
        if plain is None or not self._find(plain):
            self._add(plain or _new_secret())

    @property
    def enabled(self) -> bool:
        """False once the application was revoked."""
        return self._state.enabled

    @property
    def consented(self) -> bool:
        """False: its tokens carry no permissions."""
        return self._state.consented

    @property
    def current_secret(self) -> str:
        """The newest secret, readable."""
        return self._plain_file.read_text().strip()

    def check(self, secret: str) -> SecretCheck:
        """What Entra would say of this secret now."""
        found = self._find(secret)
        if found is None:
            return SecretCheck.WRONG
        return SecretCheck.EXPIRED if found.expires_at <= time.time() else SecretCheck.VALID

    def rotate(self, *, revoke_old: bool) -> str:
        """Makes a new secret and returns it; the others stay valid unless `revoke_old`."""
        secret = _new_secret()
        if revoke_old:
            self._state.secrets.clear()
        self._add(secret)
        return secret

    def expire_secrets(self) -> None:
        """All secrets end now, as if their day had come."""
        now = time.time()
        self._state.secrets = [
            ClientSecret(known.id, known.sha256, known.created_at, min(known.expires_at, now))
            for known in self._state.secrets
        ]
        self._save()

    def set_enabled(self, enabled: bool) -> None:
        """Whether the application gets tokens at all."""
        self._state.enabled = enabled
        self._save()

    def set_consented(self, consented: bool) -> None:
        """Whether an administrator has consented to the app's permissions."""
        self._state.consented = consented
        self._save()

    def _add(self, secret: str) -> None:
        now = time.time()
        write_private(self._plain_file, secret.encode())
        self._state.secrets.append(
            ClientSecret(str(uuid.uuid4()), _hash(secret), now, now + SECRET_LIFETIME_S)
        )
        self._save()

    def _find(self, secret: str) -> ClientSecret | None:
        shown = _hash(secret)
        return next((s for s in self._state.secrets if hmac.compare_digest(s.sha256, shown)), None)

    def _load(self) -> _Registration:
        if not self._state_file.exists():
            return _Registration()
        raw = json.loads(self._state_file.read_bytes())
        secrets = [ClientSecret(**secret) for secret in raw["secrets"]]
        return _Registration(raw["enabled"], raw.get("consented", True), secrets)

    def _save(self) -> None:
        write_private(self._state_file, json.dumps(asdict(self._state), indent=2).encode())


def _new_secret() -> str:
    # Entra's secrets have 40 characters with "8Q~" after the first three; secret scanners know them by it.
    return "".join(secrets.choice(_ALPHABET) for _ in range(3)) + "8Q~" + secrets.token_urlsafe(40)[:34]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
