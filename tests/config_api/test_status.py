"""The status says in a word how the mailbox is doing, and with each failure what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.folder_sync import FolderCounts, FolderError, FolderSync, Rewalk
from domain.mailboxes import PollError, PollState
from domain.remedies import KNOWN_CODES, remedy_for
from exchange.errors import ADMIN, FOLDER_GONE, INVALID_SYNC_STATE, RETRY
from tests.api.http_app import HttpApp
from tests.config_api.forms import MAILBOX, configured

STATUS = f"{MAILBOX}/status"


def poll_state(app: HttpApp, **changes: Any) -> None:
    """Overwrites the poll state as a poll would."""
    stored = app.services.schedule.read("default")
    assert stored is not None
    fields = {"claimed_until": None, "due_at": app.clock.now() + timedelta(seconds=30), **changes}
    app.services.schedule.save(replace(stored.value, **fields), stored.etag)


def folder_row(app: HttpApp, **changes: Any) -> None:
    """The inbox's checkpoint."""
    fields = {
        "mailbox_id": "default",
        "folder_id": "id-inbox",
        "path": "Inbox",
        "window_from": app.clock.now(),
        "is_default": True,
    }
    app.services.folder_syncs.save(FolderSync(**{**fields, **changes}), None)


def test_a_new_mailbox_was_never_polled(app: HttpApp) -> None:
    configured(app)
    status = app.call("GET", STATUS).json
    assert (status["state"], status["polling"], status["lastPollAt"]) == ("neverPolled", True, None)
    assert status["folders"][0]["state"] == "notStarted"


def test_a_mailbox_that_is_off_says_so_and_has_no_next_poll(app: HttpApp) -> None:
    configured(app, enabled=False)
    status = app.call("GET", STATUS).json
    assert (status["state"], status["nextPollAt"]) == ("off", None)


def test_receiving_shows_last_and_next_poll_lag_and_counts(app: HttpApp) -> None:
    configured(app)
    now = app.clock.now()
    poll_state(app, last_started_at=now, last_succeeded_at=now)
    folder_row(app, walking=False, synced_at=now, counts=FolderCounts(seen=10, tracked=4, other=6))
    app.clock.move(seconds=25)

    status = app.call("GET", STATUS).json

    assert status["state"] == "receiving"
    assert (status["lastPollAt"], status["nextPollAt"]) == ("2026-11-24T12:00:00Z", "2026-11-24T12:00:30Z")
    assert status["lagSeconds"] == 25
    assert status["counts"]["tracked"] == 4
    assert status["error"] is None


def test_back_filling_shows_its_progress(app: HttpApp) -> None:
    configured(app)
    poll_state(app, last_started_at=app.clock.now())
    folder_row(app, walking=True, walk_total=200, walk_seen=124)
    status = app.call("GET", STATUS).json
    assert status["state"] == "backfilling"
    assert status["folders"][0]["progress"] == {"seen": 124, "total": 200, "percent": 62, "found": None}


def test_a_walk_because_of_a_new_unit_shows_how_far_back_it_is(app: HttpApp) -> None:
    configured(app)
    now = app.clock.now()
    poll_state(app, last_started_at=now)
    walk = Rewalk(now, now - timedelta(days=8), before=now - timedelta(days=2), found=3)
    folder_row(app, walking=False, rewalk=walk)
    inbox = app.call("GET", STATUS).json["folders"][0]
    assert inbox["state"] == "lookingBack"
    assert (inbox["progress"]["percent"], inbox["progress"]["found"]) == (25, 3)


def test_a_failure_names_cause_remedy_and_since_when(app: HttpApp) -> None:
    configured(app)
    now = app.clock.now()
    error = PollError("AADSTS7000222", "The provided client secret keys are expired.", now, now)
    poll_state(app, last_started_at=now, failures=3, error=error)

    status = app.call("GET", STATUS).json

    assert status["state"] == "failing"
    assert status["error"]["code"] == "AADSTS7000222"
    assert status["error"]["title"] == "The secret key has expired"
    assert "client secret" in status["error"]["remedy"]
    assert status["error"]["since"] == "2026-11-24T12:00:00Z"
    assert status["error"]["serverMessage"] == "The provided client secret keys are expired."
    assert status["error"]["failures"] == 3


def test_a_throttled_mailbox_says_until_when(app: HttpApp) -> None:
    configured(app)
    until = app.clock.now() + timedelta(minutes=5)
    poll_state(app, last_started_at=app.clock.now(), back_off_until=until, due_at=until)
    status = app.call("GET", STATUS).json
    assert (status["state"], status["nextPollAt"]) == ("throttled", "2026-11-24T12:05:00Z")


def test_one_folder_s_trouble_is_a_warning_and_its_cause_stands_at_the_folder(app: HttpApp) -> None:
    configured(app)
    now = app.clock.now()
    poll_state(app, last_started_at=now)
    folder_row(app, walking=False, error=FolderError("ErrorAccessDenied", "Access is denied.", now, now))
    status = app.call("GET", STATUS).json
    assert [one["code"] for one in status["warnings"]] == ["FolderFailing"]
    assert status["folders"][0]["error"]["code"] == "ErrorAccessDenied"
    assert "Application EWS.AccessAsApp" in status["folders"][0]["error"]["remedy"]


def test_a_folder_that_has_gone_says_what_to_do(app: HttpApp) -> None:
    configured(app)
    poll_state(app, last_started_at=app.clock.now())
    folder_row(app, walking=False, gone_since=app.clock.now())
    inbox = app.call("GET", STATUS).json["folders"][0]
    assert inbox["state"] == "gone"
    assert "Unselect" in inbox["error"]["remedy"]


