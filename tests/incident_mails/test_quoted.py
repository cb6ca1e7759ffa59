"""The quoted original at a body's end is folded; answers between quoted lines are not; no word is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_mails.quoted import fold_html, quoted_from

OUTLOOK = "From: Ann <ann@fin.example>\nSent: Monday\nTo: SOC <soc@corp.example>\nSubject: Hello\n\nold\n"
FOLDED = [
    ("Yes.\n\nOn Mon, 2 Nov 2026 at 10:00, Ann <ann@fin.example> wrote:\n> Is it?\n> Ann\n", "On Mon"),
    ("Ja.\n\nAm 02.11.2026 um 10:00 schrieb Ann\n<ann@fin.example>:\n> Ist es?\n", "Am 02.11"),
    ("Yes.\n> Is it?\n\n", "> Is it?"),
    (f"Yes.\n\n{OUTLOOK}", "From: Ann"),
    (f"Yes.\n\n-----Original Message-----\n{OUTLOOK}", "-----Original"),
    (f"Ja.\n\n________________________________\n{OUTLOOK}", "____"),
    ("Ja.\n\nVon: Ann <ann@fin.example>\nGesendet: Montag\nAn: SOC\nBetreff: Hallo\n\nalt\n", "Von:"),
    ("はい。\n\n差出人: Ann <ann@fin.example>\n送信日時: 月曜\n宛先: SOC\n件名: 質問\n\n古い\n", "差出人"),
]


@pytest.mark.parametrize("text,begin", FOLDED)
def test_the_trailing_original_is_found(text: str, begin: str) -> None:
    at = quoted_from(text)
    assert at is not None
    assert text[at:].startswith(begin)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Just text.\nFrom: here on it is about mail.\n",
        "> Is it?\nYes.\n> And that?\nNo.\n",
        "> everything is quoted\n",
        OUTLOOK,
        "Name: Ann\nPhone: 1\nRoom: 2\nFloor: 3\n",
        "---------------------\nA line above\n",
    ],
)
def test_nothing_else_is_folded(text: str) -> None:
    assert quoted_from(text) is None


@given(st.lists(st.sampled_from([">", "> a", "b", "", "From: x@y", "To: z", "----- Original Message -----"])))
def test_any_text_is_answered(lines: list[str]) -> None:
    text = "\n".join(lines)
    at = quoted_from(text)
    assert at is None or (0 < at < len(text) and text[:at].strip() != "")


def test_html_folds_its_last_quotation_alone() -> None:
    markup = "<p>Yes</p><blockquote>old <blockquote>older</blockquote></blockquote><div><br></div>"
    folded = fold_html(markup)
    assert folded.startswith("<p>Yes</p><details><summary>Quoted text</summary><blockquote>old")
    assert folded.endswith("</blockquote></details><div><br></div>")
    for kept in (
        "<blockquote>a</blockquote><p>between</p>",
        "<blockquote>all of it</blockquote>",
        "<p>none</p>",
        "<p>x</p><blockquote>not closed",
    ):
        assert fold_html(kept) == kept
