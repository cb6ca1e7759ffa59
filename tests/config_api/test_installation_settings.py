"""Settings of the whole installation: the parameter's name, the notification process and retention."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.http_app import Answer, HttpApp

NAME = "/api/config/business-unit-settings"
PROCESS = "/api/config/notification-process"
RETENTION = "/api/config/retention"
BODIES: dict[str, dict[str, Any]] = {
    NAME: {"parameterName": "Department", "parameterNamePlural": "Departments"},
    PROCESS: {
        "enabled": True,
        "onNewIncident": "automatic",
        "followUpAfterHours": [4, 24, 72],
        "stopWhenAnswered": False,
    },
    RETENTION: {"mails": 730, "raw": 365, "activityLog": None, "triage": 90},
}


def put(app: HttpApp, path: str, body: object, **options: Any) -> Answer:
    """Changes what is there now."""
    etag = app.call("GET", path).headers["etag"]
    return app.call("PUT", path, body, headers={"if-match": etag}, **options)


def test_defaults_stand_until_somebody_saves(app: HttpApp) -> None:
    assert app.call("GET", NAME).json == {
        "parameterName": "Business Unit",
        "parameterNamePlural": "Business Units",
        "tabName": "Business Unit Mails",
    }
    assert app.call("GET", PROCESS).json == {
        "enabled": False,
        "onNewIncident": "manual",
        "followUpAfterHours": [],
        "stopWhenAnswered": True,
    }
    assert app.call("GET", RETENTION).json == dict.fromkeys(("mails", "raw", "activityLog", "triage"))


@pytest.mark.parametrize("path", BODIES)
def test_what_is_saved_is_read_again_and_can_be_put_back(app: HttpApp, path: str) -> None:
    saved = put(app, path, BODIES[path])
    assert saved.status == 200
    read = app.call("GET", path)
    assert (read.json, read.headers["etag"]) == (saved.json, saved.headers["etag"])
    assert {**read.json, **BODIES[path]} == read.json
    again = app.call("PUT", path, read.json, headers={"if-match": read.headers["etag"]})
    assert (again.status, again.json) == (200, read.json)


@pytest.mark.parametrize("path", BODIES)
def test_also_the_first_change_needs_the_etag_that_was_read(app: HttpApp, path: str) -> None:
    first = app.call("GET", path).headers["etag"]
    missing = app.call("PUT", path, BODIES[path])
    assert (missing.status, missing.headers["etag"]) == (428, first)
    assert app.call("PUT", path, BODIES[path], headers={"if-match": first}).status == 200
    stale = app.call("PUT", path, BODIES[path], headers={"if-match": first})
    assert (stale.status, stale.code) == (412, "PreconditionFailed")
    now = app.call("GET", path)
    assert (stale.json["current"], stale.headers["etag"]) == (now.json, now.headers["etag"])


@pytest.mark.parametrize("path", BODIES)
def test_a_change_and_its_activity_log_entry_are_one(app: HttpApp, path: str) -> None:
    before = app.call("GET", path).json
    after = put(app, path, BODIES[path]).json
    app.call("PUT", path, BODIES[path])
    [entry] = app.call("GET", "/api/config/audit").json["items"]
    assert entry["target"] == f"settings/{path.rpartition('/')[2]}"
    assert (entry["actor"], entry["before"], entry["after"]) == ("admin@corp.example", before, after)


@pytest.mark.parametrize("path", BODIES)
def test_who_may_only_read_changes_nothing(app: HttpApp, path: str) -> None:
    assert app.call("GET", path, role="viewer").status == 200
    assert put(app, path, BODIES[path], role="viewer").status == 403
    assert app.call("GET", path, role="analyst").status == 403
    assert app.call("GET", "/api/config/audit").json["items"] == []


def test_the_tab_is_named_after_the_parameter(app: HttpApp) -> None:
    saved = put(app, NAME, {"parameterName": "  Department\u00a0of   X ".replace("\u00a0", " ")})
    assert saved.json["tabName"] == "Department of X Mails"
    assert saved.json["parameterNamePlural"] == "Department of Xs"


@pytest.mark.parametrize(
    "path,body,mistakes",
    [
        (NAME, {}, {"parameterName": "Required"}),
        (NAME, {"parameterName": ""}, {"parameterName": "BadText"}),
        (NAME, {"parameterName": "x" * 51}, {"parameterName": "BadText"}),
        (NAME, {"parameterName": "D\r\nBcc: x"}, {"parameterName": "BadText"}),
        (NAME, {"parameterName": 4}, {"parameterName": "WrongType"}),
        (NAME, {"parameterName": "D", "color": "red"}, {"color": "UnknownField"}),
        (PROCESS, {"enabled": "yes"}, {"enabled": "WrongType"}),
        (PROCESS, {"onNewIncident": "later"}, {"onNewIncident": "UnknownTrigger"}),
        (PROCESS, {"followUpAfterHours": [0]}, {"followUpAfterHours.0": "OutOfRange"}),
        (PROCESS, {"followUpAfterHours": [1, 2161]}, {"followUpAfterHours.1": "OutOfRange"}),
        (PROCESS, {"followUpAfterHours": [4, 4]}, {"followUpAfterHours.1": "NotAscending"}),
        (PROCESS, {"followUpAfterHours": [True]}, {"followUpAfterHours.0": "WrongType"}),
        (PROCESS, {"followUpAfterHours": list(range(1, 12))}, {"followUpAfterHours": "TooMany"}),
        (RETENTION, {"mails": 0}, {"mails": "OutOfRange"}),
        (RETENTION, {"triage": 36_501}, {"triage": "OutOfRange"}),
        (RETENTION, {"activityLog": 364}, {"activityLog": "OutOfRange"}),
        (RETENTION, {"mails": 30, "raw": 31}, {"raw": "LongerThanMails"}),
        (RETENTION, {"mails": "30"}, {"mails": "WrongType"}),
    ],
)
def test_mistakes_are_told_at_their_field_and_nothing_is_stored(
    app: HttpApp, path: str, body: dict[str, object], mistakes: dict[str, str]
) -> None:
    before = app.call("GET", path)
    answer = put(app, path, body)
    assert (answer.status, answer.field_codes()) == (422, mistakes)
    assert app.call("GET", path).headers["etag"] == before.headers["etag"]
