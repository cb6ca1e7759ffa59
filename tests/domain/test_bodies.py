"""Parts' text, whatever it holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.mime.bodies import html_to_text, unescape


def test_a_character_reference_of_five_thousand_digits_is_no_character_and_no_exception() -> None:
    assert html_to_text(f"<p>a&#{'1' * 5_000};b &amp; &#65;</p>").strip() == "a\ufffdb & A"


@given(st.text(alphabet="&#xX0123456789aAf;<> ", max_size=300))
def test_any_character_references_are_resolved_without_an_exception(text: str) -> None:
    unescape(text).encode("utf-8")
