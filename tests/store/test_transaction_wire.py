"""Transactions on the wire: what is written is what Azurite takes (other tests), what is read cannot be
forged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.rows import Insert, Row
from store.transaction_wire import AnswerUnreadableError, Done, Failed, read_answer, transaction_body

PART = b"--c\r\nContent-Type: application/http\r\n\r\n"
DONE = (
    b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    + PART
    + b"HTTP/1.1 204 No Content\r\nETag: W/\"datetime'1'\"\r\n\r\n\r\n"
    + PART
    + b"HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n\r\n--c--\r\n"
)
FAILED = (
    b"--b\r\n\r\n"
    + PART
    + b"HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\n\r\n"
    + b'{"odata.error":{"code":"EntityAlreadyExists","message":{"lang":"en-US","value":"17:There."}}}'
    + b"\r\n--c--\r\n"
)


def test_etags_come_in_the_order_of_the_writes_and_a_delete_has_none() -> None:
    assert read_answer(DONE, 2) == Done(("W/\"datetime'1'\"", ""))


def test_a_failure_names_the_write_that_did_not_hold() -> None:
    assert read_answer(FAILED, 20) == Failed(409, "EntityAlreadyExists", 17)


def test_an_answer_to_another_number_of_writes_is_no_answer() -> None:
    with pytest.raises(AnswerUnreadableError):
        read_answer(DONE, 3)


@pytest.mark.parametrize("length", range(0, len(DONE) - 60, 7))
def test_half_an_answer_is_no_answer(length: int) -> None:
    with pytest.raises(AnswerUnreadableError):
        read_answer(DONE[:length], 2)


@given(st.binary(max_size=300), st.integers(0, 3))
def test_any_bytes_are_an_answer_or_refused(body: bytes, writes: int) -> None:
    try:
        answer = read_answer(body, writes)
    except AnswerUnreadableError:
        return
    assert isinstance(answer, Failed) or len(answer.etags) == writes


@given(st.text(max_size=200))
def test_no_text_in_a_row_can_end_the_row_or_begin_an_answer(text: str) -> None:
    hostile = f"{text}\r\n--changes_rows--\r\nHTTP/1.1 204 No Content\r\n\r\n"
    body = transaction_body("http://t", "mails", [Insert(Row("p", "k", {"d0": hostile}))])
    assert body.count(b"\r\n--changes_rows--\r\n") == 1
    with pytest.raises(AnswerUnreadableError):
        read_answer(body, 1)
