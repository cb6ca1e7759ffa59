"""Folders and mails that change, vanish or cannot be read meanwhile: nothing lost, doubled or held up."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from tests.support.faults import configured, failure, going_wrong, held_back, inbox, is_well
from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import plain_mail
from tests.support.running_sandbox import RunningSandbox

LONG = "Half of this is cut off.\n" * 1_000
MAILBOX = "/api/config/mailboxes/default"
FOLDERS = f"{MAILBOX}/folders"


@pytest.fixture(scope="module", autouse=True)
def _configured(sandbox: RunningSandbox) -> None:
    configured(sandbox)


def select(sandbox: RunningSandbox, *paths: str) -> None:
    """Saves these folders as the selected ones."""
    tree = sandbox.call("GET", FOLDERS)
    ids = {folder["path"]: folder["id"] for folder in tree.json["items"]}
    headers = {"If-Match": tree.headers["etag"]} if "etag" in tree.headers else {}
    answer = sandbox.call("PUT", FOLDERS, {"folders": [ids[path] for path in paths]}, headers=headers)
    assert answer.status == 200, answer.body


def folder(sandbox: RunningSandbox, path: str) -> dict[str, Any]:
    """A folder's part of the status."""
    found = [one for one in sandbox.status()["folders"] if one["path"] == path]
    assert len(found) == 1, sandbox.status()["folders"]
    return dict(found[0])


def messages(sandbox: RunningSandbox) -> list[str]:
    """Message-IDs in triage, each as often as it is there."""
    return sorted(str(mail["internetMessageId"]) for mail in sandbox.triage())


