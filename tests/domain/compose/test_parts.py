"""Inline images that go along, and attachments as they go out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compose.message import OutgoingPart
from domain.compose.parts import inline_images, media_type, outgoing_attachments

ID = "<000102030405060708090a0b@corp.example>"
LOGO = OutgoingPart("1", "logo.png", "image/png", 10, "logo@fin.example")
PHOTO = OutgoingPart("2", "logo.png", "IMAGE/JPEG", 20, "<photo 1>")


def test_images_that_the_html_names_go_along_under_ids_of_their_own() -> None:
    html = (
        '<p>a <img alt="x > y" src="cid:logo@fin.example"> '
        "<IMG SRC='cid:photo%201'> <img src=cid:logo@fin.example></p>"
    )
    inlined = inline_images(html, [LOGO, PHOTO, OutgoingPart("3", "c", "image/gif", 1, "unnamed@x")], ID)
    first, second = inlined.images
    assert (first.key, second.key) == ("1", "2")
    assert (first.name, second.name) == ("logo.png", "logo (2).png")
    assert first.content_id != second.content_id
    assert str(first.content_id).endswith("@corp.example")
    assert inlined.html == (
        f'<p>a <img alt="x > y" src="cid:{first.content_id}"> '
        f'<IMG src="cid:{second.content_id}"> <img src="cid:{first.content_id}"></p>'
    )
    assert inlined.dropped == ()


def test_an_image_that_nothing_has_is_left_out_and_told() -> None:
    inlined = inline_images('<p>a<img src="cid:nope">b<img src="cid:nope&amp;2"></p>', [LOGO], ID)
    assert inlined.html == "<p>ab</p>"
    assert inlined.dropped == ("nope", "nope&2")
    assert inlined.images == ()


@pytest.mark.parametrize(
    "html",
    [
        '<table background="cid:logo@fin.example">',
        '<a href=" cid:logo@fin.example">',
        '<input src="cid:logo@fin.example">',
    ],
)
def test_only_images_name_images(html: str) -> None:
    inlined = inline_images(html, [LOGO], ID)
    assert "cid:" not in inlined.html
    assert (inlined.images, inlined.dropped) == ((), ("logo@fin.example",))


def test_what_is_no_raster_image_is_not_shown_inline() -> None:
    svg = OutgoingPart("1", "x.svg", "image/svg+xml", 1, "x")
    assert inline_images('<img src="cid:x">', [svg], ID).dropped == ("x",)


def test_text_about_cid_stays() -> None:
    html = '<p>Use cid:logo@fin.example in &lt;img src="cid:x"&gt;</p>'
    assert inline_images(html, [LOGO], ID).html == html


def test_one_mail_composed_twice_has_the_same_ids_and_another_mail_others() -> None:
    html = '<img src="cid:logo@fin.example">'
    assert inline_images(html, [LOGO], ID) == inline_images(html, [LOGO], ID)
    assert inline_images(html, [LOGO], ID).html != inline_images(html, [LOGO], "<f@corp.example>").html


@given(st.text(alphabet="<img src='\"cid:x@y>/=& %2", max_size=120))
def test_any_html_names_exactly_the_images_that_go_along(html: str) -> None:
    inlined = inline_images(html, [OutgoingPart("1", "x", "image/png", 1, "x@y")], ID)
    assert len(inlined.images) <= 1
    assert all(f'src="cid:{image.content_id}"' in inlined.html for image in inlined.images)


@pytest.mark.parametrize(
    "given_type, written",
    [
        ("Application/PDF ", "application/pdf"),
        ("application/vnd.ms-excel.sheet.macroEnabled.12", "application/vnd.ms-excel.sheet.macroenabled.12"),
        ("text/html; charset=x", "application/octet-stream"),
        ("message/rfc822", "application/octet-stream"),
        ("multipart/mixed", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("text/plain\r\nX: y", "application/octet-stream"),
        ("x" * 500 + "/y", "application/octet-stream"),
    ],
)
def test_types_are_written_as_types_or_as_unknown(given_type: str, written: str) -> None:
    assert media_type(given_type) == written


def test_attachments_have_safe_names_that_differ_and_no_content_id() -> None:
    given_parts = [
        OutgoingPart("1", "../a.txt", "text/plain", 1, "x"),
        OutgoingPart("2", "a.txt", "text/plain", 1),
    ]
    assert outgoing_attachments(given_parts) == (
        OutgoingPart("1", "a.txt", "text/plain", 1),
        OutgoingPart("2", "a (2).txt", "text/plain", 1),
    )
