"""The bytes that leave, read again by the standard library's old and new parser."""

from __future__ import annotations

import email.header
import re
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.policy import compat32
from email.utils import getaddresses
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compose.file_names import safe_file_name
from domain.compose.message import ContentChangedError, OutgoingMessage, OutgoingPart
from domain.compose.mime import compose, encoded_size_bytes, header_bytes
from domain.mail import Address
from tests.support.outgoing import PLAIN, changed, composed, file, parsed

IMAGE = OutgoingPart("logo", "logo.png", "image/png", 3, "image1.abc@corp.example")
WRITABLE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])


def lines_fit(raw: bytes) -> bool:
    """RFC 5322, section 2.1.1: lines of at most 998 bytes, ended by CRLF and by nothing else."""
    lone = re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    return lone is None and raw.endswith(b"\r\n") and max(map(len, raw.split(b"\r\n"))) <= 998


def test_header_fields_are_read_as_they_were_meant() -> None:
    raw = composed(
        changed(
            cc=(Address("Müller, Jörg", "j@bücher.example"), Address("", "x@fin.example")),
            in_reply_to="<P@Host>",
            references=("<a@x>", "<P@Host>"),
            date=datetime(2026, 11, 24, 10, 30, tzinfo=timezone(timedelta(hours=1))),
        )
    )
    message = parsed(raw)
    assert message["Subject"] == PLAIN.subject
    assert message["Message-ID"] == PLAIN.message_id
    assert message["In-Reply-To"] == "<P@Host>"
    assert message["References"] == "<a@x> <P@Host>"
    assert message["Date"] == "Tue, 24 Nov 2026 09:30:00 +0000"
    assert [one.addr_spec for one in message["Cc"].addresses] == ["j@xn--bcher-kva.example", "x@fin.example"]
    assert message["Cc"].addresses[0].display_name == "Müller, Jörg"
    assert message["MIME-Version"] == "1.0"
    assert lines_fit(raw)


@pytest.mark.parametrize(
    "text", ["=?utf-8?B?YWJj?= x", "x =?utf-8?Q?abc?=", "a  b", "x" * 255, "ü  x " * 20 + "y"]
)
def test_text_that_looks_encoded_and_runs_of_spaces_are_read_as_written(text: str) -> None:
    message = parsed(composed(changed(subject=text)))
    assert message["Subject"] == text
    name = "=?utf-8?Q?abc?="
    assert (
        parsed(composed(changed(sender=Address(name, "soc@corp.example"))))["From"].addresses[0].display_name
        == name
    )


def test_nobody_reads_in_the_bytes_who_got_a_blind_copy_nor_an_id_of_the_app() -> None:
    raw = composed(changed(bcc=(Address("Ben Secret", "ben@secret.example"),)))
    assert raw == composed(PLAIN)
    assert set(parsed(raw).keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
    }


def test_a_mail_to_blind_copies_alone_has_no_empty_to() -> None:
    assert b"\nTo:" not in composed(changed(to=(), bcc=(Address("", "ben@fin.example"),)))


def test_what_no_person_sent_says_so() -> None:
    message = parsed(composed(changed(auto_submitted=True)))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert parsed(composed(PLAIN))["Auto-Submitted"] is None


def test_bodies_images_and_attachments_stand_where_mail_programs_look_for_them() -> None:
    attached = file("report", b"%PDF", "Größe.pdf")
    message = parsed(
        composed(changed(inline=(IMAGE,), attachments=(attached,)), {"logo": b"PNG", "report": b"%PDF"})
    )
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    image = [*message.walk()][5]
    assert image["Content-ID"] == "<image1.abc@corp.example>"
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == b"PNG"
    (report,) = message.iter_attachments()
    assert (report.get_filename(), report.get_content()) == ("Größe.pdf", b"%PDF")


@pytest.mark.parametrize(
    "html, text, kinds",
    [
        ("<p>x</p>", "", ["text/html"]),
        ("", "x\n", ["text/plain"]),
        ("", "", ["text/plain"]),
        ("<p>x</p>", "x\n", ["multipart/alternative", "text/plain", "text/html"]),
    ],
)
def test_there_is_no_more_structure_than_needed(html: str, text: str, kinds: list[str]) -> None:
    message = parsed(composed(changed(html=html, text=text)))
    assert [part.get_content_type() for part in message.walk()] == kinds


def test_a_message_inside_goes_as_a_file_since_it_may_not_be_encoded() -> None:
    inner = b"Subject: x\r\n\r\nHello\r\n"
    attached = file("mail", inner, "original.eml", "message/rfc822")
    (part,) = parsed(composed(changed(attachments=(attached,)), {"mail": inner})).iter_attachments()
    assert (part.get_content_type(), part.get_content()) == ("application/octet-stream", inner)


def test_a_local_part_in_another_script_stays_utf8() -> None:
    assert b"To: <" not in composed(PLAIN)
    assert b"To: \xe7\x94\xa8\xe6\x88\xb7@xn--r8jz45g.xn--zckzah\r\n" in composed(
        changed(to=(Address("", "用户@例え.テスト"),))
    )