def test_a_mailbox_of_which_every_folder_is_in_trouble_is_not_called_receiving(app: HttpApp) -> None:
    configured(app)
    poll_state(app, last_started_at=app.clock.now())
    folder_row(app, walking=False, gone_since=app.clock.now())
    status = app.call("GET", STATUS).json
    assert (status["state"], status["error"]["code"]) == ("failing", "ErrorFolderNotFound")


@pytest.mark.parametrize("trouble", ["failing", "gone"])
def test_a_mailbox_with_a_folder_in_trouble_among_others_is_not_called_receiving(
    app: HttpApp, trouble: str
) -> None:
    configured(app)
    app.call("PUT", f"{MAILBOX}/folders", {"folders": ["id-inbox", "id-incidents"]})
    now = app.clock.now()
    poll_state(app, last_started_at=now, last_succeeded_at=now)
    folder_row(app, walking=False, synced_at=now)
    error = FolderError("ErrorAccessDenied", "Access is denied.", now, now)
    mark: dict[str, Any] = {"error": error} if trouble == "failing" else {"gone_since": now}
    folder_row(app, folder_id="id-incidents", path="Inbox/Incidents", walking=False, **mark)

    status = app.call("GET", STATUS).json

    assert (status["state"], status["error"]) == ("partlyFailing", None)
    assert [one["state"] for one in status["folders"]] == ["receiving", trouble]


def test_a_mailbox_configured_again_shows_no_folder_that_was_selected_before_its_removal(
    app: HttpApp,
) -> None:
    configured(app)
    now = app.clock.now()
    poll_state(app, last_started_at=now, last_succeeded_at=now)
    folder_row(app, walking=False, synced_at=now)
    folder_row(app, folder_id="id-old", path="Old", is_default=False, walking=False, gone_since=now)

    status = app.call("GET", STATUS).json

    assert (status["state"], status["warnings"]) == ("receiving", [])
    assert [one["path"] for one in status["folders"]] == ["Inbox"]


def test_polls_that_do_not_happen_are_warned_about(app: HttpApp) -> None:
    configured(app)
    poll_state(app, last_started_at=app.clock.now())
    app.clock.move(minutes=10)
    assert "PollLate" in [one["code"] for one in app.call("GET", STATUS).json["warnings"]]


def test_the_status_heals_a_save_that_was_cut_off_before_it_asked_for_the_poll(app: HttpApp) -> None:
    configured(app)
    stored = app.services.schedule.read("default")
    assert stored is not None
    app.services.schedule.save(PollState("default", due_at=None), stored.etag)

    app.call("GET", STATUS)

    state = app.services.schedule.read("default")
    assert state is not None
    assert state.value.due_at == app.clock.now()


def test_sync_now_claims_the_poll_and_sends_its_message(app: HttpApp) -> None:
    configured(app)
    poll_state(app)
    app.queue.sent.clear()

    answer = app.call("POST", f"{MAILBOX}/sync")

    assert answer.status == 202
    assert answer.json == {
        "requestedAt": "2026-11-24T12:00:00Z",
        "startsAt": "2026-11-24T12:00:00Z",
        "statusUrl": STATUS,
    }
    assert len(app.queue.sent) == 1


def test_sync_now_while_a_poll_runs_leaves_its_claim_alone(app: HttpApp) -> None:
    configured(app)
    before = app.services.schedule.read("default")
    app.queue.sent.clear()
    assert app.call("POST", f"{MAILBOX}/sync").status == 202
    assert app.services.schedule.read("default") == before
    assert app.queue.sent == [("mailbox-sync", {"mailboxId": "default", "claimedUntil": None})]


def test_sync_now_does_not_break_into_the_server_s_back_off_and_says_when(app: HttpApp) -> None:
    configured(app)
    poll_state(app, back_off_until=app.clock.now() + timedelta(minutes=5))
    app.queue.sent.clear()
    answer = app.call("POST", f"{MAILBOX}/sync")
    assert (answer.status, answer.json["startsAt"]) == (202, "2026-11-24T12:05:00Z")
    assert app.queue.sent == []


def test_a_mailbox_that_is_off_is_not_synced(app: HttpApp) -> None:
    configured(app, enabled=False)
    assert app.call("POST", f"{MAILBOX}/sync").code == "MailboxOff"
    assert app.queue.sent == []


@pytest.mark.parametrize("code", sorted(KNOWN_CODES))
def test_every_known_failure_has_words_to_act_on(code: str) -> None:
    remedy = remedy_for(code)
    assert remedy.title
    assert not remedy.title.endswith(".")
    assert remedy.detail.endswith(".")
    assert remedy.remedy.endswith(".")


@pytest.mark.parametrize("code", sorted({*RETRY, *ADMIN, *FOLDER_GONE, *INVALID_SYNC_STATE, "ErrorNew"}))
def test_no_code_of_exchange_is_without_words(code: str) -> None:
    remedy = remedy_for(code)
    assert remedy.code == code
    assert remedy.remedy


def test_mails_that_could_not_be_read_are_warned_about(app: HttpApp) -> None:
    configured(app)
    folder_row(app, walking=False, counts=FolderCounts(seen=3, tracked=1, unreadable=2))

    [warning] = app.call("GET", STATUS).json["warnings"]
    assert warning["code"] == "MailsUnreadable"
    assert warning["detail"].startswith("2 so far.")
