"""Business units: unique addresses and domains, and rewalks that no crash forgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.business_units import BusinessUnit
from domain.errors import ConflictError
from domain.mailboxes import MailboxSettings
from domain.stored import Activity, AddressTakenError
from store.business_unit_store import SAVE_LIMIT, TableBusinessUnitStore
from store.connection import StorageConnection, StoreSettings
from store.mailbox_store import TableMailboxStore
from tests.store.support import ACTIVITY, NOW, DiedError, all_rows, empty, watched

FIN = BusinessUnit(
    "fin",
    "uuid-fin",
    "Finance",
    recipients=("cfo@fin.example",),
    addresses=("Ann@Fin.Example", "o'hara/x#?%@fin.example"),
    domains=("fin.example", "*.fin.example"),
)
HR = BusinessUnit("hr", "uuid-hr", "Human Resources", addresses=("hr@corp.example",))
LATER = NOW + SAVE_LIMIT


def units_on(connection: StorageConnection) -> TableBusinessUnitStore:
    return TableBusinessUnitStore(connection, TableMailboxStore(connection))


@pytest.fixture
def store(connection: StorageConnection) -> TableBusinessUnitStore:
    return units_on(connection)


def taken(connection: StorageConnection) -> dict[str, str]:
    return {row["entry"]: row["unit"] for key, row in all_rows(connection).items() if key[0] == "buaddresses"}


def test_units_are_read_back_by_name(store: TableBusinessUnitStore) -> None:
    saved = [store.save(unit, None, ACTIVITY) for unit in (HR, FIN)]
    assert store.read_all() == saved[::-1]
    assert store.read("fin") == saved[1]
    assert store.read("sales") is None


def test_archived_units_are_left_out_on_request(store: TableBusinessUnitStore) -> None:
    store.save(FIN, None, ACTIVITY)
    store.save(replace(HR, archived=True), None, ACTIVITY)
    assert [unit.value.id for unit in store.read_all(include_archived=False)] == ["fin"]
    assert len(store.read_all()) == 2


@pytest.mark.parametrize(
    "theirs",
    [
        {"addresses": ("ann+billing@FIN.example",)},
        {"domains": ("FIN.example.",)},
        {"domains": ("other.example", "*.Fin.example")},
        {"addresses": ("new@hr.example", "o'hara/x#?%@fin.example")},
    ],
)
def test_an_address_or_domain_of_another_unit_is_refused_and_nothing_is_kept(
    connection: StorageConnection, store: TableBusinessUnitStore, theirs: dict[str, tuple[str, ...]]
) -> None:
    store.save(FIN, None, ACTIVITY)
    rows = all_rows(connection)
    with pytest.raises(AddressTakenError) as refused:
        store.save(replace(HR, **theirs), None, ACTIVITY)  # type: ignore[arg-type]  # a parameter
    assert (refused.value.unit_id, refused.value.unit_name) == ("fin", "Finance")
    assert all_rows(connection) == rows


def test_what_a_unit_gives_up_or_is_archived_with_is_free_again(store: TableBusinessUnitStore) -> None:
    saved = store.save(FIN, None, ACTIVITY)
    saved = store.save(replace(FIN, addresses=()), saved.etag, ACTIVITY)
    hr = store.save(replace(HR, addresses=("ann@fin.example",)), None, ACTIVITY)
    with pytest.raises(AddressTakenError):
        store.save(replace(HR, domains=("fin.example",)), hr.etag, ACTIVITY)
    store.save(replace(FIN, addresses=(), archived=True), saved.etag, ACTIVITY)
    store.save(replace(HR, domains=("fin.example",)), hr.etag, ACTIVITY)


def test_a_unit_taken_out_of_the_archive_must_still_own_its_addresses(store: TableBusinessUnitStore) -> None:
    archived = store.save(replace(FIN, archived=True), None, ACTIVITY)
    store.save(replace(HR, domains=("fin.example",)), None, ACTIVITY)
    with pytest.raises(AddressTakenError):
        store.save(FIN, archived.etag, ACTIVITY)


def test_a_change_on_top_of_somebody_elses_is_refused_and_nothing_is_kept(
    connection: StorageConnection, store: TableBusinessUnitStore
) -> None:
    saved = store.save(FIN, None, ACTIVITY)
    store.save(replace(FIN, name="Finance and Tax"), saved.etag, ACTIVITY)
    rows = all_rows(connection)
    for stale in (saved.etag, None):
        with pytest.raises(ConflictError):
            store.save(replace(FIN, addresses=("new@fin.example",)), stale, ACTIVITY)
    assert all_rows(connection) == rows


def configured(connection: StorageConnection, *names: str) -> TableMailboxStore:
    mailboxes = TableMailboxStore(connection)
    for name in names:
        settings = MailboxSettings(name, "c", "soc@corp.example", "server", "app", "tenant")
        mailboxes.save_settings(settings, None, ACTIVITY)
    return mailboxes


def requested(mailboxes: TableMailboxStore, name: str) -> datetime | None:
    found = mailboxes.read(name)
    assert found is not None
    return found.rewalk_requested_at


def test_rewalks_are_requested_on_every_mailbox_and_nothing_stays_pending(
    connection: StorageConnection,
) -> None:
    mailboxes = configured(connection, "default", "other")
    store = units_on(connection)
    store.save(FIN, None, ACTIVITY)
    store.request_rewalks(NOW)
    assert [requested(mailboxes, name) for name in ("default", "other")] == [NOW, NOW]
    assert store.resume_rewalks(LATER) == 0
    assert not [key for key in all_rows(connection) if key[0] == "pending"]


def test_a_save_that_was_not_followed_by_its_rewalk_is_made_good(connection: StorageConnection) -> None:
    mailboxes = configured(connection, "default")
    store = units_on(connection)
    store.save(FIN, None, ACTIVITY)
    assert store.resume_rewalks(NOW + timedelta(seconds=1)) == 0, "the request may still come"
    assert store.resume_rewalks(LATER) == 1
    assert requested(mailboxes, "default") == LATER
    assert store.resume_rewalks(LATER) == 0


def test_a_save_that_gives_a_unit_no_new_mail_asks_for_no_rewalk(connection: StorageConnection) -> None:
    store = units_on(connection)
    saved = store.save(FIN, None, ACTIVITY)
    store.request_rewalks(NOW)
    saved = store.save(replace(FIN, name="Tax", domains=("fin.example",)), saved.etag, ACTIVITY)
    store.save(replace(FIN, archived=True), saved.etag, ACTIVITY)
    assert store.resume_rewalks(LATER) == 0


def test_a_recipient_that_is_added_asks_for_a_rewalk(connection: StorageConnection) -> None:
    store = units_on(connection)
    saved = store.save(FIN, None, ACTIVITY)
    store.request_rewalks(NOW)
    store.save(replace(FIN, follow_up_recipients=("cio@fin.example",)), saved.etag, ACTIVITY)
    assert store.resume_rewalks(LATER) == 1


def crash_points(settings: StoreSettings, change: Callable[[StorageConnection], object]) -> list[int]:
    connection, transport = watched(settings)
    change(connection)
    return list(range(1, len(transport.requests) + 1))


def test_a_crash_anywhere_in_a_save_and_rewalk_is_made_good_by_resuming(
    settings: StoreSettings, connection: StorageConnection
) -> None:
    at = datetime.now(UTC)
    activity = replace(ACTIVITY, at=at)

    def before() -> str:
        empty(connection)
        configured(connection, "default")
        store = units_on(connection)
        etag = store.save(FIN, None, ACTIVITY).etag
        store.request_rewalks(NOW)
        return etag

    def change(with_connection: StorageConnection) -> None:
        store = units_on(with_connection)
        store.save(replace(FIN, addresses=("ann@fin.example", "new@fin.example"), domains=()), etag, activity)
        store.request_rewalks(at)

    etag = before()
    for die_at in crash_points(settings, change):
        etag = before()
        dying, _ = watched(settings, die_at=die_at, after_it_was_made=True)
        with pytest.raises(DiedError):
            change(dying)
        store = units_on(connection)
        later = at + SAVE_LIMIT
        store.resume_rewalks(later)
        unit = store.read("fin")
        assert unit is not None
        entries = {"ann@fin.example": "fin"}
        if unit.value.domains:
            entries |= {"o'hara/x#?%@fin.example": "fin", "fin.example": "fin", "*.fin.example": "fin"}
        else:
            entries["new@fin.example"] = "fin"
            assert (requested(TableMailboxStore(connection), "default") or NOW) >= at
        assert taken(connection) == entries, die_at
        assert not [key for key in all_rows(connection) if key[0] == "pending"]


def test_an_address_that_a_crashed_save_left_behind_can_be_had_by_another_unit_later(
    settings: StoreSettings, connection: StorageConnection
) -> None:
    def save(with_connection: StorageConnection, at: datetime) -> None:
        units_on(with_connection).save(FIN, None, Activity(at, "a", None, "save", "fin", None, None))

    points = crash_points(settings, lambda with_connection: save(with_connection, NOW))
    for started_at, is_free in ((datetime.now(UTC) - SAVE_LIMIT, True), (datetime.now(UTC), False)):
        empty(connection)
        dying, _ = watched(settings, die_at=len(points) - 2, after_it_was_made=False)
        with pytest.raises(DiedError):
            save(dying, started_at)
        assert "ann@fin.example" in taken(connection)
        wish = replace(HR, addresses=("ann@fin.example",))
        if is_free:
            units_on(connection).save(wish, None, ACTIVITY)
            assert taken(connection)["ann@fin.example"] == "hr"
        else:
            with pytest.raises(AddressTakenError):
                units_on(connection).save(wish, None, ACTIVITY)
