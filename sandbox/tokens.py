"""Signs and checks the sandbox's access tokens (JWT, RS256), as Microsoft Entra ID's are.

The signing key is made once: it is written aside and linked into place, so of two processes that start
together, or one that dies in between, every one ends up with the same key.
"""

import contextlib
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.state import write_private

KEY_FILE = "signing-key.pem"
REVOKED_FILE = "revoked.json"
CLOCK_SKEW_S = 5


class InvalidTokenError(Exception):
    """The token does not hold; `reason` says why, and holds nothing of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenKeys:
    """The signing key in `folder`, made on first use, and which applications' tokens were revoked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._private = _load_or_make_key(folder / KEY_FILE)
        self._public = self._private.public_key()
        digest = hashes.Hash(hashes.SHA256())
        digest.update(
            self._public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        self._kid = digest.finalize().hex()[:32]
        self._revoked_before: dict[str, float] = _load_revoked(folder / REVOKED_FILE)

    def sign(self, claims: dict[str, Any], lifetime_s: int) -> str:
        """A token with these claims, valid from now for `lifetime_s` seconds (negative: expired already)."""
        now = time.time()
        times = {"iat": now, "nbf": int(now), "exp": int(now) + lifetime_s, "uti": uuid.uuid4().hex[:22]}
        return jwt.encode({**times, **claims}, self._private, algorithm="RS256", headers={"kid": self._kid})

    def verify(self, token: str, audience: str | None) -> dict[str, Any]:
        """The claims of a valid token; `audience` None accepts any. Raises InvalidTokenError."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                audience=audience,
                leeway=CLOCK_SKEW_S,
                options={"require": ["exp", "iat"], "verify_aud": audience is not None, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidTokenError("the token has expired") from None
        except jwt.InvalidAudienceError:
            raise InvalidTokenError("the token was made for another resource") from None
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError(f"the token is not valid ({type(error).__name__})") from None
        if claims["iat"] <= self._revoked_before.get(str(claims.get("appid")), -1.0):
            raise InvalidTokenError("the token was revoked")
        return claims

    def revoke(self, app_id: str) -> None:
        """From now on, no token that this application got until now is valid."""
        self._revoked_before[app_id] = time.time()
        write_private(self._folder / REVOKED_FILE, json.dumps(self._revoked_before).encode())

    def jwks(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        key = json.loads(RSAAlgorithm.to_jwk(self._public))
        return {"keys": [{**key, "kid": self._kid, "use": "sig", "alg": "RS256"}]}


def _load_or_make_key(file: Path) -> rsa.RSAPrivateKey:
    if not file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        aside = file.with_name(f"{file.name}.{os.getpid()}.{uuid.uuid4().hex}")
        write_private(aside, pem)
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(aside, file)
        aside.unlink()
    loaded = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise TypeError(f"{file} does not hold an RSA key")
    return loaded


def _load_revoked(file: Path) -> dict[str, float]:
    return dict(json.loads(file.read_bytes())) if file.exists() else {}
