"""Whose word about a sender counts (RFC 8601), and what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mail import Evidence
from domain.sender_authentication import Dmarc, dmarc_result

OWN = "mx.corp.example"


@pytest.mark.parametrize(
    "field, result",
    [
        ("mx.corp.example; dmarc=pass header.from=fin.example", Dmarc.PASS),
        (
            "mx.corp.example; spf=pass smtp.mailfrom=a.example; dmarc=fail (p=reject) header.from=b.example",
            Dmarc.FAIL,
        ),
        ("MX.Corp.Example 1; dkim=pass;\r\n\tdmarc=pass action=none", Dmarc.PASS),
        ('"mx.corp.example"; dmarc = fail', Dmarc.FAIL),
        ("mx.corp.example; dmarc=none", Dmarc.NONE),
        ("mx.corp.example; dmarc=temperror", Dmarc.NONE),
        ("mx.corp.example; dmarc=bestguesspass", Dmarc.NONE),
        ("mx.corp.example; none", Dmarc.UNKNOWN),
        ("mx.corp.example; spf=fail", Dmarc.UNKNOWN),
        ("mx.corp.example (comment; dmarc=pass); dmarc=fail", Dmarc.FAIL),
        ("mx.corp.example; dkim=pass (dmarc=pass)", Dmarc.UNKNOWN),
        ("mx.corp.example; dmarc=pass; dmarc=fail", Dmarc.FAIL),
        ("mx.evil.example; dmarc=pass", Dmarc.UNKNOWN),
        ("mx.evil.example; mx.corp.example; dmarc=pass", Dmarc.UNKNOWN),
        ("dmarc=pass", Dmarc.UNKNOWN),
        ("", Dmarc.UNKNOWN),
    ],
)
def test_topmost_field_counts_where_it_is_the_mailbox_servers_own(field: str, result: Dmarc) -> None:
    assert dmarc_result(Evidence(authentication_results=(field,)), OWN) is result


@pytest.mark.parametrize(
    "field, result",
    [
        (
            "spf=pass (sender IP is 1.2.3.4) smtp.mailfrom=a.example; dkim=none; dmarc=pass action=none",
            Dmarc.PASS,
        ),
        (
            "spf=fail smtp.mailfrom=a.example; dmarc=fail action=oreject header.from=a.example;compauth=fail",
            Dmarc.FAIL,
        ),
        ("mx.evil.example; dmarc=pass", Dmarc.UNKNOWN),
    ],
)
def test_exchange_online_writes_no_authserv_id(field: str, result: Dmarc) -> None:
    assert dmarc_result(Evidence(authentication_results=(field,)), None) is result


def test_internal_mail_counts_as_internal_but_never_over_a_failure() -> None:
    assert dmarc_result(Evidence(auth_as="Internal"), OWN) is Dmarc.INTERNAL
    assert dmarc_result(Evidence(auth_as="Anonymous"), OWN) is Dmarc.UNKNOWN
    failed = Evidence(auth_as="Internal", authentication_results=("mx.corp.example; dmarc=fail",))
    assert dmarc_result(failed, OWN) is Dmarc.FAIL


def test_a_field_of_unreasonable_length_counts_for_nothing() -> None:
    field = "mx.corp.example; " + "(" * 9_000 + " dmarc=pass"
    assert dmarc_result(Evidence(authentication_results=(field,)), OWN) is Dmarc.UNKNOWN


@given(st.text(alphabet="mx.corpexample;=()\"' dmarcpassfail\\\r\n1/", max_size=300))
def test_no_field_is_too_odd(field: str) -> None:
    assert dmarc_result(Evidence(authentication_results=(field,)), OWN) in Dmarc
