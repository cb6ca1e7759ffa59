"""The template's renderer and checks under any text: no exception, values always escaped, linear time."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.notification_template import (
    DEFAULT_TEMPLATE,
    MAX_SUBJECT_CHARS,
    NAMES,
    PLACEHOLDERS,
    NotificationTemplate,
    find_mistakes,
    render,
)

EXAMPLES = {one.name: one.example for one in PLACEHOLDERS}
ANY_TEXT = st.text(st.characters(), max_size=60)
PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{",
        "<",
        ">",
        '"',
        "'",
        "=",
        "<a href=",
        "<!--",
        "-->",
        "<style>",
        "</style>",
        "<p ",
        "\n",
        "&",
    ]
    + [f"{{{{{name}}}}}" for name in sorted(NAMES)]
)
ANY_TEMPLATE = st.lists(st.one_of(PIECES, ANY_TEXT), max_size=20).map("".join)
HOSTILE = st.lists(
    st.sampled_from(
        ["<script>", "</p>", '"', "'", "`", "=", "onload", "&", "{{incident.id}}", "\r\n", "-->", "x"]
    ),
    max_size=12,
).map("".join)


@given(ANY_TEMPLATE, ANY_TEMPLATE, ANY_TEMPLATE, st.dictionaries(st.sampled_from(sorted(NAMES)), ANY_TEXT))
def test_any_text_is_checked_and_rendered_without_an_exception(
    subject: str, html: str, text: str, values: dict[str, str]
) -> None:
    template = NotificationTemplate(subject, html, text)
    for mistake in find_mistakes(template):
        source = getattr(template, mistake.field)
        assert 0 <= mistake.position <= len(source)
        assert source.split("\n")[mistake.line - 1] is not None
    mail = render(template, values)
    assert len(mail.subject) <= MAX_SUBJECT_CHARS
    assert not set("\r\n\0") & set(mail.subject)


@given(st.sampled_from(sorted(NAMES)), HOSTILE, st.booleans())
def test_a_value_is_escaped_whatever_it_holds_and_is_never_read_for_placeholders(
    name: str, value: str, in_attribute: bool
) -> None:
    html = f'<p title="{{{{{name}}}}}">x</p>' if in_attribute else f"<p>{{{{{name}}}}}</p>"
    assert find_mistakes(NotificationTemplate("s", html)) == []
    found = _Events()
    found.feed(render(NotificationTemplate("s", html), {name: value}).html)
    found.close()
    shown = "" if name == "incident.url" else " ".join(value.split())
    if in_attribute:
        assert found.tags == [("p", [("title", shown)])]
    else:
        assert found.tags == [("p", [])]
        assert "".join(found.text) == shown


@given(ANY_TEMPLATE, HOSTILE)
def test_a_template_without_mistakes_has_the_same_elements_whatever_the_values_hold(
    html: str, value: str
) -> None:
    template = NotificationTemplate("s", html)
    if find_mistakes(template):
        return
    parsed = []
    for filling in ("x", value or "y"):
        events = _Events()
        events.feed(render(template, dict.fromkeys(NAMES, filling)).html)
        parsed.append([(tag, [name for name, _ in attributes]) for tag, attributes in events.tags])
    assert parsed[0] == parsed[1]


def test_the_default_has_no_mistakes_and_leaves_no_placeholder() -> None:
    assert find_mistakes(DEFAULT_TEMPLATE) == []
    mail = render(DEFAULT_TEMPLATE, EXAMPLES)
    assert "{{" not in mail.subject + mail.html + mail.text


@pytest.mark.parametrize(
    "url,shown",
    [
        ("https://respond.corp.example/INC-77", "https://respond.corp.example/INC-77"),
        ("HTTP://respond.corp.example", "HTTP://respond.corp.example"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//respond.corp.example", ""),
        ("https://", ""),
    ],
)
def test_an_incidents_address_is_an_http_address_or_nothing(url: str, shown: str) -> None:
    mail = render(NotificationTemplate("s", text="{{incident.url}}"), {"incident.url": url})
    assert mail.text.strip() == shown


def test_the_missing_body_is_made_from_the_other() -> None:
    of_html = render(
        NotificationTemplate("s", "<h1>A</h1><p>B\n &amp; C</p><ul><li>{{incident.id}}</li></ul>"), EXAMPLES
    )
    assert of_html.text == "A\nB & C\nINC-77\n"
    of_text = render(NotificationTemplate("s", text="<A>\n{{incident.id}}"), EXAMPLES)
    assert of_text.html == "<p>&lt;A&gt;<br>\nINC-77</p>"


def test_a_long_subject_is_cut_to_what_exchange_keeps() -> None:
    mail = render(NotificationTemplate("{{incident.title}}", text="x"), {"incident.title": "ä" * 900})
    assert (len(mail.subject), mail.subject[-1]) == (MAX_SUBJECT_CHARS, "…")


@pytest.mark.parametrize(
    "html",
    [
        piece * (32_000 // len(piece))
        for piece in (
            "<",
            "<a ",
            "<!--",
            "<style",
            "<a '",
            "a=",
            '<p a="b"',
            "{",
            "{{a",
            "\n",
            '<a href="{{incident.id}}"',
        )
    ]
    + ["<" + "a" * 31_999, "<a" + " " * 31_998],
)
def test_hostile_templates_are_checked_in_linear_time(html: str) -> None:
    began = time.process_time()
    find_mistakes(NotificationTemplate("s", html))
    render(NotificationTemplate("s", html), EXAMPLES)
    assert time.process_time() - began < 2


class _Events(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text.append(data)
