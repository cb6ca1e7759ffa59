"""What single properties of items and folders become, also where the server leaves them out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import RetryLaterError
from domain.server_items import ItemSummary
from exchange.answer_parser import AnswerParser, Node
from exchange.folder_paths import MAX_DEPTH, place
from exchange.operations.find_folder import FoundFolder
from exchange.properties import SEND_ID_NAME, SEND_ID_SET
from exchange.soap import envelope
from exchange.summaries import summary
from exchange.values import integer, read_time, write_time
from exchange.xml_text import escape
from tests.exchange.scripted_server import soap

NAMED = '<t:ExtendedFieldURI PropertySetId="{}" PropertyName="{}" PropertyType="String"/>'


def item(properties: str) -> Node:
    inside = f"<m:ResponseMessages><m:X><t:Message>{properties}</t:Message></m:X></m:ResponseMessages>"
    parser = AnswerParser()
    [node] = [*parser.feed(soap(f"<m:R>{inside}</m:R>")), *parser.close()]
    assert isinstance(node, Node)
    return node.children[0]


def read(properties: str) -> ItemSummary:
    return summary(item(f'<t:ItemId Id="i1"/>{properties}'))


def extended(path: str, value: str) -> str:
    return f"<t:ExtendedProperty>{path}<t:Value>{value}</t:Value></t:ExtendedProperty>"


def person(element: str, address: str, routing: str = "SMTP") -> str:
    return (
        f"<t:{element}><t:Mailbox><t:Name>Ann</t:Name><t:EmailAddress>{address}</t:EmailAddress>"
        f"<t:RoutingType>{routing}</t:RoutingType></t:Mailbox></t:{element}>"
    )


def test_an_item_that_never_arrived_counts_from_its_creation() -> None:
    created = "<t:DateTimeCreated>2026-11-02T10:00:00Z</t:DateTimeCreated>"
    assert read(created).received_at == datetime(2026, 11, 2, 10, tzinfo=UTC)
    arrived = f"{created}<t:DateTimeReceived>2026-11-03T10:00:00Z</t:DateTimeReceived>"
    assert read(arrived).received_at == datetime(2026, 11, 3, 10, tzinfo=UTC)


def test_what_is_left_out_is_none_or_empty() -> None:
    never = datetime(1970, 1, 1, tzinfo=UTC)
    assert read("") == ItemSummary("i1", never)


def test_a_legacy_dn_is_no_address() -> None:
    dn = "/O=EXCHANGELABS/OU=EXCHANGE/CN=RECIPIENTS/CN=ann@x"
    found = read(person("Sender", dn, "EX") + person("From", dn, "EX"))
    assert (found.sender, found.represented_sender, found.sender_name) == (None, None, "Ann")


def test_sender_and_the_person_it_stands_for_are_told_apart() -> None:
    found = read(person("Sender", "assistant@fin.example") + person("From", "boss@fin.example"))
    assert (found.sender, found.represented_sender) == ("assistant@fin.example", "boss@fin.example")


@pytest.mark.parametrize("tag", ["0x5d01", "0x5D01", "23809"])
def test_a_property_tag_is_read_however_it_is_written(tag: str) -> None:
    path = f'<t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="String"/>'
    assert read(extended(path, "ann@fin.example")).sender == "ann@fin.example"


@pytest.mark.parametrize("set_id", [SEND_ID_SET, SEND_ID_SET.upper(), f"{{{SEND_ID_SET}}}"])
def test_our_send_id_is_recognised(set_id: str) -> None:
    assert read(extended(NAMED.format(set_id, SEND_ID_NAME), "s-1")).send_id == "s-1"


def test_another_property_of_that_name_is_not_our_send_id() -> None:
    other = "00000000-0000-4000-8000-000000000000"
    assert read(extended(NAMED.format(other, SEND_ID_NAME), "s-1")).send_id is None


def test_an_odd_property_is_left_out() -> None:
    odd = extended('<t:ExtendedFieldURI PropertyTag="0xZZ" PropertyType="String"/>', "x")
    assert read(f"{odd}<t:ExtendedProperty/>") == read("")


def test_an_item_without_an_id_is_malformed() -> None:
    with pytest.raises(RetryLaterError, match="without an id"):
        summary(item("<t:Subject>Invoice</t:Subject>"))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2026-11-02T10:00:00Z", datetime(2026, 11, 2, 10, tzinfo=UTC)),
        ("2026-11-02T10:00:00.123Z", datetime(2026, 11, 2, 10, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-11-02T10:00:00+01:00", datetime(2026, 11, 2, 9, tzinfo=UTC)),
        ("2026-11-02T10:00:00", datetime(2026, 11, 2, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_utc(text: str, expected: datetime | None) -> None:
    assert read_time(text) == expected


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))
def test_a_written_time_is_read_back_to_the_second(at: datetime) -> None:
    assert read_time(write_time(at)) == at.replace(microsecond=0)


@pytest.mark.parametrize("text, expected", [(" 12 ", 12), ("-1", 0), ("x", 0), ("9" * 30, 0), ("٣", 0)])
def test_counts_are_never_negative(text: str, expected: int) -> None:
    assert integer(text) == expected


@given(st.text())
def test_any_text_can_be_sent(text: str) -> None:
    parser = AnswerParser()
    document = soap(f"<m:R><m:ResponseMessages><m:X>{escape(text)}</m:X></m:ResponseMessages></m:R>")
    [node] = [*parser.feed(document), *parser.close()]
    assert isinstance(node, Node)
    unwritable = set(map(chr, range(32))) - set("\t\n\r") | {"\ufffe", "\uffff"}
    sent = "".join(one for one in text if one not in unwritable and not "\ud800" <= one <= "\udfff")
    assert node.text.replace(" ", "") == sent.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "")


def test_a_request_cannot_be_widened_by_its_values() -> None:
    request = envelope("", impersonate="a</t:PrimarySmtpAddress><t:SID>x</t:SID>@corp.example")
    assert b"<t:SID>" not in request


def folder(number: str, parent: str, name: str) -> FoundFolder:
    return FoundFolder(
        id=number,
        parent_id=parent,
        name=name,
        total_count=0,
        child_folder_count=0,
        is_mail=True,
        is_hidden=False,
        well_known=None,
    )


def test_paths_are_one_to_one_whatever_the_names_hold() -> None:
    folders = [
        folder("1", "root", "a/b"),
        folder("2", "root", "a"),
        folder("3", "2", "b"),
        folder("4", "root", "a\\/b"),
    ]
    paths = {one.id: one.path for one in place(folders)}
    assert paths == {"1": "a\\/b", "2": "a", "3": "a/b", "4": "a\\\\\\/b"}


def test_folders_of_one_name_stay_apart_by_id() -> None:
    assert [one.id for one in place([folder("1", "r", "New"), folder("2", "r", "New")])] == ["1", "2"]


def test_a_tree_without_end_is_cut() -> None:
    chain = [folder(str(number), str(number - 1), "x") for number in range(1, MAX_DEPTH + 100)]
    assert len(place(chain)) == MAX_DEPTH
    assert place([folder("1", "2", "a"), folder("2", "1", "b")]) == []
