"""Fixtures of all HTTP tests: the application on an Azurite that is emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from store.connection import StorageConnection, StoreSettings
from tests.api.http_app import HttpApp, http_app
from tests.store.support import empty
from tests.support.azurite import running_azurite


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageConnection]:
    with running_azurite(tmp_path_factory.mktemp("azurite")) as azurite:
        yield StorageConnection(StoreSettings(connection_string=azurite.connection_string))


@pytest.fixture
def app(storage: StorageConnection) -> HttpApp:
    empty(storage)
    return http_app(storage)
