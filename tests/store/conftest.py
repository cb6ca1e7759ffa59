"""One Azurite for all store tests, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from store.connection import StorageConnection, StoreSettings
from tests.store.support import FakeVault, empty
from tests.support.azurite import RunningAzurite, running_azurite


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    with running_azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def settings(azurite: RunningAzurite) -> StoreSettings:
    return StoreSettings(connection_string=azurite.connection_string)


@pytest.fixture
def connection(settings: StoreSettings) -> StorageConnection:
    made = StorageConnection(settings)
    empty(made)
    return made


@pytest.fixture
def vault() -> FakeVault:
    return FakeVault()
