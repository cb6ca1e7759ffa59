"""Message-IDs and threading fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compose.addresses import BadAddressError
from domain.compose.thread import Thread, answer_to, is_message_id, new_message_id


def test_a_message_id_has_all_of_at_least_96_random_bits_and_the_domain_as_a_labels() -> None:
    assert (
        new_message_id(bytes(range(12)), "Bücher.example")
        == "<000102030405060708090a0b@xn--bcher-kva.example>"
    )
    with pytest.raises(ValueError, match="96 random bits"):
        new_message_id(b"x" * 11, "corp.example")
    with pytest.raises(BadAddressError):
        new_message_id(b"x" * 12, "corp.example>\r\nBcc: x")


def test_references_are_the_parents_and_then_the_parent() -> None:
    assert answer_to("<P@Host>", ("a@x", "<b@x>"), ("b@x",)) == Thread(
        "<P@Host>", ("<a@x>", "<b@x>", "<P@Host>")
    )


def test_a_parent_without_references_is_known_by_its_single_in_reply_to() -> None:
    assert answer_to("<p@x>", (), ("a@x",)).references == ("<a@x>", "<p@x>")
    assert answer_to("<p@x>", (), ("a@x", "b@x")).references == ("<p@x>",)


def test_a_parent_without_an_id_is_answered_within_its_thread() -> None:
    assert answer_to(None, ("a@x",)) == Thread(None, ("<a@x>",))
    assert answer_to("", ()) == Thread()


def test_the_parent_stands_last_and_once() -> None:
    assert answer_to("<p@x>", ("p@x", "a@x", "a@x")).references == ("<a@x>", "<p@x>")


def test_of_endless_references_the_first_and_the_last_forty_nine_stay() -> None:
    references = answer_to("<p@x>", (f"{n}@x" for n in range(5_000))).references
    assert len(references) == 50
    assert (references[0], references[-2], references[-1]) == ("<0@x>", "<4999@x>", "<p@x>")


@given(st.text(max_size=40) | st.text(alphabet="<>@a\r\n \x00é", max_size=40))
def test_whatever_an_id_holds_a_field_gets_one_it_can_hold_or_none(text: str) -> None:
    thread = answer_to(text, (text,), (text,))
    assert all(
        is_message_id(one) and one.isascii() and not set(one) & set("\r\n\x00 ") for one in thread.references
    )
    assert thread.in_reply_to is None or is_message_id(thread.in_reply_to)


def test_an_id_too_long_for_a_line_is_left_out() -> None:
    assert answer_to(f"<{'a' * 2_000}@x>") == Thread()
