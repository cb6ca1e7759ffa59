"""A worker that is killed after any outgoing call of a mailbox's first sync changes nothing of what is kept.

Calls are all that leave the worker, from the timer on: to Exchange, Entra ID, Key Vault, tables, blobs and
queues.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crashes import CrashRuns
from tests.support.mails import large_mail, plain_mail
from tests.support.polling import TIMERS_OFF, Polling
from tests.support.running_sandbox import running_sandbox


@pytest.fixture(scope="module")
def polling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Polling]:
    """A sandbox that polls when it is told to, its mailbox full and not yet read."""
    with running_sandbox(Path(tmp_path_factory.mktemp("crashes")), *TIMERS_OFF) as sandbox:
        copy = plain_mail("copy@fin.example", subject="In two copies")
        sandbox.deliver(
            plain_mail("text@fin.example"),
            copy,
            copy,
            large_mail("large@fin.example", 1_500_000),
            _answer("early@lawyer.example", "asked@fin.example", "Re: A question"),
            plain_mail("asked@fin.example", subject="A question"),
            _answer("waits@lawyer.example", "never-seen@fin.example", "Re: Another question"),
            plain_mail("news@shop.example", sender="news@shop.example", subject="Sale"),
        )
        sandbox.add_unit("Finance", domains=["fin.example"])
        yield Polling(sandbox)


def _answer(message_id: str, parent: str, subject: str) -> bytes:
    return plain_mail(message_id, sender="law@lawyer.example", in_reply_to=parent, subject=subject)


@pytest.mark.timeout(1800)
def test_after_a_crash_at_any_call_of_the_first_sync_the_same_is_stored(polling: Polling) -> None:
    polling.sandbox.configure()
    polling.wait_until_done()
    begin = polling.storage.snapshot().without_mails()
    runs = CrashRuns(polling, begin)

    expected, calls = runs.undisturbed()
    assert len(expected.blobs) == 5
    assert len(expected.tables["waiting"]) == 2, "one answer, by its parent's Message-ID and by conversation"
    assert calls > 50

    wrong = runs.differences_after_each(expected, calls)
    assert not wrong, "\n".join(wrong)
