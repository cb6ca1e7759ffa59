"""Business units and the rule that says whose an address is.

Unit addresses match without regard to case and with sub-addressing (`ann+x@` is `ann@`, RFC 5233);
a domain matches exactly, `*.hr.example` its subdomains.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BusinessUnit:
    """A part of the organisation that incidents can hit and that answers by mail."""

    id: str
    uuid: str
    name: str
    description: str = ""
    recipients: tuple[str, ...] = ()
    follow_up_recipients: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    archived: bool = False

    def matches(self) -> set[str]:
        """Everything by which mail becomes the unit's."""
        if self.archived:
            return set()
        return {*self.addresses, *self.domains, *self.recipients, *self.follow_up_recipients}


def normalise_address(address: str) -> str:
    """`Ann+x@HR.Example` -> `ann@hr.example`; domains in A-label form where they can be (RFC 5890)."""
    local, at, domain = address.strip().strip("<>").rpartition("@")
    if not at:
        return local.lower()
    local = local.strip().lower()
    base = local.split("+", 1)[0]
    return f"{base or local}@{normalise_domain(domain)}"


def normalise_domain(domain: str) -> str:
    """Lower case, no trailing dot, A-labels; what IDNA refuses is kept in lower case."""
    text = domain.strip().rstrip(".").lower()
    if text.isascii():
        return text
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        return text


class UnitDirectory:
    """Whose an address is, for all units that are not archived. Built once per sync from `BusinessUnit`s."""

    def __init__(self, units: Iterable[BusinessUnit]) -> None:
        self._by_address: dict[str, str] = {}
        self._by_domain: dict[str, str] = {}
        self._by_parent_domain: dict[str, str] = {}
        for unit in sorted(units, key=lambda u: u.id):
            if unit.archived:
                continue
            for address in (*unit.addresses, *unit.recipients, *unit.follow_up_recipients):
                self._by_address.setdefault(normalise_address(address), unit.id)
            for domain in unit.domains:
                if domain.startswith("*."):
                    self._by_parent_domain.setdefault(normalise_domain(domain[2:]), unit.id)
                else:
                    self._by_domain.setdefault(normalise_domain(domain), unit.id)

    def __bool__(self) -> bool:
        return bool(self._by_address or self._by_domain or self._by_parent_domain)

    def unit_of(self, address: str) -> str | None:
        """Id of the unit that the address belongs to: by address first, then by exact domain, then the
        nearest `*.`."""
        normal = normalise_address(address)
        if found := self._by_address.get(normal):
            return found
        domain = normal.rpartition("@")[2]
        if found := self._by_domain.get(domain):
            return found
        while "." in domain:
            domain = domain.split(".", 1)[1]
            if found := self._by_parent_domain.get(domain):
                return found
        return None
