"""Which addresses a mail server may have."""

from __future__ import annotations

import pytest

from exchange.address_guard import AddressGuard


@pytest.mark.parametrize("address", ["52.96.0.1", "2603:1036:300::2", "8.8.8.8"])
def test_public_addresses_are_let_through(address: str) -> None:
    assert AddressGuard().is_allowed(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "168.63.129.16",
        "127.0.0.1",
        "::1",
        "10.0.0.4",
        "172.16.3.4",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.4",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::a83f:8110",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
    ],
)
def test_addresses_inside_networks_are_refused(address: str) -> None:
    assert not AddressGuard().is_allowed(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd12::5"])
def test_networks_that_the_operator_lists_are_let_through(address: str) -> None:
    guard = AddressGuard(["10.1.0.0/16", " fd12::/16", ""])
    assert guard.is_allowed(address)


@pytest.mark.parametrize("address", ["10.2.0.1", "169.254.169.254", "fd13::5"])
def test_other_networks_stay_closed(address: str) -> None:
    assert not AddressGuard(["10.1.0.0/16", "fd12::/16"]).is_allowed(address)


def test_only_allowed_addresses_of_a_name_are_used() -> None:
    found = AddressGuard(["127.0.0.0/8"]).resolve("localhost", 443)
    assert {address[0] for _, address in found} == {"127.0.0.1"}
