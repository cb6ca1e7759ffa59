"""Work that is not finished is kept under any subject, and what was left behind is found, oldest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.linking_ports import PendingWork
from store.connection import StorageConnection
from store.pending_store import TablePendingStore
from tests.store.support import NOW

WORK = PendingWork("incident", "INC/1#ä", "change", NOW, {"units": ["fin", "hr"], "isNew": True})


@pytest.fixture
def kept(connection: StorageConnection) -> TablePendingStore:
    return TablePendingStore(connection)


def test_pending_work_is_read_until_it_is_done(kept: TablePendingStore) -> None:
    kept.put(WORK)
    assert kept.read("incident", WORK.subject, "change") == WORK
    assert kept.read("unit", WORK.subject, "change") is None
    kept.put(replace(WORK, cursor="weak\nx"))
    assert kept.read("incident", WORK.subject, "change") == replace(WORK, cursor="weak\nx")
    kept.done(WORK)
    kept.done(WORK)
    assert kept.read("incident", WORK.subject, "change") is None


def test_two_changes_of_one_subject_are_two_works(kept: TablePendingStore) -> None:
    other = replace(WORK, change="other")
    kept.put(WORK)
    kept.put(other)
    kept.done(WORK)
    assert kept.read("incident", WORK.subject, "other") == other


def test_a_page_of_mails_with_long_ids_is_kept(kept: TablePendingStore) -> None:
    work = replace(WORK, kind="mail", before={"mails": [f"{'m' * 100}.{n:032x}" for n in range(1_000)]})
    kept.put(work)
    assert kept.read("mail", work.subject, "change") == work


def test_what_was_left_behind_is_found_oldest_first(kept: TablePendingStore) -> None:
    works = [replace(WORK, change=str(n), at=NOW + timedelta(microseconds=n)) for n in (2, 0, 1, 3)]
    for work in works:
        kept.put(work)
    before = NOW + timedelta(microseconds=3)
    assert [work.change for work in kept.older_than(before, 10)] == ["0", "1", "2"]
    assert [work.change for work in kept.older_than(before, 2)] == ["0", "1"]
    assert kept.older_than(NOW, 10) == []
