"""Raw messages and attachments: exact bytes, in ranges, as downloads that no browser runs."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mail import Part
from domain.mime import part_reader
from domain.mime.bodies import decode_bytes
from domain.mime.part_reader import decoded_size, decoded_slice
from incident_mails.downloads import content_disposition, safe_file_name
from tests.api.http_app import Answer, HttpApp
from tests.incident_mails.stored import message, store_message, with_parts


def test_the_raw_message_comes_back_byte_for_byte_as_a_download(app: HttpApp) -> None:
    raw = message("text/plain", b"bare LF\nand CR\rand \x00\xff", Subject="Re: a/b <c>")
    mail = store_message(app, raw)
    answer = app.call("GET", f"/api/triage/{mail.id}/raw")
    assert answer.body == raw
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"].startswith('attachment; filename="Re_ a_b _c_.eml"')
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    "asked,begin,end", [("bytes=0-9", 0, 10), ("bytes=5-", 5, None), ("bytes=-7", -7, None)]
)
def test_ranges_are_served(app: HttpApp, asked: str, begin: int, end: int | None) -> None:
    raw = message("text/plain", b"0123456789")
    mail = store_message(app, raw)
    answer = app.call("GET", f"/api/triage/{mail.id}/raw", headers={"range": asked})
    assert answer.status == 206
    assert answer.body == raw[begin:end]
    first = begin % len(raw)
    last = first + len(answer.body) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(raw)}"


def test_ranges_outside_are_refused_and_nonsense_is_ignored(app: HttpApp) -> None:
    raw = message("text/plain", b"x")
    mail = store_message(app, raw)
    path = f"/api/triage/{mail.id}/raw"
    outside = app.call("GET", path, headers={"range": "bytes=100000-"})
    assert (outside.status, outside.headers["content-range"]) == (416, f"bytes */{len(raw)}")
    for header in ("lines=1-2", "bytes=9-1", "bytes=a-b", "bytes=0-1,4-5", "bytes=-"):
        assert app.call("GET", path, headers={"range": header}).status == 200


def test_head_tells_the_size(app: HttpApp) -> None:
    raw = message("text/plain", b"x")
    mail = store_message(app, raw)
    answer = app.call("HEAD", f"/api/triage/{mail.id}/raw")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(raw))


def test_over_30_mb_is_served_in_ranges_only(app: HttpApp) -> None:
    content = bytes(range(256)) * (33 * 4096)
    raw = with_parts(("Content-Type: application/zip\r\nContent-Transfer-Encoding: binary", content))
    mail = store_message(app, raw)
    for path in (f"/api/triage/{mail.id}/raw", f"/api/triage/{mail.id}/attachments/0"):
        assert app.call("GET", path).code == "RangeRequired"
        first = app.call("GET", path, headers={"range": "bytes=0-"})
        assert (first.status, len(first.body)) == (206, 30 * 1024 * 1024)
    last = app.call("GET", f"/api/triage/{mail.id}/attachments/0", headers={"range": "bytes=-4"})
    assert last.body == content[-4:]


def attachment(app: HttpApp, head: str, content: bytes) -> Answer:
    mail = store_message(app, with_parts(("Content-Type: text/plain", b"see file"), (head, content)))
    return app.call("GET", f"/api/triage/{mail.id}/attachments/0")


@pytest.mark.parametrize(
    "encoding,encode",
    [("base64", base64.encodebytes), ("quoted-printable", quopri.encodestring), ("8bit", bytes)],
)
def test_attachments_are_decoded(app: HttpApp, encoding: str, encode: type[bytes]) -> None:
    content = b"a=b\nc\xfcd e\n" * 50
    head = f"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: {encoding}"
    answer = attachment(app, head, encode(content).rstrip(b"\n") + (b"\n" if encoding != "base64" else b""))
    assert answer.body == content
    assert answer.headers["content-type"] == "application/zip"


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "nonsense", "x/<y>"],
)
def test_active_types_are_served_as_plain_bytes(app: HttpApp, content_type: str) -> None:
    head = f"Content-Type: {content_type}\r\nContent-Disposition: inline; filename=x"
    answer = attachment(app, head, b"<script>1</script>")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_attachments_that_are_not_there_are_not_found(app: HttpApp) -> None:
    mail = store_message(app, message("text/plain", b"x"))
    for position in ("0", "-1", "x", "1" * 30, "٣"):
        assert app.call("GET", f"/api/triage/{mail.id}/attachments/{position}").status == 404


@pytest.mark.parametrize(
    "name,safe",
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\x\\run.exe", "C_x_run.exe"),
        ("a\r\nSet-Cookie: x.txt", "a_Set-Cookie_ x.txt"),
        ("inv\u202efdp.exe", "invfdp.exe"),
        ("   ", "file"),
        ("..", "file"),
        ("Größe 漢字.pdf", "Größe 漢字.pdf"),
        ("x" * 300 + ".docx", "x" * 145 + ".docx"),
    ],
)
def test_file_names_are_safe_and_keep_their_extension(name: str, safe: str) -> None:
    assert safe_file_name(name, "file") == safe


@given(st.text())
def test_a_file_name_never_breaks_out_of_its_header(name: str) -> None:
    header = content_disposition("attachment", safe_file_name(name, "file"))
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


@given(
    content=st.binary(max_size=400),
    encoding=st.sampled_from(["base64", "quoted-printable", "7bit"]),
    step=st.integers(1, 50),
    offset=st.integers(0, 450),
    length=st.integers(1, 450),
    noise=st.booleans(),
)
def test_a_slice_of_a_part_is_the_slice_of_the_whole(
    content: bytes, encoding: str, step: int, offset: int, length: int, noise: bool
) -> None:
    encoded = content
    if encoding == "base64" and not noise:
        encoded = base64.encodebytes(content)
    elif encoding == "quoted-printable" and not noise:
        encoded = quopri.encodestring(content)
    raw = b"head" + encoded + b"tail"
    part = Part(offset=4, length=len(encoded), transfer_encoding=encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_reader, "_STEP_BYTES", step)
        whole = decode_bytes(encoded, part)

        def read(at: int, count: int) -> bytes:
            return raw[at : at + count]

        assert decoded_size(read, part) == len(whole)
        assert decoded_slice(read, part, offset, length) == whole[offset : offset + length]
