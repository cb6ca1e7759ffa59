"""A folder's path follows its name on the server."""

from __future__ import annotations

import pytest

from domain.folder_sync import current_path


@pytest.mark.parametrize(
    "path, name, now",
    [
        ("Inbox", "Inbox", "Inbox"),
        ("Inbox", "Posteingang", "Posteingang"),
        ("Inbox/Units/Finance", "Finanzen", "Inbox/Units/Finanzen"),
        ("Inbox/A\\/B", "A/B", "Inbox/A\\/B"),
        ("Inbox/A\\/B", "C", "Inbox/C"),
        ("Inbox/Units", "", "Inbox/Units"),
    ],
)
def test_the_last_name_is_the_servers_own(path: str, name: str, now: str) -> None:
    assert current_path(path, name) == now
