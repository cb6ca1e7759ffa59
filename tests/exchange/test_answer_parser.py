"""Answers are read as they arrive, however they are cut, and whatever is in them."""

from __future__ import annotations

import tracemalloc
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BoundaryError, RetryLaterError
from exchange.answer_parser import (
    MAX_BYTES_BETWEEN,
    MAX_DEPTH,
    MAX_NODES,
    MIME_BEGIN,
    AnswerParser,
    Event,
    Node,
)
from exchange.base64_stream import Base64Error, Base64Stream
from tests.exchange.scripted_server import fault, soap

FIRST, SECOND = bytes(range(256)) * 9, b"From: ann@fin.example\r\n\r\nHello\r\n"


def message(content: str, subject: str = "Invoice") -> str:
    return (
        '<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items>'
        f'<t:Message>{content}<t:ItemId Id="i1" ChangeKey="c1"/><t:Subject>{subject}</t:Subject></t:Message>'
        "</m:Items></m:GetItemResponseMessage>"
    )


def answer(*messages: str) -> bytes:
    inside = "".join(messages)
    return soap(f"<m:GetItemResponse><m:ResponseMessages>{inside}</m:ResponseMessages></m:GetItemResponse>")


def mime(raw: bytes) -> str:
    return f'<t:MimeContent CharacterSet="UTF-8">{b64encode(raw).decode()}</t:MimeContent>'


def read(pieces: Iterable[bytes]) -> list[Event]:
    parser = AnswerParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.close()


def told(events: list[Event]) -> list[object]:
    """Events in a form that can be compared: contents joined, trees as nested tuples."""
    result: list[object] = []
    for event in events:
        if isinstance(event, bytes):
            if result and isinstance(result[-1], bytes):
                result[-1] += event
            else:
                result.append(event)
        else:
            result.append(tree(event) if isinstance(event, Node) else event)
    return result


def tree(node: Node) -> tuple[object, ...]:
    return (node.name, tuple(node.attributes.items()), node.text, *(tree(child) for child in node.children))


def subject_in(document: bytes) -> str:
    [node] = read([document])
    assert isinstance(node, Node)
    return node.text_of("Items", "Message", "Subject")


WHOLE = answer(
    message(mime(FIRST), "Grüße &amp; &#x1F; \U0001f600 &#128512; MimeContent &lt;"),
    message("<t:MimeContent/>"),
    message(""),
    message(f"<!-- <t:MimeContent> --><t:MimeContent>\r\n {b64encode(SECOND).decode()} \n</t:MimeContent>"),
    message(f"<t:MimeContent><![CDATA[{b64encode(SECOND).decode()}]]></t:MimeContent>"),
    message("<t:Preview><![CDATA[<t:MimeContent>no&#x1F;thing</t:MimeContent>]]></t:Preview>"),
)


def test_contents_come_before_the_tree_of_their_message() -> None:
    events = told(read([WHOLE]))
    names = [event[0] if isinstance(event, tuple) else event for event in events]
    node = "GetItemResponseMessage"
    assert names == [
        MIME_BEGIN, FIRST, node,
        MIME_BEGIN, node,
        node,
        MIME_BEGIN, SECOND, node,
        MIME_BEGIN, SECOND, node,
        node,
    ]  # fmt: skip


def test_a_tree_holds_names_attributes_and_texts() -> None:
    node = next(event for event in read([WHOLE]) if isinstance(event, Node))
    assert node.attributes == {"ResponseClass": "Success"}
    assert node.text_of("ResponseCode") == "NoError"
    item_id = node.find("Items", "Message", "ItemId")
    assert item_id is not None
    assert item_id.attributes == {"Id": "i1", "ChangeKey": "c1"}
    assert node.find("Items", "Nothing", "ItemId") is None
    assert node.text_of("Items", "Message", "MimeContent") == ""


@given(st.lists(st.integers(1, len(WHOLE) - 1), max_size=60).map(lambda cuts: sorted(set(cuts))))
def test_every_cutting_gives_the_same_events(cuts: list[int]) -> None:
    ends = [*cuts, len(WHOLE)]
    pieces = [WHOLE[begin:end] for begin, end in zip([0, *cuts], ends, strict=True)]
    assert told(read(pieces)) == told(read([WHOLE]))


def test_single_bytes_give_the_same_events() -> None:
    assert told(read(WHOLE[at : at + 1] for at in range(len(WHOLE)))) == told(read([WHOLE]))


@given(st.binary(max_size=3_000), st.lists(st.integers(1, 40), max_size=20))
def test_any_content_comes_out_byte_for_byte(raw: bytes, sizes: list[int]) -> None:
    document = answer(message(mime(raw)))
    pieces, at = [], 0
    for size in [*sizes, len(document)]:
        pieces.append(document[at : at + size])
        at += size
    assert b"".join(event for event in read(pieces) if isinstance(event, bytes)) == raw


@given(st.binary(max_size=400))
def test_random_bytes_raise_boundary_errors_alone(junk: bytes) -> None:
    with pytest.raises(BoundaryError):
        read([junk])


@given(st.integers(0, len(WHOLE)), st.binary(max_size=12), st.integers(0, 12), st.integers(1, 500))
def test_damaged_answers_are_read_or_asked_for_again(at: int, junk: bytes, lost: int, size: int) -> None:
    damaged = WHOLE[:at] + junk + WHOLE[at + lost :]
    with suppress(RetryLaterError):
        read(damaged[begin : begin + size] for begin in range(0, len(damaged), size))


