"""Addresses as they go out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compose.addresses import BadAddressError, needs_smtputf8, outgoing_address


@pytest.mark.parametrize(
    "typed, written",
    [
        (" Ann.Example+x@Fin.EXAMPLE ", "Ann.Example+x@fin.example"),
        ("o'brien!#$%&*=?^_`{|}~-/@fin.example", "o'brien!#$%&*=?^_`{|}~-/@fin.example"),
        ('"ann example"@fin.example', '"ann example"@fin.example'),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER\uff0eExample\u3002", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ann@βόλος.example", "ann@xn--nxasmm1c.example"),
        ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ("jürgen@fin.example", "jürgen@fin.example"),
        ("用户@例え.テスト", "用户@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_domains_go_out_as_a_labels_and_local_parts_as_typed(typed: str, written: str) -> None:
    assert outgoing_address(typed) == written
    assert outgoing_address(written) == written


@pytest.mark.parametrize(
    "typed, code",
    [
        ("", "NotAnAddress"),
        ("ann", "NotAnAddress"),
        ("@fin.example", "NotAnAddress"),
        ("ann@", "NotAnAddress"),
        ("ann..b@fin.example", "NotAnAddress"),
        (".ann@fin.example", "NotAnAddress"),
        ("a b@fin.example", "NotAnAddress"),
        ("a,b@fin.example", "NotAnAddress"),
        ("<ann@fin.example>", "NotAnAddress"),
        ("ann@fin.example>", "NotADomain"),
        ('"ann"x@fin.example', "NotAnAddress"),
        ("ann\x00@fin.example", "NotAnAddress"),
        ("ann@fin.example\r\nRCPT TO:<x@y.example>", "NotAnAddress"),
        ("ann\u202e@fin.example", "NotAnAddress"),
        ("ann@localhost", "NotADomain"),
        ("ann@192.0.2.1", "NotADomain"),
        ("ann@[192.0.2.1]", "NotADomain"),
        ("ann@fin..example", "NotADomain"),
        ("ann@-fin.example", "NotADomain"),
        ("ann@fin_x.example", "NotADomain"),
        ("ann@fin.example, ben", "NotADomain"),
        ("ann@a\u200db.example", "NotADomain"),
        (f"{'a' * 65}@fin.example", "AddressTooLong"),
        (f"{'ü' * 40}@fin.example", "AddressTooLong"),
        (f"ann@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}.example", "NotADomain"),
        (f"{'a' * 60}@{'.'.join(['b' * 60] * 3)}.{'c' * 20}.example", "AddressTooLong"),
        ("a" * 100_000, "AddressTooLong"),
        (f"ann@{'ü' * 60}.example", "NotADomain"),
    ],
)
def test_what_is_no_address_is_refused_with_its_reason(typed: str, code: str) -> None:
    with pytest.raises(BadAddressError) as refused:
        outgoing_address(typed)
    assert refused.value.code == code


def test_only_local_parts_in_other_scripts_need_a_server_with_smtputf8() -> None:
    assert needs_smtputf8("jürgen@fin.example")
    assert not needs_smtputf8("ann@bücher.example")


@given(st.text(max_size=60) | st.from_regex(r"[a-zß.ü\u0301-]{1,20}@[a-zßςü.-]{1,30}", fullmatch=True))
def test_any_text_becomes_a_writable_address_or_is_refused(text: str) -> None:
    try:
        written = outgoing_address(text)
    except BadAddressError:
        return
    assert outgoing_address(written) == written
    assert written.rpartition("@")[2].isascii()
    assert not set(written) & set("\r\n\x00<>,")
