"""Which addresses may be connected to: an admin's server name must not lead into the platform's own network.

The check is made on the very address that is connected to, so that a name which resolves differently a moment
later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from domain.errors import AdminActionError

_AZURE_PLATFORM = ip_address("168.63.129.16")
"""Public by number, yet inside every Azure network (Microsoft: "What is IP address 168.63.129.16?")."""
_NAT64 = ip_network("64:ff9b::/96")


class AddressGuard:
    """Lets through public addresses and those in `allowed_networks` (CIDR, for example `10.1.0.0/16`)."""

    def __init__(self, allowed_networks: Iterable[str] = ()) -> None:
        self._allowed: list[IPv4Network | IPv6Network] = [
            ip_network(text.strip(), strict=False) for text in allowed_networks if text.strip()
        ]

    def resolve(self, host: str, port: int) -> list[tuple[int, tuple[str | int, ...]]]:
        """Address family and socket address of each address that may be connected to, in the resolver's
        order.

        Raises `socket.gaierror`, and `AdminActionError`: `AddressNotAllowed` where no address may be used,
        `NameResolutionFailed` for what cannot be a name.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except ValueError as error:  # labels that are too long or empty, NUL
            raise AdminActionError("NameResolutionFailed", "not a host name") from error
        usable: list[tuple[int, tuple[str | int, ...]]] = [
            (int(family), (str(address), int(number), *rest))
            for family, _, _, _, (address, number, *rest) in found
            if self.is_allowed(str(address))
        ]
        if not usable:
            raise AdminActionError(
                "AddressNotAllowed", f"{host} leads to {found[0][4][0]}, which is not a public address"
            )
        return usable

    def is_allowed(self, text: str) -> bool:
        """`text`: an IP address as the resolver writes it, with or without a zone."""
        address = ip_address(text.partition("%")[0])
        candidates = {address, *_embedded(address)}
        return all(
            any(one in network for network in self._allowed if network.version == one.version)
            or _is_public(one)
            for one in candidates
        )


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address == _AZURE_PLATFORM:
        return False
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        return True  # judged by the address inside it
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """IPv4 addresses that an IPv6 address leads to: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return []
    inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inside.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in inside if one is not None]
