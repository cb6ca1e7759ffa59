"""The keys of subject tokens: made once, rotated, shared by all instances, kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from domain.configuration_ports import ActivityQuery
from domain.errors import AdminActionError
from store.activity_log import TableActivityLog
from store.connection import StorageConnection, StoreSettings
from store.subject_token_keys import SECRET_NAME, VaultSubjectTokenKeys
from store.table import Table
from tests.store.support import ACTIVITY, FakeVault, all_rows, watched


@dataclass
class Time:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class SwitchedOff(FakeVault):
    """As Key Vault: a version that is switched off is refused, not missing."""

    off: str | None = None

    def read(self, name: str, version: str) -> str:
        if version == self.off:
            raise AdminActionError("KeyVaultSecretDisabled")
        return super().read(name, version)


@pytest.fixture
def time() -> Time:
    return Time()


def test_every_instance_has_the_same_key_of_256_bits(connection: StorageConnection, vault: FakeVault) -> None:
    [key] = VaultSubjectTokenKeys(connection, vault).keys()
    assert VaultSubjectTokenKeys(connection, vault).keys() == (key,)
    assert len(key) == 32
    assert vault.versions.keys() == {(SECRET_NAME, "v1")}
    assert key.hex() not in str(all_rows(connection))


def test_after_a_rotation_the_new_key_signs_and_the_old_one_verifies(
    connection: StorageConnection, vault: FakeVault
) -> None:
    keys = VaultSubjectTokenKeys(connection, vault)
    [first] = keys.keys()
    assert keys.rotate(ACTIVITY) == 2
    newest, old = keys.keys()
    assert old == first != newest
    assert keys.rotate(ACTIVITY) == 3
    assert keys.keys()[1:] == (newest, old)


def test_a_rotation_before_the_first_use_makes_both_keys(
    connection: StorageConnection, vault: FakeVault
) -> None:
    assert VaultSubjectTokenKeys(connection, vault).rotate(ACTIVITY) == 2


def test_a_rotation_is_in_the_activity_log(connection: StorageConnection, vault: FakeVault) -> None:
    VaultSubjectTokenKeys(connection, vault).rotate(ACTIVITY)
    [logged] = TableActivityLog(connection).page(ActivityQuery(limit=5)).entries
    assert logged.entry == ACTIVITY


def test_another_instance_knows_a_rotation_after_a_minute(
    connection: StorageConnection, vault: FakeVault, time: Time
) -> None:
    here, there = VaultSubjectTokenKeys(connection, vault), VaultSubjectTokenKeys(connection, vault, time)
    old = there.keys()
    here.rotate(ACTIVITY)
    time.now = 59
    assert there.keys() == old
    time.now = 60
    assert there.keys() == here.keys()


def test_keys_are_read_once_and_their_list_once_a_minute(
    settings: StoreSettings, connection: StorageConnection, vault: FakeVault, time: Time
) -> None:
    VaultSubjectTokenKeys(connection, vault).rotate(ACTIVITY)
    watching, transport = watched(settings)
    keys = VaultSubjectTokenKeys(watching, vault, time)
    vault.reads = 0
    for second in (0, 30, 60, 119):
        time.now = second
        keys.keys()
    assert (len(transport.requests), vault.reads) == (2, 2)


def test_of_two_instances_that_make_the_key_at_once_both_use_the_winners(
    connection: StorageConnection, vault: FakeVault
) -> None:
    class Slow(FakeVault):
        def write(self, name: str, value: str) -> str:
            version = vault.write(name, value)
            if len(vault.versions) == 1:
                found.append(VaultSubjectTokenKeys(connection, vault).keys())
            return version

        def read(self, name: str, version: str) -> str:
            return vault.read(name, version)

    found: list[tuple[bytes, ...]] = []
    found.append(VaultSubjectTokenKeys(connection, Slow()).keys())
    assert len(vault.versions) == 2
    assert found[0] == found[1]


def test_two_rotations_at_once_both_count(
    connection: StorageConnection, vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Table.transaction
    rotated: list[bool] = []

    def overtaken(table: Table, operations: Any, **options: Any) -> Any:
        if not rotated:
            rotated.append(True)
            VaultSubjectTokenKeys(connection, vault).rotate(ACTIVITY)
        return write(table, operations, **options)

    VaultSubjectTokenKeys(connection, vault).keys()
    monkeypatch.setattr(Table, "transaction", overtaken)
    assert VaultSubjectTokenKeys(connection, vault).rotate(ACTIVITY) == 3
    assert len(VaultSubjectTokenKeys(connection, vault).keys()) == 3


def test_an_old_key_that_was_switched_off_verifies_nothing_and_stops_nobody(
    connection: StorageConnection,
) -> None:
    vault = SwitchedOff()
    keys = VaultSubjectTokenKeys(connection, vault)
    keys.keys()
    keys.rotate(ACTIVITY)
    vault.off = "v1"
    assert len(VaultSubjectTokenKeys(connection, vault).keys()) == 1
    vault.off = "v2"
    with pytest.raises(AdminActionError, match="KeyVaultSecretDisabled"):
        VaultSubjectTokenKeys(connection, vault).keys()
