"""What may not go out: injected header lines, bad addresses, too many recipients, too many bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compose.check import SizeLimits, find_mistakes, smtputf8_addresses
from domain.compose.message import ComposeError, OutgoingMessage, OutgoingPart
from domain.compose.mime import compose, encoded_size_bytes, header_bytes
from domain.mail import Address
from tests.support.outgoing import PLAIN, changed, composed, parsed

INJECTIONS = (
    "x\r\nBcc: victim@x.example",
    "x\nBcc: victim@x.example",
    "x\rBcc: victim@x.example",
    "x\r\n\r\n<script>",
    "x\n\n.\r\nMAIL FROM:<a@b.example>",
    "x\x00y",
    "x\x0bBcc: v@x.example",
    "x\x0cy",
    "x\x85Bcc: v@x.example",
    "x\u2028Bcc: v@x.example",
    "x\u2029y",
    "x\x1b]0;y",
    "x\x7f",
    "x\ud800",
)
FIELDS = {
    "from.name": lambda bad: changed(sender=Address(bad, "soc@corp.example")),
    "from": lambda bad: changed(sender=Address("", f"soc@corp.example{bad}")),
    "to[0].name": lambda bad: changed(to=(Address(bad, "a@fin.example"),)),
    "to[1]": lambda bad: changed(to=(*PLAIN.to, Address("", f"a@fin.example{bad}"))),
    "cc[0]": lambda bad: changed(cc=(Address("", f"{bad}@fin.example"),)),
    "bcc[0]": lambda bad: changed(bcc=(Address("", f"{bad}@fin.example"),)),
    "subject": lambda bad: changed(subject=bad),
    "messageId": lambda bad: changed(message_id=f"<{bad}@x>"),
    "inReplyTo": lambda bad: changed(in_reply_to=f"<{bad}@x>"),
    "references": lambda bad: changed(references=("<a@x>", f"<{bad}@x>")),
    "attachments[0].name": lambda bad: changed(attachments=(OutgoingPart("k", bad, "text/plain", 1),)),
    "inline[0].name": lambda bad: changed(inline=(OutgoingPart("k", bad, "image/png", 1, "i@x"),)),
    "inline[0].contentId": lambda bad: changed(inline=(OutgoingPart("k", "i", "image/png", 1, bad),)),
}


@pytest.mark.parametrize("bad", INJECTIONS)
@pytest.mark.parametrize("field", FIELDS)
def test_a_line_break_or_control_character_in_a_field_is_refused_by_its_name(field: str, bad: str) -> None:
    message: OutgoingMessage = FIELDS[field](bad)
    assert field in [mistake.field for mistake in find_mistakes(message, SizeLimits())]
    with pytest.raises(ComposeError) as refused:
        compose(message, lambda _: [b"x"])
    assert refused.value.mistakes[0].field == field
    assert bad not in str(refused.value)
    with pytest.raises(ComposeError):
        header_bytes(message)
    with pytest.raises(ComposeError):
        encoded_size_bytes(message)


@pytest.mark.parametrize("bad", INJECTIONS)
def test_a_content_type_that_is_none_is_written_as_unknown(bad: str) -> None:
    part = OutgoingPart("k", "f", f"text/plain{bad}", 1)
    (read,) = parsed(composed(changed(attachments=(part,)), {"k": b"x"})).iter_attachments()
    assert read.get_content_type() == "application/octet-stream"


@given(st.text(max_size=30), st.sampled_from([*FIELDS]))
def test_whatever_a_field_holds_no_field_is_added(text: str, field: str) -> None:
    message: OutgoingMessage = FIELDS[field](text)
    try:
        header = header_bytes(message)
    except ComposeError:
        return
    names = [line.partition(b":")[0] for line in header.split(b"\r\n") if line and line[:1] != b" "]
    known = {b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"In-Reply-To", b"References"}
    assert set(names) <= known | {b"MIME-Version"}
    assert len(set(names)) == len(names)


def codes(message: OutgoingMessage, limits: SizeLimits | None = None) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in find_mistakes(message, limits or SizeLimits())]


def test_a_message_as_it_should_be_has_no_mistakes() -> None:
    assert codes(PLAIN) == []


def test_500_recipients_in_all_are_taken_and_no_more() -> None:
    people = tuple(Address(f"Person {n}", f"p{n}@fin.example") for n in range(300))
    assert codes(changed(to=people, cc=people[:100], bcc=people[:100])) == []
    assert codes(changed(to=people, cc=people[:100], bcc=people[:101])) == [("to", "TooMany")]


def test_each_wrong_address_is_named_by_its_place() -> None:
    wrong = changed(
        to=(*PLAIN.to, Address("", "ann")), cc=(Address("", "a@localhost"),), bcc=(Address("", ""),)
    )
    assert codes(wrong) == [("to[1]", "NotAnAddress"), ("cc[0]", "NotADomain"), ("bcc[0]", "NotAnAddress")]


def test_a_recipient_a_subject_and_names_of_bounded_length_are_needed() -> None:
    assert codes(changed(to=())) == [("to", "Required")]
    assert codes(changed(to=(), bcc=PLAIN.to)) == []
    assert codes(changed(subject=" ")) == [("subject", "Required")]
    assert codes(changed(subject="😀" * 128)) == [("subject", "TooLong")]
    assert codes(changed(to=(Address("n" * 257, "a@fin.example"),))) == [("to[0].name", "TooLong")]
    part = OutgoingPart("k", "n" * 256, "text/plain", 1)
    assert codes(changed(attachments=(part,))) == [("attachments[0].name", "BadLength")]
    assert codes(changed(attachments=(replace(part, name="f", size_bytes=-1),))) == [
        ("attachments[0].size", "Negative")
    ]


def test_files_are_counted() -> None:
    part = OutgoingPart("k", "f", "text/plain", 1)
    assert codes(changed(attachments=(part,) * 251)) == [("attachments", "TooMany")]


def test_25_megabytes_of_content_go_and_a_byte_more_does_not() -> None:
    bodies = len(PLAIN.html) + len(PLAIN.text)
    part = OutgoingPart("k", "f", "text/plain", 25 * 1024 * 1024 - bodies)
    assert codes(changed(attachments=(part,))) == []
    assert codes(changed(attachments=(replace(part, size_bytes=part.size_bytes + 1),))) == [
        ("attachments", "TooLarge")
    ]


def test_the_servers_own_limit_counts_the_encoded_message() -> None:
    size = encoded_size_bytes(PLAIN)
    assert codes(PLAIN, SizeLimits(encoded_bytes=size)) == []
    assert codes(PLAIN, SizeLimits(encoded_bytes=size - 1)) == [("attachments", "TooLarge")]


def test_a_body_of_a_hundred_megabytes_is_refused() -> None:
    assert ("html", "TooLong") in codes(changed(html="x" * 100_000_000))


def test_who_needs_smtputf8_is_told_blind_copies_included() -> None:
    message = changed(cc=(Address("", "jürgen@fin.example"),), bcc=(Address("", "用户@例え.テスト"),))
    assert smtputf8_addresses(message) == ("jürgen@fin.example", "用户@例え.テスト")
    assert codes(message) == []
