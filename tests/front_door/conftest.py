"""One sandbox a test file, empty at first; `fresh` puts it back to that state between tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running_sandbox import RunningSandbox, running_sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """Everything that `scripts/run --empty` starts."""
    with running_sandbox(Path(tmp_path_factory.mktemp("sandbox"))) as running:
        yield running
