"""A tick costs what is due, not what is configured."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from store.keys import key_time, safe
from tests.support.polling import TIMERS_OFF, Polling
from tests.support.running_sandbox import running_sandbox
from tests.support.stored import Row

DUE = 10
CONFIGURED = 10_000


def test_a_tick_of_10_due_among_10_000_mailboxes_makes_the_calls_of_10_due_among_10(tmp_path: Path) -> None:
    # What the tick sends stays in the queue, so that all calls counted are the tick's.
    with running_sandbox(
        tmp_path, *TIMERS_OFF, "--setting", "AzureWebJobs.mailbox_sync.Disabled=true"
    ) as sandbox:
        polling = Polling(sandbox)
        polling.storage.create_table("due")
        polling.storage.insert("due", _schedule(range(DUE), timedelta(seconds=-5)))
        alone = _calls_of_a_tick(polling)
        assert alone == {"queue.Put": DUE, "table.Batch": DUE, "table.Query": 1}
        assert polling.storage.messages("mailbox-sync") == DUE

        polling.storage.clear_queues()
        polling.storage.insert("due", _schedule(range(DUE, CONFIGURED - DUE), timedelta(hours=1)))
        polling.storage.insert("due", _schedule(range(CONFIGURED - DUE, CONFIGURED), timedelta(seconds=-5)))
        among_all = _calls_of_a_tick(polling)

        assert polling.storage.messages("mailbox-sync") == DUE
        assert among_all == alone


def _calls_of_a_tick(polling: Polling) -> dict[str, int]:
    polling.sandbox.command("calls", "--reset")
    polling.fire()
    return polling.calls()["storage"]


def _schedule(numbers: range, due_in: timedelta) -> list[Row]:
    """Rows of table `due`, as docs/storage.md describes them: the truth and the index."""
    due_at = datetime.now(UTC) + due_in
    rows: list[Row] = []
    for number in numbers:
        mailbox = f"mailbox-{number:05}"
        state = json.dumps({"v": 1, "mailbox_id": mailbox, "due_at": due_at.isoformat()})
        for key in (f"state;{safe(mailbox)}", f"due;{key_time(due_at)};{safe(mailbox)}"):
            rows.append({"PartitionKey": "00", "RowKey": key, "d0": state})
    return rows
