"""Domain values as text: the same value the same text, nothing lost, nothing guessed on reading."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.business_units import BusinessUnit
from domain.errors import AdminActionError
from domain.folder_sync import FolderSync
from domain.mail import Address, Evidence, Mail, Part
from domain.mailboxes import MailboxSettings, PollState
from store.chunks import split_text, utf16_bytes
from store.mail_codec import as_stored, listing_text, mail_from, mail_text
from store.record_codec import Codec
from tests.store.support import NOW, mail

WRITABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=40)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
st.register_type_strategy(str, WRITABLE)
st.register_type_strategy(datetime, MOMENTS)


@given(st.from_type(Mail))
def test_any_mail_comes_back_from_its_text(value: Mail) -> None:
    assert mail_from(mail_text(value)) == value


@given(st.one_of(*(st.from_type(kind) for kind in (FolderSync, MailboxSettings, PollState, BusinessUnit))))
def test_any_other_record_comes_back_from_its_text(value: object) -> None:
    codec = Codec(type(value))
    assert codec.from_text(codec.to_text(value)) == value


def test_the_text_of_a_mail_is_fixed_for_good() -> None:
    """Rows written by an earlier version must be read, and a replay must write the same row."""
    assert mail_text(mail(1, subject="s", parts=(), text_part=None)) == (
        '{"v":1,"id":"default.08d017a7f6a485735df6022f51f5b4a9","mailbox_id":"default",'
        '"received_at":"2026-03-04T05:05:07.089000Z","direction":"incoming",'
        '"internet_message_id":"<1@fin.example>","conversation_id":"conversation 0",'
        '"sender":{"name":"Ann (Fin)","address":"ann@fin.example"},'
        '"to":[{"name":"","address":"soc@corp.example"}],"subject":"s",'
        '"sent_at":"2026-03-04T05:05:04.089000Z","business_unit":"fin",'
        '"evidence":{"references":["0@fin.example"],"auth_as":"Internal"},"raw_size_bytes":700}'
    )


@given(
    st.text(
        st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("\ufffe\uffff\0"), max_size=50
    )
)
def test_characters_that_cannot_be_written_are_replaced_and_nothing_else_changes(subject: str) -> None:
    text = mail_text(mail(1, subject=subject))
    text.encode()
    read = mail_from(text)
    assert read == replace(mail(1), subject=read.subject)
    expected = "".join("\ufffd" if "\ud800" <= c <= "\udfff" or c in "\ufffe\uffff" else c for c in subject)
    assert read.subject == expected
    assert as_stored(mail(1, subject=subject), text) == read


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "null",
        "[]",
        "{",
        '{"v":2}',
        '{"v":1}',
        '{"v":1,"id":7}',
        "[" * 100_000,
        mail_text(mail(1)).replace('"subject"', '"subjekt"'),
        mail_text(mail(1)).replace('"incoming"', '"sideways"'),
        mail_text(mail(1)).replace("05:05:07.089000Z", "05:05:07.089000"),
        mail_text(mail(1)).replace('"raw_size_bytes":700', '"raw_size_bytes":true'),
        mail_text(mail(1)).replace('"to":[', '"to":[{"name":"n"},'),
    ],
)
def test_what_no_mail_wrote_is_refused_and_said_so_without_its_content(text: str | None) -> None:
    with pytest.raises(AdminActionError) as refused:
        mail_from(text)
    assert str(refused.value) == "StorageRowUnreadable: Mail"


def test_a_mail_of_hundreds_of_kilobytes_of_names_still_fits_into_a_row() -> None:
    people = tuple(Address("名" * 3000, f"{n}@fin.example") for n in range(1000))
    parts = tuple(Part(n, 1, filename="ä" * 2000) for n in range(1000))
    huge = mail(
        1, to=people, cc=people, reply_to=people, parts=parts, text_part=0, html_part=999, subject="s" * 10**6
    )
    text = mail_text(huge)
    split_text(text, "d")
    kept = mail_from(text)
    assert as_stored(huge, text) == kept
    assert (kept.id, kept.received_at, kept.sender) == (huge.id, huge.received_at, huge.sender)
    assert (kept.text_part, kept.html_part) == (0, None)
    assert len(kept.to) + len(kept.cc) + kept.recipients_cut == 2000
    assert mail_text(kept) == text


def test_a_list_shows_a_mail_from_one_property_whatever_its_size() -> None:
    people = tuple(Address("名" * 300, f"{n}@fin.example") for n in range(1000))
    huge = mail(1, to=people, evidence=Evidence(references=tuple("r" * 900 for _ in range(100))))
    text = listing_text(huge)
    assert utf16_bytes(text) <= 64_000
    assert mail_from(text).subject == huge.subject
    assert mail_from(text).attachments == huge.attachments


def test_times_are_rfc_3339_in_utc() -> None:
    text = Codec(PollState).to_text(PollState("default", due_at=NOW))
    assert json.loads(text)["due_at"] == "2026-03-04T05:06:07.089000Z"
