"""The one login of the SMTP server, made with the sandbox and kept in one file that only its owner may read.

The file is written as a whole: a process that dies leaves none, and the next start makes it.
"""

import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from sandbox.state import write_private

USER_NAME = "notifications@corp.example"


@dataclass(frozen=True, slots=True)
class SmtpAccount:
    """Name and password. What it sends may come from any address of the organisation."""

    user_name: str
    password: str

    def opens(self, user_name: bytes, password: bytes) -> bool:
        """Whether these are its name, in any case, and its password."""
        known = self.user_name.encode()
        return user_name.lower() == known and hmac.compare_digest(password, self.password.encode())


def smtp_account(file: Path) -> SmtpAccount:
    """The login in this file, which is made where it is missing."""
    if not file.exists():
        made = {"userName": USER_NAME, "password": secrets.token_urlsafe(18)}
        write_private(file, json.dumps(made).encode())
    kept = json.loads(file.read_text(encoding="utf-8"))
    return SmtpAccount(kept["userName"], kept["password"])