def test_the_token_can_be_read_in_the_raw_subject_of_any_language() -> None:
    raw = composed(changed(subject="Re: [INC-1042 k7fq2m9x] 請求書 との 差異 " + "ü" * 150))
    assert b"Subject: Re: [INC-1042 k7fq2m9x] =?utf-8?B?" in raw
    words = re.findall(rb"=\?utf-8\?B\?[^?]*\?=", raw)
    assert max(map(len, words)) <= 75
    assert max(map(len, header_bytes(changed(subject="ü" * 200)).split(b"\r\n"))) <= 76


@given(
    st.text(WRITABLE, min_size=1, max_size=200),
    st.text(WRITABLE, max_size=120),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=300),
)
def test_any_subject_name_and_body_is_read_by_both_parsers_as_written(
    subject: str, name: str, text: str
) -> None:
    subject, name = " ".join(subject.split()) or "x", " ".join(name.split())
    raw = composed(changed(subject=subject, to=(Address(name, "ann@fin.example"),), text=text, html=""))
    assert lines_fit(raw)
    new, old = parsed(raw), message_from_bytes(raw, policy=compat32)
    assert new["Subject"] == subject
    assert str(email.header.make_header(email.header.decode_header(old["Subject"]))) == subject
    read = new["To"].addresses[0].display_name
    # The new parser puts a space between two encoded words, against RFC 2047, section 6.2.
    assert read == name if len(name.encode()) <= 45 else read.replace(" ", "") == name.replace(" ", "")
    ((shown, address),) = getaddresses([old["To"]])
    assert address == "ann@fin.example"
    assert str(email.header.make_header(email.header.decode_header(shown))) == name
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    body = old.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode() == (lines + "\n" * (not lines.endswith("\n"))).replace("\n", "\r\n") or not lines


@given(st.text(WRITABLE, min_size=1, max_size=180), st.binary(max_size=3_000))
def test_any_file_is_read_by_both_parsers_as_it_was(name: str, content: bytes) -> None:
    name = safe_file_name(name)
    message = changed(attachments=(file("f", content, name),))
    raw = composed(message, {"f": content})
    assert lines_fit(raw)
    assert len(raw) == encoded_size_bytes(message)
    (new,) = parsed(raw).iter_attachments()
    assert (new.get_filename(), new.get_content()) == (name, content)
    *_, old = message_from_bytes(raw, policy=compat32).walk()
    assert (email.utils.collapse_rfc2231_value(old.get_filename() or ""), old.get_payload(decode=True)) == (
        name,
        content,
    )


@pytest.mark.parametrize("size", [*range(120), 57 * 1_024 - 1, 57 * 1_024, 57 * 1_024 + 1, 200_000])
def test_the_size_is_known_exactly_before_a_byte_is_read(size: int) -> None:
    message = changed(attachments=(file("f", bytes(size), "f.bin"),))
    assert encoded_size_bytes(message) == len(composed(message, {"f": bytes(size)}))


def test_the_same_message_is_the_same_bytes_however_its_files_are_chunked() -> None:
    content = bytes(range(256)) * 300
    message = changed(attachments=(file("f", content, "f.bin"),))
    single = b"".join(compose(message, lambda _: [content]))
    assert single == composed(message, {"f": content})
    assert single == b"".join(compose(message, lambda _: (bytes([one]) for one in content)))


@pytest.mark.parametrize("came", [0, 99, 101, 1_000_000])
def test_a_file_that_is_not_as_long_as_announced_ends_the_message_before_its_end(came: int) -> None:
    message = changed(attachments=(file("f", bytes(100), "f.bin"),))
    written: list[bytes] = []
    with pytest.raises(ContentChangedError, match="100 bytes were announced"):
        written.extend(compose(message, lambda _: [bytes(came)]))
    assert not b"".join(written).endswith(b"--\r\n")


def test_a_file_without_an_end_is_read_no_further_than_announced() -> None:
    message = changed(attachments=(file("f", bytes(100), "f.bin"),))
    with pytest.raises(ContentChangedError, match="more came"):
        list(compose(message, lambda _: repeat(bytes(60))))


def test_a_long_name_in_another_script_is_folded() -> None:
    message = changed(attachments=(file("f", b"", "ü" * 80 + ".pdf"),))
    head = composed(message, {"f": b""}).rpartition(b"Content-Type: application/pdf")[2]
    assert max(map(len, head.split(b"\r\n"))) <= 76


def test_twenty_megabytes_stream_through_less_than_one() -> None:
    step = bytes(1_000_000)
    message = changed(attachments=(OutgoingPart("f", "f.bin", "application/zip", 20 * len(step)),))

    def chunks(_: str) -> Iterator[bytes]:
        return (step for _ in range(20))

    tracemalloc.start()
    try:
        total = sum(len(chunk) for chunk in compose(message, chunks))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == encoded_size_bytes(message)
    assert peak < 1_000_000


def test_boundaries_stand_in_no_body() -> None:
    inner = composed(changed(html="<p>=_alternative_</p>", text="--=_alternative_"))
    message: OutgoingMessage = changed(text=inner.decode(), html="")
    part = parsed(composed(message)).get_body()
    assert part is not None
    assert part.get_content().encode() == inner
