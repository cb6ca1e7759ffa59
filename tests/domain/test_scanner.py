"""The MIME scanner: parts are located exactly, whatever the message and however it is cut into chunks."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email.message import EmailMessage, Message

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.mail import Part
from domain.mime.bodies import decode_bytes, decode_text
from domain.mime.scanner import MAX_HEADER_BYTES, MAX_PARTS, MessageScanner


def scan(raw: bytes, chunk: int = 65_536) -> MessageScanner:
    scanner = MessageScanner()
    for begin in range(0, len(raw), chunk):
        scanner.feed(raw[begin : begin + chunk])
    scanner.close()
    return scanner


def body_of(raw: bytes, part: Part) -> bytes:
    return decode_bytes(raw[part.offset : part.offset + part.length], part)


def leaves(message: Message) -> Iterator[Message]:
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            assert isinstance(part, Message)
            yield from leaves(part)
    else:
        yield message


def mail_with_everything() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "All kinds of parts"
    message.set_content("Plain words.\n")
    message.add_alternative("<p>HTML <img src='cid:logo@corp.example'></p>", subtype="html")
    payload = message.get_payload()
    assert isinstance(payload, list)
    html = payload[1]
    assert isinstance(html, EmailMessage)
    html.add_related(b"\x89PNG" + bytes(300), "image", "png", cid="<logo@corp.example>")
    message.add_attachment(b"\x00\x01" * 5_000, "application", "pdf", filename="Bericht für März.pdf")
    return message


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_parts_lie_where_the_standard_library_finds_them(line_end: bytes) -> None:
    raw = mail_with_everything().as_bytes().replace(b"\n", line_end)

    scanner = scan(raw)

    expected = [
        (one.get_content_type(), one.get_payload(decode=True))
        for one in leaves(email.message_from_bytes(raw))
    ]
    assert [(part.content_type, body_of(raw, part)) for part in scanner.parts] == expected
    assert scanner.text_part == 0
    assert scanner.html_part == 1
    assert scanner.parts[2].content_id == "logo@corp.example"
    assert scanner.parts[3].filename == "Bericht für März.pdf"


@given(chunk=st.integers(1, 200))
def test_how_the_network_cuts_a_message_changes_nothing(chunk: int) -> None:
    raw = mail_with_everything().as_bytes()
    whole, cut = scan(raw), scan(raw, chunk)
    assert cut.parts == whole.parts
    assert cut.texts == whole.texts
    assert cut.header_block == whole.header_block


_FRAGMENTS = st.sampled_from(
    [
        b"--b\n", b"--b--\n", b"--b", b"--c\r\n", b"\n", b"\r\n", b"\r", b"text", b"\x00\xff", b"From: a@b\n",
        b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: multipart/digest; boundary=\"c\"\n",
        b"Content-Type: text/html\n", b"Content-Transfer-Encoding: base64\n", b" folded\n", b":", b"-" * 70,
    ]
)  # fmt: skip


@example(pieces=[b"\n", b"\n"], chunk=1)
@given(pieces=st.lists(_FRAGMENTS | st.binary(max_size=40), max_size=40), chunk=st.integers(1, 30))
def test_any_bytes_are_scanned_the_same_in_any_chunks_and_every_part_lies_inside_the_message(
    pieces: list[bytes], chunk: int
) -> None:
    raw = b"".join(pieces)
    whole, cut = scan(raw, max(1, len(raw))), scan(raw, chunk)
    assert (cut.parts, cut.texts, cut.text_part, cut.html_part) == (
        whole.parts,
        whole.texts,
        whole.text_part,
        whole.html_part,
    )
    assert whole.size_bytes == len(raw)
    for part in whole.parts:
        assert 0 <= part.offset <= part.offset + part.length <= len(raw)
        assert isinstance(decode_text(raw[part.offset : part.offset + part.length], part), str)


def test_text_of_a_multipart_without_any_boundary_line_is_shown() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=never\n\nHelp, we are locked out.\n"
    scanner = scan(raw)
    assert scanner.text_part == 0
    assert body_of(raw, scanner.parts[0]) == b"Help, we are locked out.\n"


def test_a_header_that_never_ends_is_cut_and_the_rest_is_body() -> None:
    raw = b"X-Long: " + b"a" * (2 * MAX_HEADER_BYTES)
    scanner = scan(raw)
    assert scanner.header_bytes == MAX_HEADER_BYTES
    assert scanner.parts[0].offset + scanner.parts[0].length == len(raw)


def test_thousands_of_parts_are_bounded() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * (MAX_PARTS + 500) + b"--b--\n"
    assert len(scan(raw).parts) == MAX_PARTS


def test_multiparts_nested_a_thousand_deep_end() -> None:
    raw = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1_000))
    assert len(scan(raw + b"\nend\n").parts) <= MAX_PARTS


def test_an_attached_message_is_one_part_whatever_boundaries_it_holds() -> None:
    inner = mail_with_everything().as_bytes()
    raw = (
        b"Content-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: message/rfc822\n\n"
        + inner
        + b"\n--outer--\n"
    )
    scanner = scan(raw)
    assert [part.content_type for part in scanner.parts] == ["message/rfc822"]
    assert body_of(raw, scanner.parts[0]) == inner
