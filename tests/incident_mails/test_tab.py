"""An incident's tab as an analyst uses it: lists, one mail, and moving it about with a way back."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from domain.mail import Mail
from domain.subject_token import make_token
from tests.api.http_app import HttpApp
from tests.incident_mails.stored import (
    message,
    relink_all,
    store_message,
    store_units,
    store_unreadable,
    with_parts,
)

_WORDS = ("none", "one", "two", "three", "four", "five", "six")


def put(app: HttpApp, incident_id: str, *units: str, **fields: Any) -> None:
    store_units(app)
    body = {"title": f"Case {incident_id}", "status": "open", "businessUnits": list(units), **fields}
    answer = app.call("PUT", f"/api/incidents/{quote(incident_id, safe='')}", body, role="respond")
    assert answer.status in (200, 201), answer.body
    relink_all(app)


def mail_with_token(app: HttpApp, incident_id: str, number: int = 1, **headers: str) -> Mail:
    """A mail of Finance whose subject carries the incident's token."""
    token = make_token(incident_id, app.services.token_keys.keys()[0])
    fields = {
        "Subject": f"Re: {token} {_WORDS[number]} hello",
        "Message_ID": f"<{number}@fin.example>",
        **headers,
    }
    return store_message(app, message("text/plain", b"text", **fields), minutes=number)


def tab(app: HttpApp, incident_id: str, query: str = "view=flat") -> Any:
    answer = app.call("GET", f"/api/incidents/{quote(incident_id, safe='')}/mails?{query}", role="viewer")
    assert answer.status == 200, answer.body
    return answer.json


def ids(listed: Any) -> list[str]:
    return [one["id"] for one in listed["items"]]


def change(app: HttpApp, incident_id: str, mail: Mail, body: object, role: str = "analyst") -> Any:
    return app.call("PATCH", f"/api/incidents/{incident_id}/mails/{mail.id}", body, role=role)


def waiting(app: HttpApp, view: str = "waiting") -> list[str]:
    return ids(app.call("GET", f"/api/triage?view={view}").json)


def test_a_mail_with_a_token_is_in_its_incident_with_the_reason_and_not_in_triage(app: HttpApp) -> None:
    put(app, "INC/1 ä", "bu-fin")
    mail = mail_with_token(app, "INC/1 ä")
    [shown] = tab(app, "INC/1 ä")["items"]
    assert shown["id"] == mail.id
    assert (shown["link"]["incident"], shown["link"]["rule"], shown["link"]["state"]) == (
        "INC/1 ä",
        "token",
        "linked",
    )
    assert list(shown["link"]["evidence"]) == ["token"]
    assert (shown["read"], shown["marks"], shown["senderVerified"]) == (False, [], "unknown")
    assert waiting(app) == []
    one = app.call("GET", f"/api/incidents/{quote('INC/1 ä', safe='')}/mails/{mail.id}").json
    assert one["subject"] == shown["subject"]
    assert [entry["by"] for entry in one["history"]] == [None]


