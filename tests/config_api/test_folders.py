"""Which folders are polled: chosen from the live tree, kept as gone when they go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

from domain.errors import AdminActionError, RetryLaterError
from domain.folder_sync import FolderCounts, FolderSync
from tests.api.http_app import HttpApp, folder
from tests.config_api.forms import MAILBOX, configured

FOLDERS = f"{MAILBOX}/folders"


def test_the_live_tree_is_listed_without_hidden_and_other_folders_and_inbox_is_selected(app: HttpApp) -> None:
    configured(app)
    answer = app.call("GET", FOLDERS)

    assert answer.status == 200
    assert [(one["path"], one["selected"], one["gone"]) for one in answer.json["items"]] == [
        ("Posteingang", True, False),
        ("Posteingang/Incidents", False, False),
    ]
    assert answer.json["items"][0]["totalCount"] == 3
    assert answer.json["nextCursor"] is None


def test_counts_and_last_sync_stand_beside_a_folder(app: HttpApp) -> None:
    configured(app)
    now = app.clock.now()
    sync = FolderSync(
        "default", "id-inbox", "Inbox", now, synced_at=now, counts=FolderCounts(seen=12, tracked=5, other=7)
    )
    app.services.folder_syncs.save(sync, None)

    inbox = app.call("GET", FOLDERS).json["items"][0]

    assert inbox["lastSyncedAt"] == "2026-11-24T12:00:00Z"
    assert (inbox["counts"]["seen"], inbox["counts"]["tracked"], inbox["counts"]["other"]) == (12, 5, 7)


def test_first_choice_needs_no_precondition_and_a_change_does(app: HttpApp) -> None:
    configured(app)
    first = app.call("PUT", FOLDERS, {"folders": ["id-inbox", "id-incidents", "id-inbox"]})
    assert first.status == 200
    assert [one["selected"] for one in first.json["items"]] == [True, True]
    config = app.services.mailboxes.read("default")
    assert config is not None
    assert config.selection is not None
    assert [one.path for one in config.selection.folders] == ["Posteingang", "Posteingang/Incidents"]

    assert app.call("PUT", FOLDERS, {"folders": ["id-inbox"]}).status == 428
    etag = first.headers["etag"]
    assert app.call("PUT", FOLDERS, {"folders": ["id-inbox"]}, headers={"if-match": etag}).status == 200
    stale = app.call("PUT", FOLDERS, {"folders": []}, headers={"if-match": etag})
    assert stale.status == 412
    assert stale.json["current"] == {"folders": [{"id": "id-inbox", "path": "Posteingang"}]}


def test_saving_folders_polls_at_once(app: HttpApp) -> None:
    configured(app)
    app.clock.move(minutes=10)
    app.queue.sent.clear()
    app.call("PUT", FOLDERS, {"folders": ["id-incidents"]})
    assert [queue for queue, _ in app.queue.sent] == ["mailbox-sync"]


def test_folders_that_the_mailbox_has_not_are_refused_at_their_place(app: HttpApp) -> None:
    configured(app)
    answer = app.call("PUT", FOLDERS, {"folders": ["id-inbox", "id-of-nothing", "id-calendar"]})
    assert answer.status == 422
    assert answer.field_codes() == {"folders.1": "UnknownFolder", "folders.2": "UnknownFolder"}
    config = app.services.mailboxes.read("default")
    assert config is not None
    assert config.selection is None


def test_a_selected_folder_that_has_gone_stays_listed_until_it_is_unselected(app: HttpApp) -> None:
    configured(app)
    app.call("PUT", FOLDERS, {"folders": ["id-inbox", "id-incidents"]})
    app.server.tree = [folder("id-inbox", "Posteingang", well_known="inbox")]

    listed = app.call("GET", FOLDERS)
    gone = listed.json["items"][1]
    assert (gone["id"], gone["path"], gone["selected"], gone["gone"]) == (
        "id-incidents",
        "Posteingang/Incidents",
        True,
        True,
    )

    etag = {"if-match": listed.headers["etag"]}
    kept = app.call("PUT", FOLDERS, {"folders": ["id-inbox", "id-incidents"]}, headers=etag)
    assert kept.status == 200
    etag = {"if-match": kept.headers["etag"]}
    forgotten = app.call("PUT", FOLDERS, {"folders": ["id-inbox"]}, headers=etag)
    assert [one["id"] for one in forgotten.json["items"]] == ["id-inbox"]


def test_a_server_that_is_away_shows_what_is_selected_with_cause_and_remedy(app: HttpApp) -> None:
    configured(app)
    etag = app.call("PUT", FOLDERS, {"folders": ["id-inbox", "id-incidents"]}).headers["etag"]
    app.server.fails_with = AdminActionError("HTTP 403", "EWS is disabled")

    answer = app.call("GET", FOLDERS)
    assert (answer.status, answer.code) == (502, "HTTP 403")
    assert "Set-OrganizationConfig -EwsEnabled" in answer.json["remedy"]
    assert [one["id"] for one in answer.json["selected"]] == ["id-inbox", "id-incidents"]

    fewer = app.call("PUT", FOLDERS, {"folders": ["id-incidents"]}, headers={"if-match": etag})
    assert (fewer.status, [one["id"] for one in fewer.json["items"]]) == (200, ["id-incidents"])
    more = {"folders": ["id-incidents", "id-inbox"]}
    assert app.call("PUT", FOLDERS, more, headers={"if-match": fewer.headers["etag"]}).status == 502


def test_a_throttling_server_says_when_to_come_back(app: HttpApp) -> None:
    configured(app)
    app.server.fails_with = RetryLaterError("ErrorServerBusy", "", timedelta(seconds=41.5))
    answer = app.call("GET", FOLDERS)
    assert (answer.status, answer.headers["retry-after"]) == (503, "42")


def test_the_inbox_may_be_named_by_its_well_known_name(app: HttpApp) -> None:
    configured(app)
    answer = app.call("PUT", FOLDERS, {"folders": ["inbox"]})
    assert [one["id"] for one in answer.json["items"] if one["selected"]] == ["id-inbox"]


def test_bad_selections_are_refused(app: HttpApp) -> None:
    configured(app)
    assert app.call("PUT", FOLDERS, {"folders": "id-inbox"}).field_codes() == {"folders": "WrongType"}
    assert app.call("PUT", FOLDERS, {"folders": [7]}).field_codes() == {"folders.0": "WrongType"}
    assert app.call("PUT", FOLDERS, {}).field_codes() == {"folders": "Required"}
    too_many = {"folders": [f"id-{n}" for n in range(501)]}
    assert app.call("PUT", FOLDERS, too_many).field_codes() == {"folders": "TooLong"}


def test_there_are_no_folders_of_a_mailbox_that_is_not_configured(app: HttpApp) -> None:
    assert app.call("GET", FOLDERS).code == "MailboxNotConfigured"


def test_checkpoints_stay_when_a_folder_is_unselected(app: HttpApp) -> None:
    configured(app)
    sync = FolderSync("default", "id-incidents", "Incidents", app.clock.now(), sync_state="far")
    app.services.folder_syncs.save(sync, None)
    etag = app.call("PUT", FOLDERS, {"folders": ["id-incidents"]}).headers["etag"]
    app.call("PUT", FOLDERS, {"folders": ["id-inbox"]}, headers={"if-match": etag})

    kept = app.services.folder_syncs.read("default", "id-incidents")
    assert kept is not None
    assert kept.value == replace(sync)


def pages(app: HttpApp, limit: int) -> Iterator[list[str]]:
    """The ids of page after page."""
    cursor = ""
    while True:
        answer = app.call("GET", f"{FOLDERS}?limit={limit}{cursor}")
        assert answer.status == 200
        yield [one["id"] for one in answer.json["items"]]
        if answer.json["nextCursor"] is None:
            return
        cursor = f"&cursor={answer.json['nextCursor']}"


def test_two_thousand_folders_are_paged(app: HttpApp) -> None:
    app.server.tree = [folder(f"id-{n}", f"Fälle/{n} 日本") for n in range(2_000)]
    configured(app)
    assert len(app.call("GET", FOLDERS).json["items"]) == 50
    found = [one for page in pages(app, 100) for one in page]
    assert found == [f"id-{n}" for n in range(2_000)]


def test_folders_made_and_removed_between_two_pages_hide_and_repeat_no_other(app: HttpApp) -> None:
    tree = [folder(f"id-{n}", f"F{n}") for n in range(9)]
    app.server.tree = list(tree)
    configured(app)
    walk = pages(app, 3)
    assert next(walk) == ["id-0", "id-1", "id-2"]
    app.server.tree = [folder("new", "A"), *tree[1:]]
    assert next(walk) == ["id-3", "id-4", "id-5"]
    app.server.tree = [one for one in tree if one.id != "id-5"]
    assert next(walk) == ["id-6", "id-7", "id-8"]


def test_what_is_no_cursor_is_refused(app: HttpApp) -> None:
    configured(app)
    for bad in ("x", "W10", "ä", "A" * 1_999, "bnVsbA", "Wy0xXQ"):
        answer = app.call("GET", f"{FOLDERS}?cursor={quote(bad)}")
        assert answer.field_codes() == {"cursor": "BadCursor"}, bad