def unreadable(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """Mails that are recorded without their message."""
    return [mail for mail in sandbox.triage() if mail["problem"]]


def test_a_refused_sync_state_restarts_the_walk_and_neither_doubles_nor_loses_a_mail(
    sandbox: RunningSandbox,
) -> None:
    sandbox.deliver(*(plain_mail(f"before{number}@fin.example") for number in range(5)))
    synced(sandbox, lambda: mail_with_id(sandbox, "before4@fin.example"))
    expected = sorted([*messages(sandbox), "<during@fin.example>"])

    with going_wrong(sandbox, "exchange", "stale-sync-state", count=1):
        sandbox.deliver(plain_mail("during@fin.example"))
        synced(sandbox, lambda: mail_with_id(sandbox, "during@fin.example"))

    synced(sandbox, lambda: is_well(sandbox))
    assert messages(sandbox) == expected
    counts = inbox(sandbox)["counts"]
    assert (counts["seen"], counts["tracked"]) == (len(expected), len(expected))


def test_one_mail_that_exchange_cannot_give_is_recorded_and_holds_nothing_up(sandbox: RunningSandbox) -> None:
    with contextlib.ExitStack() as faults:
        with held_back(sandbox):
            [item] = sandbox.deliver(plain_mail("corrupt@fin.example", subject="Corrupt"))
            fault = going_wrong(sandbox, "exchange", "item-error", item=item, error="ErrorCorruptData")
            faults.enter_context(fault)
        sandbox.deliver(plain_mail("behind-corrupt@fin.example"))
        synced(sandbox, lambda: mail_with_id(sandbox, "behind-corrupt@fin.example"))
        [recorded] = sandbox.until(lambda: unreadable(sandbox))

        assert recorded["subject"] == "Corrupt"
        assert recorded["from"]["address"] == "ann@fin.example"
        assert recorded["problem"]["code"] == "ErrorCorruptData"
        assert inbox(sandbox)["counts"]["unreadable"] == 1
        assert sandbox.call("GET", f"/api/triage/{recorded['id']}/body").status == 200
        assert sandbox.call("GET", f"/api/triage/{recorded['id']}/raw").status == 404
        assert sandbox.until(lambda: is_well(sandbox))


def test_one_mail_that_breaks_every_connection_is_recorded_holds_nothing_up_and_is_tried_again(
    sandbox: RunningSandbox,
) -> None:
    names = [f"behind{number}@fin.example" for number in range(4)]
    with contextlib.ExitStack() as faults:
        with held_back(sandbox):
            [item] = sandbox.deliver(plain_mail("breaks@fin.example", subject="Breaks", text=LONG))
            faults.enter_context(going_wrong(sandbox, "exchange", "cut-mid", operation="GetItem", item=item))
        sandbox.deliver(*(plain_mail(name) for name in names))
        synced(sandbox, lambda: [mail_with_id(sandbox, name) for name in names])
        [recorded] = sandbox.until(
            lambda: [mail for mail in unreadable(sandbox) if mail["subject"] == "Breaks"]
        )
        assert recorded["problem"]["code"] == "ConnectionLost"
        assert inbox(sandbox)["error"] is None

    def both_read() -> bool:
        sandbox.sync()
        mail_with_id(sandbox, "corrupt@fin.example")
        return mail_with_id(sandbox, "breaks@fin.example")["problem"] is None and not unreadable(sandbox)

    sandbox.until(both_read, 100)  # tried again a minute later, and then after twice as long each time
    assert inbox(sandbox)["counts"]["unreadable"] == 0


@pytest.mark.parametrize("what", ["moved", "deleted"])
def test_a_mail_that_goes_between_list_and_fetch_is_recorded_and_holds_nothing_up(
    sandbox: RunningSandbox, what: str
) -> None:
    name = f"goes.{what}@fin.example"
    with going_wrong(sandbox, "exchange", "delay", operation="GetItem", delay=4):
        fetches = json.loads(sandbox.command("calls"))["exchange"]["GetItem"]
        [item] = sandbox.deliver(plain_mail(name, subject=f"Goes {what}"))
        sandbox.sync()
        sandbox.until(lambda: json.loads(sandbox.command("calls"))["exchange"]["GetItem"] > fetches)
        if what == "moved":
            sandbox.command("create-folder", "Elsewhere")
            sandbox.command("move", item, "Elsewhere")
        else:
            sandbox.command("delete", "--hard", item)
    sandbox.deliver(plain_mail(f"after.{what}@fin.example"))

    synced(sandbox, lambda: mail_with_id(sandbox, f"after.{what}@fin.example"))
    [recorded] = sandbox.until(
        lambda: [mail for mail in unreadable(sandbox) if mail["subject"] == f"Goes {what}"]
    )
    assert recorded["problem"]["code"] == "ErrorItemNotFound"
    assert is_well(sandbox)


def test_a_mail_that_was_moved_while_it_was_fetched_is_one_mail_once_its_new_folder_is_read(
    sandbox: RunningSandbox,
) -> None:
    select(sandbox, "Inbox", "Elsewhere")

    assert synced(sandbox, lambda: mail_with_id(sandbox, "goes.moved@fin.example")["problem"] is None)
    assert [one["subject"] for one in unreadable(sandbox)] == ["Goes deleted"]


def test_a_folder_that_is_renamed_goes_on(sandbox: RunningSandbox) -> None:
    sandbox.command("create-folder", "Reports")
    select(sandbox, "Inbox", "Reports")
    sandbox.command("rename-folder", "Reports", "Somewhere")
    sandbox.deliver(plain_mail("renamed@fin.example"), folder="Somewhere")

    synced(sandbox, lambda: mail_with_id(sandbox, "renamed@fin.example"))
    tree = sandbox.call("GET", FOLDERS).json["items"]
    assert [one["path"] for one in tree if one["selected"]] == ["Inbox", "Somewhere"]
    assert [one["path"] for one in sandbox.status()["folders"]] == ["Inbox", "Somewhere"]


def test_a_folder_that_is_deleted_is_told_as_gone_and_the_others_go_on(sandbox: RunningSandbox) -> None:
    sandbox.command("create-folder", "Leaving")
    select(sandbox, "Inbox", "Leaving")
    sandbox.deliver(plain_mail("stays@fin.example"), folder="Leaving")
    synced(sandbox, lambda: mail_with_id(sandbox, "stays@fin.example"))
    before = messages(sandbox)
    sandbox.command("delete-folder", "Leaving")
    sandbox.deliver(plain_mail("other-folder@fin.example"))

    synced(sandbox, lambda: mail_with_id(sandbox, "other-folder@fin.example"))
    gone = sandbox.until(lambda: [one for one in sandbox.status()["folders"] if one["state"] == "gone"])
    assert gone[0]["error"]["code"] == "ErrorFolderNotFound"
    assert gone[0]["error"]["title"] == "The folder has gone from the server"
    assert "Unselect the folder" in gone[0]["error"]["remedy"]
    assert "FolderGone" in [one["code"] for one in sandbox.status()["warnings"]]
    assert (sandbox.status()["state"], sandbox.status()["error"]) == ("partlyFailing", None)
    assert messages(sandbox) == sorted([*before, "<other-folder@fin.example>"])
    selected = [one for one in sandbox.call("GET", FOLDERS).json["items"] if one["selected"]]
    assert [one["gone"] for one in selected if one["path"] != "Inbox"] == [True]


def test_a_mailbox_whose_only_folder_has_gone_says_so(sandbox: RunningSandbox) -> None:
    sandbox.command("create-folder", "Alone")
    select(sandbox, "Alone")
    synced(sandbox, lambda: folder(sandbox, "Alone")["state"] == "receiving")
    sandbox.command("delete-folder", "Alone")

    shown = synced(sandbox, lambda: failure(sandbox, "ErrorFolderNotFound"))
    assert shown["whoCanAct"] == "mailbox admin"
    select(sandbox, "Inbox")
    synced(sandbox, lambda: is_well(sandbox))


def test_a_mailbox_that_is_removed_and_configured_again_repeats_no_mail_and_misses_none(
    sandbox: RunningSandbox,
) -> None:
    before = sandbox.triage()
    removed_at = inbox(sandbox)["counts"]
    etag = sandbox.call("GET", MAILBOX).headers["etag"]
    gone = sandbox.call("DELETE", f"{MAILBOX}?confirm=keepMail", headers={"If-Match": etag})
    assert (gone.status, gone.json["secretDisabled"]) == (200, True), gone.body
    assert sandbox.call("GET", MAILBOX).status == 404
    assert sandbox.triage() == before
    sandbox.deliver(plain_mail("while-removed@fin.example"))

    sandbox.configure()

    synced(sandbox, lambda: mail_with_id(sandbox, "while-removed@fin.example"))
    synced(sandbox, lambda: is_well(sandbox))
    new = [mail for mail in sandbox.triage() if mail not in before]
    assert [mail["internetMessageId"] for mail in new] == ["<while-removed@fin.example>"]
    assert len(sandbox.triage()) == len(before) + 1
    assert inbox(sandbox)["counts"]["tracked"] == removed_at["tracked"] + 1
