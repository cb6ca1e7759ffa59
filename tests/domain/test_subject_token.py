"""Subject tokens: what a subject goes through on its way, and what no token is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.subject_token import find_tokens, make_token

KEY, OLD_KEY = b"k" * 32, b"o" * 32
TOKEN = make_token("INC-1042", KEY)
SIGNATURE = TOKEN[-9:-1]


@pytest.mark.parametrize(
    "subject",
    [
        f"{TOKEN} Server down",
        f"Re: {TOKEN} Server down",
        f"AW: [EXTERNAL] WG: {TOKEN} Server down",
        f"[EXTERN]{TOKEN}",
        f"RE: {TOKEN.lower()}",
        f"RE: {TOKEN.upper()}",
        f"Re: [INC-1042\r\n {SIGNATURE}] folded",
        f"Re: [INC-1042   {SIGNATURE}] spaces",
        f"Re: [INC-1042\u00a0{SIGNATURE}] no-break space",
        f"Re: Server down [INC-1042 {SIGNATURE}",
        f"Re: (INC-1042 {SIGNATURE}) brackets replaced",
        f"Re: \uff3bINC-1042 {SIGNATURE}\uff3d full width",
        f"***SPAM*** {TOKEN}",
    ],
)
def test_token_survives_what_clients_and_gateways_do_to_subjects(subject: str) -> None:
    (token,) = find_tokens(subject, [KEY])
    assert token.incident_id.casefold() == "inc-1042"


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "INC-1042",
        "[INC-1042]",
        "[INC-1042 aaaaaaaa]",
        f"[INC-1043 {SIGNATURE}]",
        f"[INC-1042 {SIGNATURE[:7]}",
        f"[INC-1042 {SIGNATURE}x]",
        f"[xINC-1042 {SIGNATURE}]",
        f"[INC-1042{SIGNATURE}]",
    ],
)
def test_what_is_not_signed_is_no_token(subject: str) -> None:
    assert find_tokens(subject, [KEY]) == ()


def test_every_listed_key_verifies_and_others_do_not() -> None:
    old = make_token("INC-7", OLD_KEY)
    assert [one.incident_id for one in find_tokens(old, [KEY, OLD_KEY])] == ["INC-7"]
    assert find_tokens(old, [KEY]) == ()


def test_several_tokens_are_all_found_each_incident_once() -> None:
    other = make_token("INC-2", KEY)
    assert [one.incident_id for one in find_tokens(f"{TOKEN} {other} {TOKEN}", [KEY])] == [
        "INC-1042",
        "INC-2",
    ]


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable()))
def test_an_id_of_any_characters_comes_back(incident_id: str) -> None:
    try:
        token = make_token(incident_id, KEY)
    except ValueError:
        assert len(incident_id.encode()) * 3 > 200
        return
    assert [one.incident_id for one in find_tokens(f"Re: {token} text", [KEY])] == [incident_id]


@given(st.text(max_size=5_000))
def test_no_text_is_too_odd(subject: str) -> None:
    assert find_tokens(subject, [KEY]) == ()
