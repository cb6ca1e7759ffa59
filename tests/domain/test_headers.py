"""Header fields as mail really carries them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mime.headers import (
    MAX_REFERENCES,
    decode_words,
    normalise_message_id,
    parse_addresses,
    parse_date,
    parse_header_block,
    parse_message_ids,
)


@pytest.mark.parametrize(
    "written, shown",
    [
        ("=?utf-8?B?44GT44KT44Gr44Gh44Gv?=", "こんにちは"),
        ("=?iso-8859-1?Q?Gr=FC=DFe?= aus =?utf-8?Q?K=C3=B6ln?=", "Grüße aus Köln"),
        ("=?no-such-charset?Q?abc?=", "abc"),
        ("=?utf-8?B?a?=", "=?utf-8?B?a?="),
        ("two\x00 \x1f words", "two words"),
    ],
)
def test_encoded_words_are_decoded_as_far_as_they_go(written: str, shown: str) -> None:
    assert decode_words(written) == shown


def test_raw_eight_bit_headers_are_read_as_utf8_else_as_windows_1252() -> None:
    assert parse_header_block("Subject: Grüße\n".encode()).get("subject") == "Grüße"
    assert parse_header_block("Subject: Grüße\n".encode("cp1252")).get("Subject") == "Grüße"


def test_folded_fields_are_one_line_and_lines_without_a_name_are_skipped() -> None:
    headers = parse_header_block(b"Subject: one\r\n two\r\nnonsense\r\n: empty\r\nTo: a@b.example\r\n")
    assert headers.get("Subject") == "one two"
    assert [name for name, _ in headers.fields] == ["Subject", "To"]


@pytest.mark.parametrize(
    "written, normal",
    [
        ("<Abc@Host.EXAMPLE>", "Abc@host.example"),
        (" <a b\t@x.example> (comment)", "ab@x.example"),
        ("bare@x.example (from a gateway)", "bare@x.example"),
        ("<>", None),
        ("", None),
        ("   ", None),
    ],
)
def test_message_ids_are_compared_without_brackets_comments_and_case_of_the_host(
    written: str, normal: str | None
) -> None:
    assert normalise_message_id(written) == normal


def test_of_endless_references_the_first_and_last_fifty_count() -> None:
    ids = parse_message_ids(" ".join(f"<{n}@x.example>" for n in range(5_000)))
    assert len(ids) == 100
    assert (ids[0], ids[49], ids[50], ids[99]) == (
        "0@x.example",
        "49@x.example",
        "4950@x.example",
        "4999@x.example",
    )


def test_a_thousand_recipients_are_kept_and_the_rest_counted() -> None:
    found, cut = parse_addresses([", ".join(f"Person {n} <p{n}@fin.example>" for n in range(1_200))])
    assert (len(found), cut) == (1_000, 200)


@pytest.mark.parametrize("value", ["", "yesterday", "Tue, 99 Xyz 2026 99:99:99"])
def test_what_is_no_date_is_none(value: str) -> None:
    assert parse_date(value) is None


def test_dates_are_utc() -> None:
    assert parse_date("Tue, 24 Nov 2026 10:00:00 +0100") == datetime(2026, 11, 24, 9, tzinfo=UTC)


@given(st.binary(max_size=400))
def test_any_header_bytes_are_read_without_an_exception_and_can_be_stored_as_utf8(block: bytes) -> None:
    headers = parse_header_block(block)
    for _, value in headers.fields:
        decode_words(value).encode("utf-8")
        parse_date(value)
        parse_message_ids(value)
        for address in parse_addresses([value])[0]:
            (address.name + address.address).encode("utf-8")


def test_references_too_long_to_keep_keep_both_ends() -> None:
    ids = " ".join(f"<{number:060}@x.example>" for number in range(3_000))
    headers = parse_header_block(f"References: <first@x.example> {ids} <last@x.example>\n".encode())
    found = parse_message_ids(headers.get("References"))
    assert (found[0], found[-1], len(found)) == ("first@x.example", "last@x.example", 2 * MAX_REFERENCES)
    assert all("@" in one for one in found)
