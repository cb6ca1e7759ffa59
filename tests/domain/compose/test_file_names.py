"""Names of attachments, hostile and long ones included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compose.file_names import MAX_NAME_BYTES, distinct_file_names, safe_file_name


@pytest.mark.parametrize(
    "given_name, safe",
    [
        ("report.pdf", "report.pdf"),
        ("Größe & Maß (2).pdf", "Größe & Maß (2).pdf"),
        ("../../x", "x"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/etc/passwd", "passwd"),
        ("a\u2215b\uff0fc", "c"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("LPT²", "_LPT²"),
        ("con .txt", "_con .txt"),
        ("contract.txt", "contract.txt"),
        ("..", "attachment"),
        ("", "attachment"),
        ("\r\n\x00", "attachment"),
        ("a\r\nContent-Type: text/html\x00.txt", "html.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ('a<b>:"|?*%.txt', "a_b_______.txt"),
        (".bashrc", "bashrc"),
        ("trailing. . ", "trailing"),
        ("zero\u200bwidth.txt", "zerowidth.txt"),
        ("lone\ud800.txt", "lone.txt"),
    ],
)
def test_a_name_is_made_safe_and_stays_readable(given_name: str, safe: str) -> None:
    assert safe_file_name(given_name) == safe


@pytest.mark.parametrize("stem", ["x", "ü", "漢", "👩"])
def test_a_name_of_300_characters_keeps_its_ending(stem: str) -> None:
    name = safe_file_name(stem * 300 + ".tar.gz")
    assert name.endswith(".gz")
    assert len(name.encode()) <= MAX_NAME_BYTES


def test_a_name_of_a_hundred_thousand_characters_keeps_its_end() -> None:
    assert safe_file_name("a/" * 50_000 + "x.pdf") == "x.pdf"


def test_no_two_names_are_the_same_on_a_disk_that_ignores_case() -> None:
    assert distinct_file_names(["a.txt", "A.txt", "x/a.txt", "a (2).txt"]) == (
        "a.txt",
        "A (2).txt",
        "a (3).txt",
        "a (2) (2).txt",
    )


@given(st.text(max_size=400) | st.text(alphabet="./\\con :nul\x00\u202eü", max_size=40))
def test_any_name_becomes_one_that_is_safe_and_stays_as_it_is(name: str) -> None:
    safe = safe_file_name(name)
    assert safe_file_name(safe) == safe
    assert safe
    assert len(safe.encode()) <= MAX_NAME_BYTES
    assert not set(safe) & set('/\\<>:"|?*\r\n\x00')
    assert safe.strip(" .") == safe


@given(st.lists(st.text(alphabet="aA.()2 ü", max_size=6) | st.just("x" * 300), max_size=12))
def test_any_names_become_as_many_safe_ones_that_differ(names: list[str]) -> None:
    distinct = distinct_file_names(names)
    assert len({name.casefold() for name in distinct}) == len(names)
    assert all(safe_file_name(name) == name for name in distinct)
