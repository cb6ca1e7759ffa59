"""A worker that is killed after any outgoing call of a later sync changes nothing of what is kept.

The folder was read to its end before; then mails came, one of them awaited by a stranger's answer, and one
was deleted in Outlook.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crashes import CrashRuns
from tests.support.mails import large_mail, plain_mail
from tests.support.polling import TIMERS_OFF, Polling
from tests.support.running_sandbox import running_sandbox

STRANGER = "law@lawyer.example"
OLD = plain_mail("old@fin.example", subject="Stored before")


@pytest.fixture(scope="module")
def polling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Polling]:
    """A sandbox that polls when it is told to."""
    with running_sandbox(Path(tmp_path_factory.mktemp("crashes")), *TIMERS_OFF) as sandbox:
        yield Polling(sandbox)


@pytest.mark.timeout(1800)
def test_after_a_crash_at_any_call_of_a_later_sync_the_same_is_stored(polling: Polling) -> None:
    sandbox = polling.sandbox
    early = plain_mail("early@lawyer.example", sender=STRANGER, in_reply_to="asked@fin.example")
    deleted, _ = sandbox.deliver(OLD, early)
    sandbox.add_unit("Finance", domains=["fin.example"])
    sandbox.configure()
    polling.settle()
    begin = polling.storage.snapshot()
    assert len(begin.tables["waiting"]) == 2, "the early answer, by Message-ID and by conversation"
    sandbox.command("delete", "--hard", deleted)
    sandbox.deliver(
        OLD,
        plain_mail("new@fin.example", subject="New"),
        large_mail("large@fin.example", 1_500_000),
        plain_mail("asked@fin.example", subject="A question"),
        plain_mail("news@shop.example", sender="news@shop.example", subject="Sale"),
    )
    runs = CrashRuns(polling, begin)

    expected, calls = runs.undisturbed()
    assert len(expected.blobs) == 5
    assert not expected.tables["waiting"]
    assert sum("removedAt" in place for place in expected.tables["places"].values()) == 1
    assert calls > 40

    wrong = runs.differences_after_each(expected, calls)
    assert not wrong, "\n".join(wrong)