@pytest.mark.parametrize("end", [0, 1, 300, len(WHOLE) // 2, len(WHOLE) - 1])
def test_an_answer_that_ends_early_is_malformed(end: int) -> None:
    with pytest.raises(RetryLaterError, match="MalformedAnswer"):
        read([WHOLE[:end]])


@pytest.mark.parametrize(
    "reference",
    ["&#x1F;", "&#31;", "&#x0;", "&#xB;", "&#xD83D;", "&#xFFFE;", "&#xFFFFFFFF;", "&#99999999999;"],
)
def test_references_that_xml_forbids_become_a_space(reference: str) -> None:
    assert subject_in(answer(message("", f"a{reference}b"))) == "a b"


@pytest.mark.parametrize("reference", ["&#x9;", "&#65;", "&#x1F600;"])
def test_references_that_xml_allows_keep_their_meaning(reference: str) -> None:
    expected = {"&#x9;": "\t", "&#65;": "A", "&#x1F600;": "\U0001f600"}[reference]
    assert subject_in(answer(message("", f"a{reference}b"))) == f"a{expected}b"


@pytest.mark.parametrize("raw", [b"\x00", b"\x1f", "\uffff".encode()])
def test_raw_control_characters_become_a_space(raw: bytes) -> None:
    assert subject_in(answer(message("", "a@@b")).replace(b"@@", raw)) == "a b"


@pytest.mark.parametrize("size", [1, 100_000])
def test_broken_utf_8_becomes_a_replacement_character(size: int) -> None:
    document = answer(message("", "a@@b")).replace(b"@@", b"\xe4")
    [node] = read(document[at : at + size] for at in range(0, len(document), size))
    assert isinstance(node, Node)
    assert node.text_of("Items", "Message", "Subject") == "a\ufffdb"


def test_content_stays_in_order_around_comments_and_instructions() -> None:
    first, second = b64encode(b"one").decode(), b64encode(b"two").decode()
    inside = f"<t:MimeContent><!-- -->{first}<?MimeContent ?>{second}</t:MimeContent>"
    events = read([answer(message(inside))])
    assert b"".join(event for event in events if isinstance(event, bytes)) == b"onetwo"


def test_base64_ends_with_its_padding() -> None:
    stream = Base64Stream()
    assert stream.feed(b"SGk=") == b"Hi"
    assert stream.feed(b" \r\n") == b""
    with pytest.raises(Base64Error):
        stream.feed(b"SGk=")


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + WHOLE[WHOLE.index(b"<s:") :],
        b'<!DOCTYPE s SYSTEM "http://127.0.0.1/evil.dtd">' + WHOLE[WHOLE.index(b"<s:") :],
        answer(message("", "&lol;")),
    ],
)
def test_document_types_and_entities_are_refused(document: bytes) -> None:
    with pytest.raises(RetryLaterError, match="MalformedAnswer"):
        read([document])


@pytest.mark.parametrize(
    "content, code",
    [
        ("<t:a>" * MAX_DEPTH + "</t:a>" * MAX_DEPTH, "too many levels"),
        ("<t:a/>" * (MAX_NODES + 1), "too many elements"),
        ("<t:a " + "b" * 200_000, "a tag that does not end"),
        ("<t:a>" + "b" * 9_000_000, "a text that is too long"),
        ("<t:a>" + "b" * 4_000_000 + "</t:a>", None),
        ("<t:MimeContent><t:a/></t:MimeContent>", "holds elements"),
        ("<t:MimeContent>AAAAA</t:MimeContent>", "MalformedAnswer"),
        ("<t:MimeContent>AA==AAAA</t:MimeContent>", "MalformedAnswer"),
        ("<t:MimeContent>AA!A</t:MimeContent>", "MalformedAnswer"),
    ],
)
def test_depth_number_and_length_are_bounded(content: str, code: str | None) -> None:
    document = answer(message(content))
    pieces = [document[begin : begin + 65_536] for begin in range(0, len(document), 65_536)]
    if code is None:
        assert read(pieces)
    else:
        with pytest.raises(RetryLaterError, match=code):
            read(pieces)


def test_an_answer_that_only_goes_on_is_too_long() -> None:
    parser = AnswerParser()
    parser.feed(WHOLE[: WHOLE.index(b"<m:GetItemResponseMessage")])
    parser.feed(b" " * (MAX_BYTES_BETWEEN - 65_536))
    with pytest.raises(RetryLaterError, match="AnswerTooLong"):
        parser.feed(b" " * 65_536)


def test_a_fault_is_an_event() -> None:
    [node] = read([fault("ErrorServerBusy", back_off_ms=1_500)])
    assert isinstance(node, Node)
    assert (node.name, node.text_of("detail", "ResponseCode")) == ("Fault", "ErrorServerBusy")


def test_a_large_message_passes_in_bounded_memory() -> None:
    head, tail = answer(message("<t:MimeContent>@@</t:MimeContent>")).split(b"@@")
    block = b64encode(b"x" * 49_152)
    parser = AnswerParser()
    parser.feed(head)
    size = 0
    tracemalloc.start()
    for _ in range(400):
        size += sum(len(event) for event in parser.feed(block) if isinstance(event, bytes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    parser.feed(tail)
    parser.close()
    assert size == 400 * 49_152
    assert peak < 500_000
