"""The text body made from an HTML one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compose.html_text import html_to_plain

RULE = "-" * 40


@pytest.mark.parametrize(
    "html, text",
    [
        ("one <b>two</b>\n  three&nbsp;&amp; four", "one two three & four"),
        ("<p>one</p><p>two<br>three</p><div>four</div><div>five</div>", "one\n\ntwo\nthree\n\nfour\nfive"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        ("a<br><br>b", "a\n\nb"),
        ("a<hr>b", f"a\n\n{RULE}\n\nb"),
        ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"),
        ("<ol start=3><li>one</li><li>two</li></ol>", "3. one\n4. two"),
        ("<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>", "1. a\n  - b\n2. c"),
        ("<ul><li><p>one</p></li><li><div>two</div></li></ul>", "- one\n\n- two"),
        ("<ul><li></li><li>x</li></ul>", "-\n- x"),
        ('<a href="https://x.example/a?b=1&amp;c">page</a>', "page <https://x.example/a?b=1&c>"),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:ann@fin.example">ann@fin.example</a>', "ann@fin.example"),
        ('<a href="https://x.example"><img src="cid:a" alt="Logo"></a>', "[Logo] <https://x.example>"),
        ('<a href="https://x.example"></a>', "<https://x.example>"),
        ('<a href="javascript:alert(1)">x</a><a name="top">y</a>', "xy"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "A | B\n1 | 2"),
        ("<pre>  if x:\n      y\n</pre>z", "  if x:\n      y\n\nz"),
        ("a<blockquote>b<blockquote>c</blockquote>d</blockquote>e", "a\n\n> b\n>\n> > c\n>\n> d\n\ne"),
        ("<blockquote><p>b</p><p>c</p></blockquote>", "> b\n>\n> c"),
        ("x<div>-- <br>SOC</div>", "x\n-- \nSOC"),
        ("<style>p{}</style><script>x()</script><title>t</title>a<!-- b -->c", "ac"),
        ("<script>x", ""),
        ('<p title="a > b">c</p>', "c"),
        ("a < b <3 &lt;b&gt;", "a < b <3 <b>"),
        ("<!DOCTYPE html><html><body>x</body></html>", "x"),
        ("a\x00\x08b", "ab"),
        ("&#" + "9" * 5_000 + ";", "\ufffd"),
        ("", ""),
    ],
)
def test_what_html_says_the_text_says(html: str, text: str) -> None:
    assert html_to_plain(html) == text


HOSTILE = {
    "quotes in quotes": "<blockquote>x",
    "lists in lists": "<ul><li>",
    "tables in tables": "<table><tr><td>",
    "open tags": "<a ",
    "open comments": "<!--",
    "open styles": "<style",
    "open declarations": "<!",
    "quotation marks": "<p '\"",
    "links": '<a href="https://x.example">',
    "link ends": '<a href="https://x.example">x</a>',
    "ampersands": "&",
    "less-than signs": "<",
    "preformatted": "<pre>\n",
    "attributes": "<p " + "a=",
    "spaces": "  \t\n",
    "empty items": "<li>",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_time_and_text_grow_with_the_markup_and_not_faster(piece: str) -> None:
    def seconds(count: int) -> float:
        markup = piece * (count // len(piece))
        begun = time.process_time()
        text = html_to_plain(markup)
        assert len(text) <= 20 * len(markup) + 100
        return time.process_time() - begun

    assert seconds(200_000) < 40 * max(min(seconds(20_000), seconds(20_000)), 0.005)


def test_a_text_ends_at_two_million_characters_and_says_so() -> None:
    text = html_to_plain("<p>" + "word " * 30 + "</p>\n" + ("<p>" + "word " * 30 + "</p>") * 20_000)
    assert 1_900_000 < len(text) <= 2_000_010
    assert text.endswith("[…]")


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from([*HOSTILE.values(), "</a>", "</blockquote>", "x"])).map("".join)
)
def test_any_markup_becomes_text_that_can_be_sent(markup: str) -> None:
    text = html_to_plain(markup)
    assert not set(text) & set("\r\x00")
    assert not text.startswith("\n")
    assert not text.endswith("\n")
