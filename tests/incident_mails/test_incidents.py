"""Incidents as Respond tells them: put again and again, merged, with ids of any character."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from domain.subject_token import find_tokens
from tests.api.http_app import HttpApp
from tests.incident_mails.stored import store_units

ODD_IDS = ["INC-77", "a/b", "Ä ö?#%", "..", "x" * 200, "emoji \U0001f600", "semi;colon", "100%", "a=2F"]


def put(app: HttpApp, incident_id: str, **fields: Any) -> Any:
    body = {"title": "Phishing", "status": "open", **fields}
    return app.call("PUT", f"/api/incidents/{quote(incident_id, safe='')}", body, role="respond")


@pytest.mark.parametrize("incident_id", ODD_IDS)
def test_an_id_may_hold_any_character(app: HttpApp, incident_id: str) -> None:
    assert put(app, incident_id).status == 201
    path = f"/api/incidents/{quote(incident_id, safe='')}"
    assert app.call("GET", path).json["id"] == incident_id
    assert app.call("GET", f"{path}/mails").json["incident"]["id"] == incident_id


def test_the_same_put_again_changes_nothing_and_a_change_keeps_what_is_ours(app: HttpApp) -> None:
    store_units(app)
    fields = {"type": "Phishing", "severity": "high", "url": "https://respond.corp.example/1"}
    first = put(app, "INC-1", **fields, businessUnits=["bu-hr", "bu-fin", "bu-hr"])
    assert first.status == 201
    assert first.json == {
        "id": "INC-1",
        "title": "Phishing",
        "status": "open",
        **fields,
        "businessUnits": ["bu-hr", "bu-fin"],
        "mergedInto": None,
        "createdAt": "2026-11-24T12:00:00Z",
    }
    app.clock.move(hours=1)
    again = app.call("PUT", "/api/incidents/INC-1", first.json, role="respond")
    assert (again.status, again.headers["etag"]) == (200, first.headers["etag"])
    changed = put(app, "INC-1", title=" A  new title ", status="closed")
    assert changed.status == 200
    assert (changed.json["title"], changed.json["createdAt"]) == ("A new title", "2026-11-24T12:00:00Z")
    assert changed.headers["etag"] != first.headers["etag"]
    actions = [one["action"] for one in app.call("GET", "/api/config/audit").json["items"]]
    assert sorted(one for one in actions if one.startswith("incident.")) == [
        "incident.changed",
        "incident.created",
    ]


def test_an_incident_tells_its_subject_token(app: HttpApp) -> None:
    for incident_id in ("INC-1", "Ä" * 200):
        put(app, incident_id)
    shown = app.call("GET", "/api/incidents/INC-1").json
    found = find_tokens(f"AW: {shown['subjectToken']} x", app.services.token_keys.keys())
    assert [one.incident_id for one in found] == ["INC-1"]
    assert app.call("PUT", "/api/incidents/INC-1", shown).status == 200
    assert app.call("GET", f"/api/incidents/{quote('Ä' * 200)}").json["subjectToken"] is None


def test_open_intervals_follow_the_status(app: HttpApp) -> None:
    for status in ("untriaged", "open", "closed", "closed", "open"):
        put(app, "INC-1", status=status)
        app.clock.move(hours=1)
    stored = app.services.incidents.read("INC-1")
    assert stored is not None
    hours = [
        (one.opened_at.hour, one.closed_at.hour if one.closed_at else None)
        for one in stored.value.open_intervals
    ]
    assert hours == [(12, 14), (16, None)]


@pytest.mark.parametrize(
    "fields,mistakes",
    [
        ({"title": "  "}, {"title"}),
        ({"title": "x" * 501}, {"title"}),
        ({"title": "a\x00b"}, {"title"}),
        ({"status": "new"}, {"status"}),
        ({"url": "javascript:alert(1)"}, {"url"}),
        ({"url": "https://"}, {"url"}),
        ({"url": "http://[x"}, {"url"}),
        ({"businessUnits": ["none"]}, {"businessUnits.0"}),
        ({"businessUnits": "bu-fin"}, {"businessUnits"}),
        ({"businessUnits": [""] * 501}, {"businessUnits"}),
        ({"status": "merged"}, {"mergedInto"}),
        ({"mergedInto": "INC-2"}, {"mergedInto"}),
        ({"status": "merged", "mergedInto": "none"}, {"mergedInto"}),
        ({"id": "INC-9"}, {"id"}),
        ({"colour": "red"}, {"colour"}),
    ],
)
def test_each_mistake_is_said_at_its_field(app: HttpApp, fields: dict[str, Any], mistakes: set[str]) -> None:
    answer = put(app, "INC-1", **fields)
    assert answer.status == 422
    assert answer.field_codes().keys() == mistakes
    assert app.call("GET", "/api/incidents/INC-1").status == 404


def test_title_and_status_are_required_and_ids_are_bounded(app: HttpApp) -> None:
    answer = app.call("PUT", "/api/incidents/INC-1", {"severity": "low"})
    assert answer.field_codes() == {"title": "Required", "status": "Required"}
    assert put(app, "x" * 201).field_codes() == {"id": "TooLong"}
    assert app.call("GET", "/api/incidents/" + "x" * 201).status == 404


def test_an_incident_with_500_units(app: HttpApp) -> None:
    made = [app.call("POST", "/api/config/business-units", {"name": "F"}).json["id"] for _ in range(3)]
    known = {"INC-1": made * 166 + made[:2]}
    answer = put(app, "INC-1", businessUnits=known["INC-1"])
    assert (answer.status, answer.json["businessUnits"]) == (201, made)


def test_if_match_counts_where_it_is_sent(app: HttpApp) -> None:
    tag = put(app, "INC-1").headers["etag"]
    put(app, "INC-1", title="Another")

    def call(title: str, if_match: str) -> Any:
        body = {"title": title, "status": "open"}
        return app.call("PUT", "/api/incidents/INC-1", body, headers={"If-Match": if_match})

    stale = call("Mine", tag)
    assert (stale.status, stale.json["current"]["title"]) == (412, "Another")
    assert call("Mine", stale.headers["etag"]).json["title"] == "Mine"
    none = app.call("PUT", "/api/incidents/new", {"title": "x", "status": "open"}, headers={"If-Match": tag})
    assert none.status == 412


def test_incidents_are_listed_newest_first_and_found_by_status_and_text(app: HttpApp) -> None:
    for number in range(5):
        put(app, f"INC-{number}", title=f"Case {number}", status="closed" if number == 2 else "open")
        app.clock.move(minutes=1)
    first = app.call("GET", "/api/incidents?limit=3").json
    second = app.call("GET", f"/api/incidents?limit=3&cursor={first['nextCursor']}").json
    assert [one["id"] for one in first["items"] + second["items"]] == [f"INC-{n}" for n in (4, 3, 2, 1, 0)]
    assert second["nextCursor"] is None
    closed = app.call("GET", "/api/incidents?status=closed").json["items"]
    assert [one["id"] for one in closed] == ["INC-2"]
    assert [one["id"] for one in app.call("GET", "/api/incidents?text=cAsE+3").json["items"]] == ["INC-3"]
    assert app.call("GET", "/api/incidents?cursor=rubbish").field_codes() == {"cursor": "BadCursor"}


def test_a_merge_is_told_once_and_stays(app: HttpApp) -> None:
    for name in ("A", "B"):
        put(app, name)
    merged = app.call("POST", "/api/incidents/A/merge", {"into": "B"}, role="respond")
    assert merged.status == 200
    assert (merged.json["status"], merged.json["mergedInto"]) == ("merged", "B")
    again = app.call("POST", "/api/incidents/A/merge", {"into": "B"})
    assert (again.status, again.headers["etag"]) == (200, merged.headers["etag"])
    assert put(app, "A").code == "IncidentMerged"
    kept = put(app, "A", status="merged", title="Still here")
    assert (kept.json["mergedInto"], kept.json["title"]) == ("B", "Still here")
    tab = app.call("GET", "/api/incidents/A/mails").json
    assert (tab["items"], tab["mergedInto"], tab["counts"]["mails"]) == ([], "B", 0)


def test_a_put_can_merge_too_even_one_that_creates(app: HttpApp) -> None:
    put(app, "B")
    made = put(app, "A", status="merged", mergedInto="B")
    assert (made.status, made.json["mergedInto"]) == (201, "B")


@pytest.mark.parametrize(
    "child,parent,status,code",
    [
        ("A", "A", 409, "MergedIntoItself"),
        ("C", "A", 409, "MergeWouldCircle"),
        ("B", "A", 409, "MergeWouldCircle"),
        ("C", "none", 422, "ValidationFailed"),
        ("none", "A", 404, "NotFound"),
    ],
)
def test_merges_in_circles_are_refused_with_the_reason(
    app: HttpApp, child: str, parent: str, status: int, code: str
) -> None:
    for name in ("A", "B", "C"):
        put(app, name)
    for one, into in (("A", "B"), ("B", "C")):
        assert app.call("POST", f"/api/incidents/{one}/merge", {"into": into}).status == 200
    answer = app.call("POST", f"/api/incidents/{child}/merge", {"into": parent})
    assert (answer.status, answer.code) == (status, code)


def test_only_who_may_update_incidents_changes_them(app: HttpApp) -> None:
    body = {"title": "x", "status": "open"}
    for role, status in (("viewer", 403), ("analyst", 403), ("none", 403), ("respond", 201)):
        assert app.call("PUT", "/api/incidents/INC-1", body, role=role).status == status
    assert app.call("POST", "/api/incidents/INC-1/merge", {"into": "B"}, role="analyst").status == 403
    assert app.call("GET", "/api/incidents/INC-1", role="analyst").status == 200
    assert app.call("GET", "/api/incidents/INC-1", role="editor").status == 403
