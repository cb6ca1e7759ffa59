"""Long values over several properties, and keys that hold anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.chunks import TooLargeError, join_bytes, join_text, split_bytes, split_text, utf16_bytes
from store.keys import inverted, key_time, partition_of, safe, split_id

LONG_TEXT = st.builds(
    lambda pieces, times: "".join(pieces) * times,
    st.lists(st.text(max_size=20), max_size=20),
    st.integers(1, 900),
)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(LONG_TEXT)
def test_any_text_comes_back_and_no_piece_exceeds_64_kib(text: str) -> None:
    pieces = split_text(text, "d", limit_bytes=10**9)
    assert join_text(pieces, "d") == text
    assert all(utf16_bytes(piece) <= 65_536 for piece in pieces.values())


def test_a_character_of_two_code_units_is_never_cut_in_half() -> None:
    text = "x" * 31_999 + "😀" * 40_000
    pieces = split_text(text, "d")
    assert join_text(pieces, "d") == text
    assert all(len(piece.encode("utf-16-le")) <= 65_536 for piece in pieces.values())


@given(st.binary(max_size=200_000))
def test_any_bytes_come_back_and_no_piece_exceeds_64_kib(data: bytes) -> None:
    pieces = split_bytes(data, "s")
    assert join_bytes(pieces, "s") == data
    assert all(len(piece) <= 65_536 for piece in pieces.values())


def test_what_no_entity_can_hold_is_refused() -> None:
    with pytest.raises(TooLargeError):
        split_text("x" * 600_000, "d")
    with pytest.raises(TooLargeError):
        split_bytes(bytes(1_100_000), "s")


def test_nothing_stored_is_told_from_an_empty_text() -> None:
    assert join_text({}, "d") is None
    assert join_text(split_text("", "d"), "d") == ""


@given(st.text(max_size=600))
def test_a_safe_key_holds_no_forbidden_character_and_stays_below_1_kib(text: str) -> None:
    key = safe(text)
    assert len(key) <= 400
    assert not set(key) & set("/\\#?%';<")
    assert key.isascii()
    assert key.isprintable()


@given(st.sets(st.text(max_size=300), min_size=2, max_size=2))
def test_different_texts_have_different_keys(texts: set[str]) -> None:
    writable = {text.encode("utf-8", "replace").decode() for text in texts}
    assert len({safe(text) for text in texts}) == len(writable)


@given(MOMENTS, MOMENTS)
def test_time_keys_sort_as_times_do(one: datetime, other: datetime) -> None:
    assert (key_time(one) < key_time(other)) == (one < other)
    apart = abs(one - other) >= timedelta(milliseconds=1)
    assert not apart or (inverted(one) > inverted(other)) == (one < other)
    assert len(inverted(one)) == 16


@pytest.mark.parametrize(
    "bad", ["", "default", "default.x", f"a/b.{'0' * 32}", f"default.{'G' * 32}", f".{'0' * 32}"]
)
def test_what_is_no_mail_id_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="mail id"):
        split_id(bad)


def test_a_mailboxs_mails_lie_in_four_partitions() -> None:
    digits = "0123456789abcdef"
    partitions = {partition_of(f"default.{digit}{'0' * 31}") for digit in digits}
    assert partitions == {f"default-{n}" for n in range(4)}
