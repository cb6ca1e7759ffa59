"""Every tab answer says when the mailbox was looked at; a page that asks again gets nothing for nothing."""

from __future__ import annotations

from datetime import timedelta

from domain.folder_sync import FolderError, FolderSync
from domain.mailboxes import PollError, PollState
from tests.api.http_app import HttpApp
from tests.config_api.forms import configured
from tests.incident_mails.test_tab import mail_with_token, put, tab


def polled(app: HttpApp, minutes_ago: float, *, error: bool = False) -> None:
    now = app.clock.now()
    stored = app.services.schedule.read("default")
    failure = PollError("ErrorServerBusy", "", now, now) if error else None
    state = PollState(
        "default",
        now,
        last_started_at=now,
        last_succeeded_at=now - timedelta(minutes=minutes_ago),
        error=failure,
    )
    app.services.schedule.save(state, stored.etag if stored else None)


def shown(app: HttpApp) -> tuple[str | None, bool, str | None]:
    listed = tab(app, "INC-1")
    return listed["lastChecked"], listed["stale"], listed["staleReason"]


def test_silence_means_silence_only_while_the_mailbox_is_looked_at(app: HttpApp) -> None:
    put(app, "INC-1")
    assert shown(app) == (None, True, "off")
    configured(app, enabled=True)
    assert shown(app) == (None, True, "neverPolled")
    polled(app, 4)
    assert shown(app) == ("2026-11-24T11:56:00Z", False, None)
    polled(app, 5.1)
    assert shown(app) == ("2026-11-24T11:54:54Z", True, "late")
    polled(app, 1, error=True)
    assert shown(app) == ("2026-11-24T11:59:00Z", True, "failing")


def test_a_folder_that_fails_makes_the_tab_stale(app: HttpApp) -> None:
    put(app, "INC-1")
    configured(app, enabled=True)
    polled(app, 1)
    at = app.clock.now() - timedelta(minutes=30)
    sync = FolderSync("default", "inbox", "Inbox", at, synced_at=at, error=FolderError("X", "", at, at))
    app.services.folder_syncs.save(sync, None)
    assert shown(app) == ("2026-11-24T11:30:00Z", True, "failing")


def test_nothing_is_sent_again_while_nothing_has_changed(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    configured(app, enabled=True)
    polled(app, 1)

    def ask(tag: str | None, query: str = "") -> tuple[int, str]:
        headers = {"If-None-Match": tag} if tag else {}
        answer = app.call("GET", f"/api/incidents/INC-1/mails{query}", headers=headers)
        assert answer.status == 200 or answer.body == b""
        return answer.status, answer.headers["etag"]

    _, tag = ask(None)
    assert ask(tag) == (304, tag)
    assert ask(f'"other", {tag}') == (304, tag)
    assert ask(tag, "?view=flat")[0] == 200
    polled(app, 0.5)
    assert ask(tag)[0] in (200, 304)
    mail_with_token(app, "INC-1")
    status, changed = ask(tag)
    assert (status, changed != tag) == (200, True)
    app.clock.move(minutes=10)
    status, stale = ask(changed)
    assert (status, stale != changed) == (200, True)
    put(app, "INC-1", "bu-fin", title="Another title")
    assert ask(stale)[0] == 200