def test_an_answer_follows_its_parent_and_a_stranger_is_marked(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    mail_with_token(app, "INC-1")
    answer = message(
        "text/plain",
        b"x",
        From="law@lawyer.example",
        Message_ID="<2@l.example>",
        In_Reply_To="<1@fin.example>",
    )
    stored = store_message(app, answer, minutes=2)
    shown = tab(app, "INC-1")["items"][0]
    assert (shown["id"], shown["link"]["rule"]) == (stored.id, "reference")
    assert shown["link"]["evidence"]["messageId"] == "1@fin.example"
    assert (shown["senderVerified"], shown["marks"]) == ("no", ["unverifiedSender"])
    assert tab(app, "INC-1")["counts"] == {"mails": 2, "unread": 2, "suggested": 0, "unverified": 1}
    assert ids(tab(app, "INC-1", "view=flat&unverified=true")) == [stored.id]


def test_conversations_show_their_newest_mail_and_lead_to_the_others(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    mails = [mail_with_token(app, "INC-1", number) for number in (1, 2, 3)]
    page = tab(app, "INC-1", "")
    assert [one["latest"]["id"] for one in page["items"]] == [one.id for one in reversed(mails)]
    first = page["items"][0]
    assert (first["count"], first["unread"], first["businessUnits"]) == (1, 1, ["bu-fin"])
    assert ids(tab(app, "INC-1", f"conversation={first['id']}")) == [mails[2].id]
    both = app.call("GET", f"/api/incidents/INC-1/mails?conversation={first['id']}&unread=true")
    assert both.field_codes() == {"conversation": "WithFilter"}


def test_pages_and_filters(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin", "bu-hr")
    mails = [mail_with_token(app, "INC-1", number) for number in range(1, 6)]
    of_hr = mail_with_token(app, "INC-1", 6, From="ivo@hr.example")
    first = tab(app, "INC-1", "view=flat&limit=4")
    second = tab(app, "INC-1", f"view=flat&limit=4&cursor={first['nextCursor']}")
    assert ids(first) + ids(second) == [of_hr.id, *(one.id for one in reversed(mails))]
    assert second["nextCursor"] is None
    assert ids(tab(app, "INC-1", "view=flat&unit=bu-hr")) == [of_hr.id]
    assert ids(tab(app, "INC-1", "view=flat&text=FOUR+hello")) == [mails[3].id]
    assert ids(tab(app, "INC-1", "view=flat&direction=outgoing")) == []
    assert ids(tab(app, "INC-1", "view=flat&kind=bounce")) == []
    assert ids(tab(app, "INC-1", "view=flat&attachments=true")) == []
    for query in ("view=tree", "limit=0", "limit=101", "direction=up", "kind=x", "unread=maybe", "cursor=x"):
        assert app.call("GET", f"/api/incidents/INC-1/mails?{query}").status == 422, query


def test_read_state_is_the_teams(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    mail = mail_with_token(app, "INC-1")
    read = change(app, "INC-1", mail, {"read": True}, role="viewer")
    assert (read.status, read.json["read"], read.json["readBy"]) == (200, True, "viewer@corp.example")
    assert tab(app, "INC-1")["counts"]["unread"] == 0
    assert ids(tab(app, "INC-1", "view=flat&unread=true")) == []
    version = app.services.incident_mails.version(["INC-1"])
    change(app, "INC-1", mail, {"read": True}, role="analyst")
    assert app.services.incident_mails.version(["INC-1"]) == version
    assert change(app, "INC-1", mail, {"read": False}).json["read"] is False
    assert ids(tab(app, "INC-1", "view=flat&unread=true")) == [mail.id]


def test_a_mail_is_moved_and_moved_back(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    put(app, "INC-2")
    mail = mail_with_token(app, "INC-1")
    moved = change(app, "INC-1", mail, {"incident": "INC-2"})
    assert moved.status == 200, moved.body
    assert (moved.json["link"]["incident"], moved.json["link"]["state"]) == ("INC-2", "manual")
    assert (ids(tab(app, "INC-1")), ids(tab(app, "INC-2"))) == ([], [mail.id])
    assert app.call("GET", f"/api/incidents/INC-1/mails/{mail.id}").status == 404
    undone = change(app, "INC-1", mail, {"undo": moved.json["undo"]})
    assert undone.json["link"]["rule"] == "token"
    assert (ids(tab(app, "INC-1")), ids(tab(app, "INC-2"))) == ([mail.id], [])
    assert change(app, "INC-1", mail, {"undo": moved.json["undo"]}).code == "ChangedSince"
    assert change(app, "INC-1", mail, {"undo": "none"}).code == "UndoUnknown"
    assert change(app, "INC-1", mail, {"incident": "none"}).field_codes() == {"incident": "UnknownIncident"}
    entries = app.call("GET", f"/api/config/audit?target=mail/{mail.id}").json["items"]
    assert {(one["action"], one["actor"]) for one in entries} == {
        ("mail.moved", "analyst@corp.example"),
        ("mail.changeUndone", "analyst@corp.example"),
    }


def test_an_undo_is_possible_for_thirty_days(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    mail = mail_with_token(app, "INC-1")
    unlinked = change(app, "INC-1", mail, {"link": None})
    app.clock.move(days=29)
    one = app.call("GET", f"/api/triage/{mail.id}").json
    assert one["history"][-1]["undo"] == unlinked.json["undo"]
    assert one["history"][-1]["undoUntil"] == "2026-12-24T12:00:00Z"
    app.clock.move(days=2)
    assert change(app, "INC-1", mail, {"undo": unlinked.json["undo"]}).code == "UndoTooLate"


def test_a_link_is_removed_and_no_rule_brings_it_back(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    mail = mail_with_token(app, "INC-1")
    unlinked = change(app, "INC-1", mail, {"link": None})
    assert unlinked.json["link"] is None
    assert (ids(tab(app, "INC-1")), waiting(app)) == ([], [mail.id])
    [item] = app.call("GET", "/api/triage").json["items"]
    assert item["candidates"][0]["incident"] == "INC-1"
    assert "token" in item["candidates"][0]["reasons"]
    change(app, "INC-1", mail, {"undo": unlinked.json["undo"]})
    assert (ids(tab(app, "INC-1")), waiting(app)) == ([mail.id], [])


def test_a_suggestion_is_accepted_or_refused(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    app.clock.move(hours=1)
    mail = store_message(app, message("text/plain", b"x"), minutes=200)
    [shown] = tab(app, "INC-1")["items"]
    assert (shown["link"]["state"], shown["marks"]) == ("suggested", ["suggested"])
    assert waiting(app, "suggested") == [mail.id]
    refused = change(app, "INC-1", mail, {"suggestion": "refuse"})
    assert (refused.json["link"], ids(tab(app, "INC-1"))) == (None, [])
    [item] = app.call("GET", "/api/triage").json["items"]
    assert "refused" in item["candidates"][0]["reasons"]
    change(app, "INC-1", mail, {"undo": refused.json["undo"]})
    accepted = change(app, "INC-1", mail, {"suggestion": "accept"})
    assert (accepted.json["link"]["state"], accepted.json["marks"]) == ("manual", [])
    assert change(app, "INC-1", mail, {"suggestion": "refuse"}).code == "NotSuggested"


def test_what_was_refused_stays_refused_when_another_suggestion_is_refused_too(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    put(app, "INC-2")
    mail = store_message(app, message("text/plain", b"x"), minutes=200)
    change(app, "INC-1", mail, {"suggestion": "refuse"})
    put(app, "INC-1")
    put(app, "INC-2", "bu-fin")
    assert ids(tab(app, "INC-2")) == [mail.id]
    change(app, "INC-2", mail, {"suggestion": "refuse"})
    put(app, "INC-2")
    put(app, "INC-1", "bu-fin")
    assert (ids(tab(app, "INC-1")), waiting(app)) == ([], [mail.id])


def test_what_a_change_may_be(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    mail = mail_with_token(app, "INC-1")
    for body in (
        {},
        {"read": None},
        {"read": True, "undo": "x"},
        {"link": 1},
        {"suggestion": "maybe"},
        {"a": 1},
    ):
        assert change(app, "INC-1", mail, body).status == 422, body
    for body in ({"incident": "INC-1"}, {"link": None}, {"suggestion": "accept"}, {"undo": "x"}):
        refused = change(app, "INC-1", mail, body, role="viewer")
        assert (refused.status, refused.json["permission"]) == (403, "BusinessUnitMails.Reply")
    assert change(app, "INC-1", mail, {"read": True}, role="none").status == 403


def test_mails_show_in_the_parent_of_a_merged_incident_alone(app: HttpApp) -> None:
    for name in ("A", "B"):
        put(app, name, "bu-fin")
    mail = mail_with_token(app, "A")
    app.call("POST", "/api/incidents/A/merge", {"into": "B"}, role="respond")
    relink_all(app)
    child, parent = tab(app, "A"), tab(app, "B")
    assert (ids(child), child["mergedInto"], ids(parent)) == ([], "B", [mail.id])
    assert app.call("GET", f"/api/incidents/B/mails/{mail.id}/raw").status == 200
    assert app.call("GET", f"/api/incidents/A/mails/{mail.id}").status == 404
    later = mail_with_token(app, "A", 2)
    assert ids(tab(app, "B")) == [later.id, mail.id]
    changes = app.call("GET", "/api/incidents/B/mails/changes").json
    assert [one["mail"] for one in changes["items"]] == [mail.id, later.id]


def test_content_is_served_below_the_incident_and_nowhere_else(app: HttpApp) -> None:
    put(app, "INC/1", "bu-fin")
    put(app, "INC-2")
    token = make_token("INC/1", app.services.token_keys.keys()[0])
    raw = with_parts(
        ("Content-Type: text/html", b"<img src='cid:i'><p>x"),
        ("Content-Type: image/png\r\nContent-ID: <i>\r\nContent-Transfer-Encoding: base64", b"iVBORw0K"),
        (
            'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="a.EXE "',
            b"MZ",
        ),
        subtype="related",
    ).replace(b"Subject: Hello", f"Subject: {token}".encode())
    mail = store_message(app, raw)
    path = f"/api/incidents/INC%2F1/mails/{mail.id}"
    body = app.call("GET", f"{path}/body")
    assert f'src="{path}/attachments/0"' in body.body.decode()
    assert f"img-src app.corp.example{path}/attachments/" in body.headers["content-security-policy"]
    assert app.call("GET", f"{path}/attachments/0").body == b"\x89PNG\r\n"
    assert app.call("GET", f"{path}/raw").body == raw
    assert app.call("GET", path).json["attachments"][1]["dangerous"] is True
    for rest in ("", "/body", "/raw", "/attachments/0"):
        assert app.call("GET", f"/api/incidents/INC-2/mails/{mail.id}{rest}").status == 404
        assert app.call("GET", f"/api/incidents/INC%2F1/mails/none{rest}").status == 404
        assert app.call("GET", f"/api/incidents/none/mails/{mail.id}{rest}").status == 404


def test_an_unreadable_mail_is_marked(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    mail = store_unreadable(app, "ErrorItemNotFound")
    app.call("POST", f"/api/triage/{mail.id}", {"action": "link", "incident": "INC-1"})
    [shown] = tab(app, "INC-1")["items"]
    assert "unreadable" in shown["marks"]
    assert app.call("GET", f"/api/incidents/INC-1/mails/{mail.id}/body").status == 200


def test_changes_come_without_gaps_from_any_cursor(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    mails = [mail_with_token(app, "INC-1", number) for number in (1, 2, 3)]
    path = "/api/incidents/INC-1/mails/changes"
    first = app.call("GET", f"{path}?limit=2").json
    assert [one["mail"] for one in first["items"]] == [one.id for one in mails[:2]]
    assert first["more"] is True
    second = app.call("GET", f"{path}?cursor={first['nextCursor']}").json
    assert [(one["mail"], one["kind"]) for one in second["items"]] == [(mails[2].id, "added")]
    nothing = app.call("GET", f"{path}?cursor={second['nextCursor']}").json
    assert (nothing["items"], nothing["more"]) == ([], False)
    change(app, "INC-1", mails[0], {"link": None})
    third = app.call("GET", f"{path}?cursor={nothing['nextCursor']}").json
    assert [(one["mail"], one["kind"]) for one in third["items"]] == [(mails[0].id, "removed")]
    assert app.call("GET", f"{path}?cursor=rubbish").field_codes() == {"cursor": "BadCursor"}
