"""The activity log over the API: who, on whose behalf, when, what, before and after; nobody changes it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.http_app import HttpApp, principal
from tests.config_api.forms import SECRET, configured

AUDIT = "/api/config/audit"
RETENTION = "/api/config/retention"


def change(app: HttpApp, days: int, **options: Any) -> None:
    """One change of retention, a second after what was before."""
    app.clock.move(seconds=1)
    etag = app.call("GET", RETENTION).headers["etag"]
    headers = {"if-match": etag, **options.pop("headers", {})}
    answer = app.call("PUT", RETENTION, {"mails": days}, headers=headers, **options)
    assert answer.status == 200, answer.body


def test_every_kind_of_change_is_in_one_list_newest_first(app: HttpApp) -> None:
    configured(app)
    app.clock.move(seconds=1)
    app.call("PUT", "/api/config/mailboxes/default/folders", {"folders": ["id-inbox"]})
    app.clock.move(seconds=1)
    app.call("POST", "/api/config/business-units", {"name": "Finance"})
    change(app, 30)
    answer = app.call("GET", AUDIT)
    assert [one["action"] for one in answer.json["items"]] == [
        "retention.changed",
        "businessUnit.created",
        "mailbox.foldersSelected",
        "mailbox.created",
    ]
    assert answer.json["nextCursor"] is None
    newest = answer.json["items"][0]
    assert newest.pop("id")
    assert newest == {
        "at": "2026-11-24T12:00:03Z",
        "actor": "admin@corp.example",
        "actingFor": None,
        "action": "retention.changed",
        "target": "settings/retention",
        "before": {"mails": None, "raw": None, "activityLog": None, "triage": None},
        "after": {"mails": 30, "raw": None, "activityLog": None, "triage": None},
    }


def test_secrets_are_shown_as_changed(app: HttpApp) -> None:
    configured(app)
    answer = app.call("GET", AUDIT)
    assert answer.json["items"][0]["after"]["secretKey"] == "changed"
    assert SECRET.encode() not in answer.body


def test_it_is_paged_and_each_entry_comes_once(app: HttpApp) -> None:
    for days in range(1, 8):
        change(app, days)
    found = []
    path = f"{AUDIT}?limit=3"
    while path:
        page = app.call("GET", path).json
        assert len(page["items"]) <= 3
        found += [one["after"]["mails"] for one in page["items"]]
        path = f"{AUDIT}?limit=3&cursor={page['nextCursor']}" if page["nextCursor"] else ""
    assert found == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "query,expected",
    [
        ("actor=EDITOR@corp.example", [2]),
        ("target=settings/retention", [3, 2, 1]),
        ("target=settings", []),
        ("action=retention.changed&actor=admin%40corp.example", [3, 1]),
        ("from=2026-11-24T12:00:02Z", [3, 2]),
        ("to=2026-11-24T12:00:02.000Z", [1]),
        ("from=2026-11-24T13:00:02%2B01:00&to=2026-11-24t12:00:03z", [2]),
    ],
)
def test_it_is_filtered(app: HttpApp, query: str, expected: list[int]) -> None:
    change(app, 1)
    change(app, 2, role="editor")
    change(app, 3)
    items = app.call("GET", f"{AUDIT}?{query}").json["items"]
    assert [one["after"]["mails"] for one in items] == expected


@pytest.mark.parametrize(
    "query,mistakes",
    [
        ("limit=0", {"limit"}),
        ("limit=101", {"limit"}),
        ("limit=x", {"limit"}),
        ("cursor=nonsense", {"cursor"}),
        ("from=yesterday", {"from"}),
        ("from=2026-11-24", {"from"}),
        ("from=2026-11-24T12:00:00", {"from"}),
        ("to=2026-13-01T00:00:00Z", {"to"}),
        ("from=0001-01-01T00:00:00%2B14:00", {"from"}),
        ("actor=", {"actor"}),
        ("actor=a%00b", {"actor"}),
        ("target=" + "x" * 257, {"target"}),
    ],
)
def test_a_bad_question_is_refused_at_its_parameter(app: HttpApp, query: str, mistakes: set[str]) -> None:
    answer = app.call("GET", f"{AUDIT}?{query}")
    assert (answer.status, set(answer.field_codes())) == (422, mistakes)


@pytest.mark.parametrize("actor", ["'", "' or 1 eq 1", "ünï", "%", "a&b"])
def test_a_filter_is_only_ever_compared(app: HttpApp, actor: str) -> None:
    change(app, 1)
    answer = app.call("GET", f"{AUDIT}?actor={quote(actor)}")
    assert (answer.status, answer.json["items"]) == (200, [])


def test_nobody_changes_it(app: HttpApp) -> None:
    change(app, 1)
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        assert app.call(method, AUDIT, {} if method != "DELETE" else None).status == 405
    assert app.call("GET", AUDIT, role="analyst").status == 403
    assert app.call("GET", AUDIT, role="viewer").status == 200


def test_an_application_that_acts_for_somebody_is_named_beside_them(app: HttpApp) -> None:
    acting = principal("respond", [("roles", "Configurations.Update"), ("roles", "Configurations.Read")])
    change(app, 1, headers={"x-ms-client-principal": acting, "x-acting-user": "Ann@corp.example"})
    [entry] = app.call("GET", f"{AUDIT}?actor=ann@CORP.example").json["items"]
    assert (entry["actor"], entry["actingFor"]) == ("Respond", "Ann@corp.example")
    assert len(app.call("GET", f"{AUDIT}?actor=respond").json["items"]) == 1
