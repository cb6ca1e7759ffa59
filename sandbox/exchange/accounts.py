"""Logins of the mailboxes that an Exchange Server on premises has, with their passwords.

One file, readable by its owner alone, in the format that NTLM libraries read (`DOMAIN:user:password`). It is
replaced as a whole: a process that dies leaves the old one.
"""

import hmac
import secrets
from pathlib import Path

from sandbox.state import write_private


class Accounts:
    """A mailbox `soc@onprem.example` has the logins `ONPREM\\soc`, `onprem.example\\soc` and, as UPN, its
    address; names count in any case.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._passwords: dict[str, str] = {}
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                domain, user, password = line.split(":")
                if not domain:
                    self._passwords[user] = password
        else:
            self._save()

    def add(self, address: str) -> None:
        """Make a login with a password of its own for a mailbox, where there is none."""
        if address.lower() not in self._passwords:
            self.change_password(address, secrets.token_urlsafe(18))

    def change_password(self, address: str, password: str) -> None:
        """Another password, without colons."""
        self._passwords[address.lower()] = password
        self._save()

    def password(self, address: str) -> str | None:
        """The password of a mailbox; None where it has no login."""
        return self._passwords.get(address.lower())

    def login(self, address: str) -> str:
        """The login in the form `DOMAIN\\user`."""
        user, _, domain = address.partition("@")
        return f"{domain.partition('.')[0].upper()}\\{user}"

    def address_of(self, login: str) -> str | None:
        """The mailbox of a login in any of its forms."""
        wanted = login.lower()
        return next((one for one in self._passwords if wanted in self._names(one)), None)

    def check(self, login: str, password: str) -> str | None:
        """The mailbox that this login and password open."""
        address = self.address_of(login)
        known = self.password(address) if address else None
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            return None
        return address

    def _names(self, address: str) -> tuple[str, str, str]:
        user, _, domain = address.partition("@")
        return address, self.login(address).lower(), f"{domain}\\{user}"

    def _save(self) -> None:
        lines = []
        for address, password in self._passwords.items():
            lines.append(f":{address}:{password}\n")
            for name in self._names(address)[1:]:
                domain, _, user = name.partition("\\")
                lines.append(f"{domain}:{user}:{password}\n")
        write_private(self.file, "".join(lines).encode())
