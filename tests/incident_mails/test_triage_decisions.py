"""What a person does in triage: link, dismiss, undo, for one mail and for many."""

from __future__ import annotations

from typing import Any

from tests.api.http_app import HttpApp
from tests.incident_mails.stored import message, store_message
from tests.incident_mails.test_tab import ids, put, tab, waiting


def act(app: HttpApp, path: str, body: object, role: str = "analyst") -> Any:
    return app.call("POST", f"/api/triage{path}", body, role=role)


def three(app: HttpApp) -> list[str]:
    return [
        store_message(app, message("text/plain", b"x", Message_ID=f"<{n}@fin.example>"), minutes=n).id
        for n in range(3)
    ]


def test_a_mail_is_linked_and_taken_back(app: HttpApp) -> None:
    put(app, "INC-1")
    mail = three(app)[0]
    linked = act(app, f"/{mail}", {"action": "link", "incident": "INC-1"})
    assert linked.status == 200, linked.body
    assert (linked.json["link"]["rule"], linked.json["link"]["state"]) == ("person", "manual")
    assert ids(tab(app, "INC-1")) == [mail]
    assert act(app, f"/{mail}", {"action": "dismiss"}).code == "NotInTriage"
    undone = act(app, f"/{mail}", {"action": "undo", "change": linked.json["undo"]})
    assert (undone.status, undone.json["link"]) == (200, None)
    assert mail in waiting(app)


def test_a_dismissed_mail_is_out_of_sight_until_it_is_taken_back(app: HttpApp) -> None:
    mail = three(app)[0]
    dismissed = act(app, f"/{mail}", {"action": "dismiss"})
    assert (mail in waiting(app), waiting(app, "dismissed")) == (False, [mail])
    act(app, f"/{mail}", {"action": "undo", "change": dismissed.json["undo"]})
    assert (mail in waiting(app), waiting(app, "dismissed")) == (True, [])


def test_many_at_once_have_a_result_each_and_one_undo(app: HttpApp) -> None:
    put(app, "INC-1")
    mails = three(app)
    asked = [*mails, "none", mails[0]]
    done = act(app, "", {"mails": asked, "action": "link", "incident": "INC-1"}).json["items"]
    assert [(one["id"], one["status"], one["code"]) for one in done] == [
        *((mail, 200, None) for mail in mails),
        ("none", 404, "NotFound"),
    ]
    assert sorted(ids(tab(app, "INC-1"))) == sorted(mails)
    [change] = {one["undo"] for one in done[:3]}
    act(app, "", {"mails": mails, "action": "undo", "change": change})
    assert (ids(tab(app, "INC-1")), len(waiting(app))) == ([], 3)
    act(app, "", {"mails": mails, "action": "dismiss"})
    assert len(waiting(app, "dismissed")) == 3


def test_what_an_action_may_be(app: HttpApp) -> None:
    mail = three(app)[0]
    for body in (
        {},
        {"action": "delete"},
        {"action": "link"},
        {"action": "link", "incident": "INC-1", "change": "x"},
        {"action": "undo"},
        {"action": "dismiss", "incident": "INC-1"},
        {"action": "link", "incident": "none"},
    ):
        assert act(app, f"/{mail}", body).status == 422, body
    for mails in ([], ["x"] * 101, [""], "x"):
        assert act(app, "", {"mails": mails, "action": "dismiss"}).status == 422
    unknown = act(app, "", {"mails": [mail], "action": "link", "incident": "none"})
    assert unknown.field_codes() == {"incident": "UnknownIncident"}
    assert act(app, f"/{mail}", {"action": "dismiss"}, role="viewer").status == 403
    assert act(app, "", {"mails": [mail], "action": "dismiss"}, role="viewer").status == 403
    assert act(app, "/none", {"action": "dismiss"}).status == 404


def test_candidates_say_which_incidents_and_why(app: HttpApp) -> None:
    put(app, "INC-1", "bu-fin")
    put(app, "INC-2", "bu-fin")
    mail = store_message(app, message("text/plain", b"x"), minutes=200).id
    [item] = app.call("GET", "/api/triage").json["items"]
    assert item["id"] == mail
    assert [(one["incident"], one["title"], one["reasons"]) for one in item["candidates"]] == [
        ("INC-1", "Case INC-1", ["openForBusinessUnit"]),
        ("INC-2", "Case INC-2", ["openForBusinessUnit"]),
    ]


def test_the_acting_user_is_kept(app: HttpApp) -> None:
    put(app, "INC-1")
    mail = three(app)[0]
    path, body = f"/api/triage/{mail}", {"action": "link", "incident": "INC-1"}
    answer = app.call("POST", path, body, role="respond", headers={"X-Acting-User": "ann@corp.example"})
    assert answer.status == 200, answer.body
    [entry] = app.call("GET", f"/api/config/audit?target=mail/{mail}").json["items"]
    assert (entry["actor"], entry["actingFor"], entry["after"]) == (
        "Respond",
        "ann@corp.example",
        {"incident": "INC-1"},
    )
    history = app.call("GET", path).json["history"]
    assert (history[-1]["by"], history[-1]["actingFor"]) == ("Respond", "ann@corp.example")
