"""One Azurite for all tests of the host."""

from collections.abc import Iterator

import pytest

from tests.support.azurite import RunningAzurite, running_azurite


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    """A storage emulator; tests use queues of their own in it."""
    with running_azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running
