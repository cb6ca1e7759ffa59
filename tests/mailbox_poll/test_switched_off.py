"""Mailboxes and folders that an admin switches off, or on again, while messages about them are on their
way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from domain.mailboxes import FolderSelection, PollState, SelectedFolder
from domain.stored import Versioned
from mailbox_poll.context import PollContext
from mailbox_poll.messages import FolderSyncMessage
from mailbox_poll.outcome import mailbox_is_off
from mailbox_poll.sync_folder import sync_folder

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("enabled, due_at", [(True, NOON), (False, None)])
def test_a_mailbox_that_was_turned_on_while_its_being_off_was_noticed_stays_due(
    enabled: bool, due_at: datetime | None
) -> None:
    states = [PollState("default", due_at=NOON, claimed_until=NOON + timedelta(minutes=2))]
    schedule = SimpleNamespace(
        read=lambda mailbox_id: Versioned(states[-1], "1"), save=lambda state, etag: states.append(state)
    )
    config = SimpleNamespace(settings=SimpleNamespace(enabled=enabled))
    mailboxes = SimpleNamespace(read=lambda mailbox_id: config)

    mailbox_is_off(cast(PollContext, SimpleNamespace(schedule=schedule, mailboxes=mailboxes)), "default")

    assert states[-1].due_at == due_at


@pytest.mark.parametrize("selected, read", [("archive", False), ("inbox-id", True)])
def test_a_folder_that_was_unselected_in_the_middle_of_its_walk_is_read_no_further(
    selected: str, read: bool
) -> None:
    looked_at: list[str] = []

    def read_row(mailbox_id: str, folder_id: str) -> None:
        looked_at.append(folder_id)

    config = SimpleNamespace(
        settings=SimpleNamespace(enabled=True, mailbox_id="default"),
        selection=FolderSelection((SelectedFolder(selected, "Some folder"),)),
    )
    poll = SimpleNamespace(
        mailboxes=SimpleNamespace(read=lambda mailbox_id: config),
        schedule=SimpleNamespace(read=lambda mailbox_id: None),
        folder_syncs=SimpleNamespace(read=read_row),
    )

    sync_folder(cast(PollContext, poll), FolderSyncMessage("default", "inbox-id"))

    assert bool(looked_at) == read
