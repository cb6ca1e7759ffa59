"""Two instances that work on one folder at the same time store every mail once and count it once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.mails import plain_mail
from tests.support.polling import TIMERS_OFF, Polling
from tests.support.running_sandbox import running_sandbox

MAILS = 70
EXECUTING = b"Executing 'Functions.folder_sync'"
EXECUTED = b"Executed 'Functions.folder_sync'"


@pytest.fixture(scope="module")
def polling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Polling]:
    """A sandbox of two workers that polls when it is told to."""
    data = Path(tmp_path_factory.mktemp("instances"))
    with running_sandbox(data, "--instances", "2", *TIMERS_OFF) as sandbox:
        sandbox.add_unit("Finance", domains=["fin.example"])
        yield Polling(sandbox)


def test_two_instances_that_walk_one_folder_at_once_store_and_count_each_mail_once(polling: Polling) -> None:
    sandbox = polling.sandbox
    sandbox.deliver(*(plain_mail(f"{n}@fin.example", subject=f"Mail {n}") for n in range(MAILS)))
    fault = sandbox.command("fault", "add", "exchange", "delay", "--delay", "2", "--operation", "GetItem")

    sandbox.configure()  # saving polls at once
    sandbox.until(lambda: polling.log().count(EXECUTING) == 1)
    (folder,) = polling.folders()
    polling.storage.send("folder-sync", {"mailboxId": "default", "folderId": folder.folder_id})
    sandbox.until(lambda: polling.log().count(EXECUTING) == 2)
    assert polling.log().count(EXECUTED) == 0, "the two do not work at the same time"
    polling.wait_until_done()
    sandbox.command("fault", "clear", fault.strip())

    assert all(_spoke_with(pid, sandbox.state["ports"]["exchange"]) for pid in polling.workers())
    _assert_each_once(polling, MAILS)


def test_two_instances_that_read_the_same_changes_at_once_store_and_count_each_mail_once(
    polling: Polling,
) -> None:
    sandbox = polling.sandbox
    polling.settle()
    new = [plain_mail(f"new-{n}@fin.example", subject=f"New mail {n}") for n in range(MAILS)]
    sandbox.deliver(*new)
    fault = sandbox.command("fault", "add", "exchange", "delay", "--delay", "2", "--operation", "GetItem")
    begun, ended = polling.log().count(EXECUTING), polling.log().count(EXECUTED)
    (folder,) = polling.folders()
    message = {"mailboxId": "default", "folderId": folder.folder_id}

    for count in (1, 2):
        polling.storage.send("folder-sync", message)
        sandbox.until(lambda count=count: polling.log().count(EXECUTING) == begun + count)  # type: ignore[misc]
    assert polling.log().count(EXECUTED) == ended, "the two do not work at the same time"
    polling.wait_until_done()
    sandbox.command("fault", "clear", fault.strip())

    _assert_each_once(polling, 2 * MAILS)


def _assert_each_once(polling: Polling, mails: int) -> None:
    polling.settle()
    shown = [mail["internetMessageId"] for mail in polling.sandbox.triage()]
    assert len(shown) == len(set(shown)) == mails
    for table in ("mails", "triage", "places"):
        assert len(polling.storage.rows(table)) == mails, table
    counts = polling.sandbox.status()["folders"][0]["counts"]
    assert (counts["seen"], counts["tracked"], counts["unreadable"]) == (mails, mails, 0)


def _spoke_with(pid: int, port: int) -> bool:
    """Pooled connections stay open."""
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return any(getattr(one.raddr, "port", None) == port for one in connections)  # a listener has no peer
