"""Whatever bytes come in, parsers answer with Exchange's own errors."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.ids import IdSpace
from sandbox.exchange.mime import read_headers
from sandbox.exchange.soap import parse_request
from sandbox.exchange.syncstate import SyncState, parse_sync_state
from sandbox.exchange.xmltext import escape, parse_timestamp, timestamp
from tests.sandbox.exchange.running_server import SOC, envelope, sync_request

IDS = IdSpace.of("00000000-0000-4000-8000-000000000001", bytes(range(38)))
REQUEST = envelope(sync_request("inbox"), SOC).encode()

numbers = st.integers(min_value=0, max_value=2**48 - 1)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_request_are_refused(junk: bytes) -> None:
    with pytest.raises(RequestError):
        parse_request(junk)


@given(st.integers(min_value=0, max_value=len(REQUEST) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_request_is_read_or_refused(place: int, junk: bytes) -> None:
    with contextlib.suppress(RequestError):
        assert parse_request(REQUEST[:place] + junk + REQUEST[place + len(junk) :]).operation


@given(numbers, numbers)
def test_ids_are_read_back_and_only_as_what_they_are(item: int, folder: int) -> None:
    assert IDS.parse_item(IDS.item(item)) == item
    assert IDS.parse_folder(IDS.folder(folder)) == folder
    assert IDS.parse_attachment(IDS.attachment(item, 7)) == (item, 7)
    for wrong in (IDS.folder(folder), IDS.change_key(item)):
        with pytest.raises(ItemError):
            IDS.parse_item(wrong)


@given(st.text(max_size=200) | st.binary(max_size=120).map(lambda raw: base64.b64encode(raw).decode()))
def test_texts_that_are_no_ids_or_states_are_refused(text: str) -> None:
    for parse in (IDS.parse_item, IDS.parse_folder, IDS.parse_attachment):
        with pytest.raises(ItemError):
            parse(text)
    with pytest.raises(ItemError):
        parse_sync_state(text, 1)


@given(numbers, numbers, numbers, st.sampled_from([0, 10_000]))
def test_sync_states_are_read_back_and_belong_to_one_folder(
    scope: int, seen: int, until: int, items: int
) -> None:
    state = SyncState(scope, seen, until)
    assert parse_sync_state(state.text(items=items), scope) == state
    with pytest.raises(ItemError):
        parse_sync_state(state.text(items=items), scope + 1)
    with pytest.raises(ItemError):
        parse_sync_state(state.text(items=items), scope, folders=True)


@given(st.text())
def test_escaped_text_holds_no_markup_and_can_be_encoded(text: str) -> None:
    written = escape(text)
    written.encode("utf-8")
    assert "<" not in written
    assert '"' not in written


@given(st.binary(max_size=500))
def test_header_fields_of_any_bytes_have_names_without_colons(raw: bytes) -> None:
    assert all(name and ":" not in name for name, _ in read_headers(raw).fields)


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_times_are_read_back(seconds: int) -> None:
    assert parse_timestamp(timestamp(seconds * 1000)) == seconds * 1000
