"""Incident notifications: one mail a unit and never twice, by hand or by the process, with a timeline."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from domain.outbox_moves import claim, confirm, submit
from linking.context import INCIDENT_CHANGED_QUEUE
from linking.messages import read_changed
from mail_reply.process import notify_new_incident, sweep_follow_ups
from tests.api.http_app import Answer, HttpApp
from tests.incident_mails.stored import FINANCE, HR, RECEIVED_AT, message, store_message, store_units
from tests.incident_mails.test_tab import tab
from tests.mail_reply.replying import INCIDENT, delivered, post, save_mailbox

PATH = f"/api/incidents/{INCIDENT}/notifications"


def prepared(app: HttpApp, *, trigger: str = "manual", enabled: bool = True, hours: Any = ()) -> None:
    """Two units with recipients, a process, and the mailbox."""
    save_mailbox(app)
    store_units(app)
    for unit in (FINANCE, HR):
        path = f"/api/config/business-units/{unit.id}"
        current = app.call("GET", path)
        body = {"name": unit.name, "domains": list(unit.domains), "recipients": [f"ciso@{unit.domains[0]}"]}
        answer = app.call("PUT", path, body, headers={"If-Match": current.headers["etag"]})
        assert answer.status == 200, answer.body
    process(app, enabled=enabled, onNewIncident=trigger, followUpAfterHours=list(hours))


def process(app: HttpApp, **fields: Any) -> None:
    path = "/api/config/notification-process"
    tag = app.call("GET", path).headers["etag"]
    assert app.call("PUT", path, fields, headers={"If-Match": tag}).status == 200


def incident(app: HttpApp, **fields: Any) -> None:
    app.queue.sent.clear()
    body = {"title": "Lost laptop", "status": "open", "businessUnits": ["bu-fin", "bu-hr"], **fields}
    answer = app.call("PUT", f"/api/incidents/{INCIDENT}", body, role="respond")
    assert answer.status in (200, 201), answer.body


def run_process(app: HttpApp) -> None:
    """What queue `incident-changed` does before it re-decides mails."""
    for queue, body in list(app.queue.sent):
        if queue == INCIDENT_CHANGED_QUEUE:
            notify_new_incident(app.services, read_changed(json.dumps(body)))


def notify(app: HttpApp, body: Any, key: str = "key-1") -> Answer:
    return post(app, body, path=PATH, key=key)


def timeline(app: HttpApp) -> dict[str, Any]:
    answer = app.call("GET", PATH, role="viewer")
    assert answer.status == 200, answer.body
    return {one["businessUnit"]: one for one in answer.json["items"]} | {"summary": answer.json["summary"]}


def leave(app: HttpApp, entry_id: str) -> None:
    """The mail leaves now."""
    stored = app.services.outbox.read(entry_id)
    assert stored is not None
    now = app.clock.now()
    entry = submit(replace(claim(stored.value, "c", now), via="smtp"), now)
    app.services.outbox.save(confirm(entry, now, sent_at=now), stored.etag)


def test_each_unit_gets_a_mail_of_its_own_and_none_gets_a_second(app: HttpApp) -> None:
    prepared(app)
    incident(app)
    first = notify(app, {})
    assert first.status == 202, first.body
    replies = {one["businessUnit"]: one["reply"] for one in first.json["items"]}
    assert [one["address"] for one in replies["bu-fin"]["to"]] == ["ciso@fin.example"]
    assert replies["bu-fin"]["subject"].startswith(f"[{INCIDENT} ")
    assert sorted(delivered(app)) == sorted(one["id"] for one in replies.values())
    sent = app.services.outbox.message(replies["bu-fin"]["id"])
    assert sent.auto_submitted
    assert "Dear colleagues of Finance" in sent.text
    for again in (notify(app, {}), notify(app, {}, key="another")):
        assert again.status == 202
        assert [one["notifiedBefore"] for one in again.json["items"]] == [True, True]
        assert {one["reply"]["id"] for one in again.json["items"]} == {r["id"] for r in replies.values()}
    assert len(app.call("GET", f"/api/incidents/{INCIDENT}/replies").json["items"]) == 2
    assert notify(app, {"subject": "Other"}).code == "IdempotencyKeyReused"
    assert {one["delivery"]["state"] for one in tab(app, INCIDENT)["items"]} == {"queued"}


def test_a_new_incident_notifies_by_itself_where_the_process_says_so_and_once(app: HttpApp) -> None:
    prepared(app, trigger="automatic")
    incident(app)
    run_process(app)
    run_process(app)
    assert len(set(delivered(app))) == 2
    assert len(app.call("GET", f"/api/incidents/{INCIDENT}/replies").json["items"]) == 2
    [finance] = notify(app, {"businessUnits": ["bu-fin"]}).json["items"]
    assert finance["notifiedBefore"]


def test_a_change_of_an_old_incident_notifies_nobody_by_itself(app: HttpApp) -> None:
    prepared(app)
    incident(app)
    run_process(app)
    process(app, enabled=True, onNewIncident="automatic")
    incident(app, title="Changed", businessUnits=["bu-fin"])
    run_process(app)
    assert delivered(app) == []


def test_while_the_process_is_off_or_the_incident_closed_nothing_goes_out(app: HttpApp) -> None:
    prepared(app, trigger="automatic", enabled=False)
    incident(app)
    run_process(app)
    assert notify(app, {}).code == "NotificationsOff"
    process(app, enabled=True)
    incident(app, status="closed")
    assert notify(app, {}, key="key-2").code == "IncidentClosed"
    assert delivered(app) == []


def test_what_is_sent_can_be_edited_and_looked_at_before(app: HttpApp) -> None:
    prepared(app)
    incident(app)
    edited = {"subject": "Please read", "html": "<p>Hi {{businessUnit.name}}</p><script>x</script>"}
    seen = post(app, edited, path=f"{PATH}/preview").json["items"]
    replies = {one["businessUnit"]: one["reply"] for one in notify(app, edited).json["items"]}
    for one in seen:
        left = app.services.outbox.message(replies[one["businessUnit"]]["id"])
        assert (one["mail"]["html"], one["mail"]["subject"]) == (left.html, left.subject)
    assert "Hi Finance" in seen[0]["mail"]["html"]
    assert "script" not in seen[0]["mail"]["html"]
    assert notify(app, {"html": "{{nope}}"}, key="k2").field_codes() == {"html": "UnknownPlaceholder"}
    assert notify(app, {"businessUnits": ["bu-x"]}, key="k3").field_codes() == {
        "businessUnits.0": "NotImpacted"
    }


def test_other_recipients_than_the_units_are_confirmed(app: HttpApp) -> None:
    prepared(app)
    incident(app, businessUnits=["bu-fin"])
    body = {"recipients": {"bu-fin": ["bo@fin.example", "eve@evil.example"]}}
    refused = notify(app, body)
    assert (refused.code, refused.json["confirmations"][0]["about"]) == (
        "UnknownRecipients",
        ["eve@evil.example"],
    )
    sent = notify(app, {**body, "confirmRecipients": True})
    assert [one["address"] for one in sent.json["items"][0]["reply"]["to"]] == body["recipients"]["bu-fin"]


def test_follow_ups_go_to_who_has_not_answered_and_the_timeline_says_so(app: HttpApp) -> None:
    prepared(app, hours=[2, 5])
    app.clock.at = RECEIVED_AT
    incident(app)
    replies = {one["businessUnit"]: one["reply"] for one in notify(app, {}).json["items"]}
    app.clock.move(minutes=3)
    for one in replies.values():
        leave(app, one["id"])
    fields = {"Subject": "Re: " + replies["bu-fin"]["subject"], "Message_ID": "<a@fin.example>"}
    store_message(app, message("text/plain", b"ok", **fields), minutes=30)
    away = {
        "From": "ciso@hr.example",
        "Subject": "Re: " + replies["bu-hr"]["subject"],
        "Message_ID": "<a@hr.example>",
        "Auto_Submitted": "auto-replied",
    }
    store_message(app, message("text/plain", b"away", **away), minutes=31)
    app.clock.move(hours=1)
    sweep_follow_ups(app.services)
    assert all(not one["followUps"] for name, one in timeline(app).items() if name != "summary")
    app.clock.move(hours=2)
    sweep_follow_ups(app.services)
    sweep_follow_ups(app.services)
    told = timeline(app)
    assert (told["bu-fin"]["answeredAfterSeconds"], told["bu-fin"]["followUps"]) == (1800, [])
    [follow_up] = told["bu-hr"]["followUps"]
    assert follow_up["subject"] == f"Re: {replies['bu-hr']['subject']}"
    sent = app.services.outbox.message(follow_up["id"])
    assert sent.in_reply_to == app.services.outbox.message(replies["bu-hr"]["id"]).message_id
    assert told["bu-hr"]["answeredAt"] is None
    assert told["bu-hr"]["nextFollowUpAt"] == "2026-11-24T14:00:00Z"
    assert told["summary"]["notified"] == 2
    assert told["summary"]["medianNotifiedAfterSeconds"] == 180
    assert told["summary"]["medianAnsweredAfterSeconds"] == 1800


def test_follow_ups_stop_when_the_incident_is_closed_or_the_process_off(app: HttpApp) -> None:
    prepared(app, hours=[1])
    incident(app)
    for one in notify(app, {}).json["items"]:
        leave(app, one["reply"]["id"])
    app.clock.move(hours=2)
    incident(app, status="closed")
    sweep_follow_ups(app.services)
    incident(app)
    sweep_follow_ups(app.services)
    assert not timeline(app)["bu-fin"]["followUps"]


def test_a_follow_up_waits_for_the_primary_to_have_left(app: HttpApp) -> None:
    prepared(app, hours=[1])
    incident(app, businessUnits=["bu-fin"])
    [one] = notify(app, {}).json["items"]
    app.clock.move(hours=2)
    sweep_follow_ups(app.services)
    assert not timeline(app)["bu-fin"]["followUps"]
    leave(app, one["reply"]["id"])
    app.clock.move(minutes=16)
    sweep_follow_ups(app.services)
    assert len(timeline(app)["bu-fin"]["followUps"]) == 1
