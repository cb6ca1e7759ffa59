"""A queue message that comes twice, late, never, or from nobody of us does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.mails import plain_mail
from tests.support.polling import TIMERS_OFF, Polling
from tests.support.running_sandbox import running_sandbox

UNDECODABLE = b"\xff\xfe\x00"
NONSENSE = [
    b"",
    b"no JSON",
    b"[]",
    b"{}",
    b"null",
    b'{"mailboxId": 5, "folderId": 5}',
    b'{"mailboxId": "default", "folderId": "", "claimedUntil": "soon"}',
    b"[" * 40_000,
    UNDECODABLE,
]


@pytest.fixture(scope="module")
def polling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Polling]:
    """A sandbox that polls when it is told to; its mailbox has been read to its end."""
    with running_sandbox(Path(tmp_path_factory.mktemp("messages")), *TIMERS_OFF) as sandbox:
        sandbox.add_unit("Finance", domains=["fin.example"])
        sandbox.configure()
        polling = Polling(sandbox)
        polling.settle()
        yield polling


def shown(polling: Polling) -> list[str]:
    """Message-IDs in triage, without brackets."""
    return sorted(mail["internetMessageId"].strip("<>") for mail in polling.sandbox.triage())


def test_messages_that_come_twice_store_and_count_each_mail_once(polling: Polling) -> None:
    before = polling.sandbox.status()["folders"][0]["counts"]
    polling.sandbox.deliver(plain_mail("one@fin.example"), plain_mail("two@fin.example"))
    (folder,) = polling.folders()

    for _ in range(2):
        polling.storage.send("mailbox-sync", {"mailboxId": "default", "claimedUntil": None})
        polling.storage.send("folder-sync", {"mailboxId": "default", "folderId": folder.folder_id})
    polling.wait_until_done()
    polling.settle()

    assert shown(polling) == ["one@fin.example", "two@fin.example"]
    counts = polling.sandbox.status()["folders"][0]["counts"]
    assert counts == {**before, "seen": before["seen"] + 2, "tracked": before["tracked"] + 2}


def test_a_message_whose_claim_is_over_is_dropped_without_a_call_to_the_server(polling: Polling) -> None:
    polling.settle()
    polling.sandbox.command("calls", "--reset")
    late = datetime.now(UTC) - timedelta(hours=1)

    polling.storage.send("mailbox-sync", {"mailboxId": "default", "claimedUntil": late.isoformat()})
    polling.wait_until_done()

    assert "exchange" not in polling.calls()
    assert polling.is_settled()


def test_a_late_folder_message_finds_nothing_left_to_do(polling: Polling) -> None:
    polling.settle()
    (before,) = polling.folders()

    polling.storage.send("folder-sync", {"mailboxId": "default", "folderId": before.folder_id})
    polling.wait_until_done()

    (after,) = polling.folders()
    assert after.counts == before.counts
    assert polling.is_settled()


def test_messages_about_what_no_longer_exists_end_quietly(polling: Polling) -> None:
    polling.storage.send("mailbox-sync", {"mailboxId": "gone", "claimedUntil": None})
    polling.storage.send("folder-sync", {"mailboxId": "gone", "folderId": "gone"})
    polling.storage.send("folder-sync", {"mailboxId": "default", "folderId": "gone"})
    polling.wait_until_done()

    assert polling.storage.messages("mailbox-sync-poison") == 0
    assert polling.storage.messages("folder-sync-poison") == 0


@pytest.mark.parametrize("queue", ["mailbox-sync", "folder-sync"])
def test_nonsense_ends_in_the_poison_queue_and_holds_nothing_up(polling: Polling, queue: str) -> None:
    for message in NONSENSE:
        polling.storage.send(queue, message)
    polling.sandbox.deliver(plain_mail(f"behind-{queue}@fin.example"))

    polling.poll()
    polling.settle()

    assert f"behind-{queue}@fin.example" in shown(polling)
    assert polling.storage.messages(f"{queue}-poison") == len(NONSENSE)


@pytest.mark.parametrize("function", ["mailbox_sync", "folder_sync"])
def test_a_lost_message_is_made_good_by_the_first_poll_after_its_claim(tmp_path: Path, function: str) -> None:
    with running_sandbox(
        tmp_path, *TIMERS_OFF, "--setting", f"AzureWebJobs.{function}.Disabled=true"
    ) as sandbox:
        sandbox.add_unit("Finance", domains=["fin.example"])
        sandbox.deliver(plain_mail("lost@fin.example"))
        sandbox.configure()  # saving polls at once
        polling = Polling(sandbox)
        queue = function.replace("_", "-")
        sandbox.until(lambda: polling.storage.messages(queue) == 1)
        polling.storage.clear_queues()

    with running_sandbox(tmp_path, *TIMERS_OFF) as sandbox:
        polling = Polling(sandbox)
        polling.tick()
        assert shown(polling) == [], "the claim holds still"

        polling.settle()

        assert shown(polling) == ["lost@fin.example"]
