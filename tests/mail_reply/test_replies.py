"""A reply over HTTP: queued once, in the tab at once, and what a person can do about it."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from domain.outbox import OutboxEntry
from domain.server_items import ItemSummary
from mailbox_poll.receive import receive_message
from tests.api.http_app import HttpApp
from tests.incident_mails.stored import CONTEXT, relink_all
from tests.incident_mails.test_tab import put, tab
from tests.mail_reply.replying import (
    INCIDENT,
    REPLIES,
    act,
    delivered,
    move,
    post,
    ready,
    reply_to,
    save_mailbox,
)


def test_a_reply_is_queued_stored_and_in_the_tab_at_once(app: HttpApp) -> None:
    mail = ready(app)
    answer = post(app, reply_to(mail, html="<p>We <b>look</b></p>"))
    assert answer.status == 202, answer.body
    reply = answer.json
    assert answer.headers["location"] == f"{REPLIES}/{reply['id']}"
    assert (reply["state"], reply["held"], reply["createdBy"]) == ("queued", False, "analyst@corp.example")
    assert delivered(app) == [reply["id"]]
    assert app.call("GET", f"{REPLIES}/{reply['id']}", role="viewer").json == reply
    assert [one["id"] for one in app.call("GET", REPLIES, role="viewer").json["items"]] == [reply["id"]]
    [shown] = [one for one in tab(app, INCIDENT)["items"] if one["direction"] == "outgoing"]
    assert shown["id"] == reply["mail"]
    assert shown["subject"] == reply["subject"]
    assert shown["to"] == [{"name": "Ann", "address": "ann@fin.example"}]


def test_what_is_stored_threads_and_quotes_and_keeps_the_token(app: HttpApp) -> None:
    mail = ready(app)
    reply = post(app, reply_to(mail, subject="Re: AW: hello", html="<p>Fine</p><script>x()</script>")).json
    raw = b"".join(app.services.raw.stream(reply["mail"]))
    sent = message_from_bytes(raw, policy=policy.default)
    assert sent["In-Reply-To"] == "<1@fin.example>"
    assert sent["Subject"].startswith(f"Re: [{INCIDENT} ")
    assert sent["Subject"].count("Re:") == 1
    assert len(sent["Message-ID"].strip("<>").partition("@")[0]) == 32
    body = _body(sent, "html")
    assert "<p>Fine</p>" in body
    assert "blockquote" in body
    assert "script" not in body
    assert "> text" in _body(sent, "plain")


def test_the_same_key_and_body_is_the_same_reply_and_another_body_is_refused(app: HttpApp) -> None:
    mail = ready(app)
    first = post(app, reply_to(mail))
    app.clock.move(hours=24)
    again = post(app, reply_to(mail))
    assert (again.status, again.json["id"]) == (202, first.json["id"])
    assert post(app, reply_to(mail, text="Other")).code == "IdempotencyKeyReused"
    other = post(app, reply_to(mail, confirmAnswered=True), key="key-2")
    assert other.json["id"] != first.json["id"]
    assert post(app, reply_to(mail), key=None).code == "IdempotencyKeyMissing"


def test_a_post_that_died_before_its_entry_goes_on_with_the_same_message(app: HttpApp) -> None:
    mail = ready(app)
    first = post(app, reply_to(mail)).json
    message_id = app.services.outbox.message(first["id"]).message_id
    [row] = [one for one in _entries(app) if one.id == first["id"]]
    assert row.message_id == message_id == post(app, reply_to(mail)).json["messageId"]


def test_the_copy_in_sent_items_is_the_same_mail(app: HttpApp) -> None:
    mail = ready(app)
    reply = post(app, reply_to(mail)).json
    raw = b"".join(app.services.raw.stream(reply["mail"]))
    rebuilt = raw.replace(b"Date: ", b"Date: Tue, 24 Nov 2026 12:00:07 +0000\r\nX-Was: ")
    summary = ItemSummary("copy", app.clock.now(), send_id=reply["id"], conversation_id="c1")
    assert receive_message(app.services.raw, iter([rebuilt]), summary, CONTEXT).id == reply["mail"]
    later = ItemSummary("copy", app.clock.now(), send_id=f"{reply['id']}-2")
    assert receive_message(app.services.raw, iter([rebuilt]), later, CONTEXT).id == reply["mail"]


def test_a_send_id_counts_in_our_own_mails_alone(app: HttpApp) -> None:
    mail = ready(app)
    reply = post(app, reply_to(mail)).json
    summary = ItemSummary("forged", app.clock.now(), send_id=reply["id"])
    forged = b"From: eve@corp.example\r\nMessage-ID: <f@corp.example>\r\nSubject: x\r\n\r\nx"
    assert receive_message(app.services.raw, iter([forged]), summary, CONTEXT).id != reply["mail"]


def test_while_the_mailbox_is_off_a_reply_is_held_until_a_person_releases_it(app: HttpApp) -> None:
    mail = ready(app)
    save_mailbox(app, enabled=False)
    reply = post(app, reply_to(mail)).json
    assert (reply["state"], reply["held"], delivered(app)) == ("queued", True, [])
    assert act(app, reply["id"], "release").code == "MailboxOff"
    save_mailbox(app)
    released = act(app, reply["id"], "release").json
    assert (released["held"], delivered(app)) == (False, [reply["id"]])
    assert released["history"][-1]["by"] == "analyst@corp.example"


def test_what_is_queued_can_be_cancelled_and_what_failed_sent_again(app: HttpApp) -> None:
    mail = ready(app)
    reply = post(app, reply_to(mail)).json
    assert reply["actions"] == ["cancel"]
    assert act(app, reply["id"], "retry").code == "NotPossibleNow"
    move(app, reply["id"], to="failed")
    shown = app.call("GET", f"{REPLIES}/{reply['id']}").json
    assert shown["error"]["code"] == "ErrorSendAsDenied"
    assert shown["error"]["remedy"]
    assert shown["actions"] == ["retry"]
    assert act(app, reply["id"], "retry").json["state"] == "queued"
    assert act(app, reply["id"], "cancel").json["state"] == "cancelled"
    log = app.call("GET", "/api/config/audit").json["items"]
    actions = [one["action"] for one in log]
    assert {"reply.queued", "reply.retried", "reply.cancelled"} <= set(actions)


@pytest.mark.parametrize("sent, state", [(True, "sent"), (False, "failed"), ("again", "queued")])
def test_a_person_settles_what_is_unconfirmed(app: HttpApp, sent: object, state: str) -> None:
    mail = ready(app)
    reply = post(app, reply_to(mail)).json
    assert act(app, reply["id"], "settle", {"sent": sent}).code == "NotPossibleNow"
    move(app, reply["id"], to="unconfirmed")
    assert act(app, reply["id"], "settle", {"sent": sent}).json["state"] == state
    assert act(app, reply["id"], "settle", {"sent": "maybe"}).status == 422


def test_a_reply_belongs_to_its_incident_and_follows_it_when_that_is_merged(app: HttpApp) -> None:
    mail = ready(app)
    reply = post(app, reply_to(mail)).json
    put(app, "INC-78", "bu-fin")
    assert app.call("GET", f"/api/incidents/INC-78/replies/{reply['id']}").status == 404
    assert app.call("GET", f"{REPLIES}/{'0' * 32}").status == 404
    app.call("POST", f"/api/incidents/{INCIDENT}/merge", {"into": "INC-78"})
    relink_all(app)
    assert app.call("GET", f"/api/incidents/INC-78/replies/{reply['id']}").status == 200
    listed, cursor = [], ""
    while cursor is not None:
        page = app.call("GET", f"/api/incidents/INC-78/replies?cursor={cursor}").json
        listed += [one["id"] for one in page["items"]]
        cursor = page["nextCursor"]
    assert listed == [reply["id"]]
    merged = post(app, reply_to(mail), key="key-3")
    assert (merged.code, merged.json["mergedInto"]) == ("IncidentMerged", "INC-78")


def test_who_may_only_read_sends_nothing(app: HttpApp) -> None:
    mail = ready(app)
    assert post(app, reply_to(mail), role="viewer").code == "PermissionMissing"


def test_respond_writes_in_the_name_of_its_user(app: HttpApp) -> None:
    mail = ready(app)
    acting = {"X-Acting-User": "carla@corp.example"}
    reply = post(app, reply_to(mail), role="respond", headers=acting).json
    assert (reply["createdBy"], reply["actingFor"]) == ("Respond", "carla@corp.example")


_BAD_INPUT: list[tuple[dict[str, object], dict[str, str]]] = [
    ({"to": ["ann@fin.example\r\nBcc: eve@evil.example"]}, {"to.0": "ControlCharacter"}),
    ({"to": [{"name": "A\nB", "address": "ann@fin.example"}]}, {"to.0.name": "ControlCharacter"}),
    ({"subject": "a\r\nX-Evil: 1"}, {"subject": "ControlCharacter"}),
    ({"to": ["ann"], "cc": ["@fin.example"]}, {"to.0": "NotAnAddress", "cc.0": "NotAnAddress"}),
    ({"to": [f"a{n}@fin.example" for n in range(501)]}, {"to": "TooMany"}),
    ({"text": "", "html": " "}, {"html": "Required"}),
    ({"inReplyTo": "default." + "0" * 32}, {"inReplyTo": "UnknownMail"}),
    ({"inReplyTo": "../../x"}, {"inReplyTo": "UnknownMail"}),
    ({"inReplyTo": None}, {"inReplyTo": "Required"}),
    ({"mode": "new", "inReplyTo": None}, {"subject": "Required"}),
    ({"to": [], "cc": []}, {"to": "Required"}),
    ({"html": "<div>" * 2000 + "x"}, {"html": "TooComplex"}),
    ({"sendAfterSeconds": 61}, {"sendAfterSeconds": "LessThanEqual"}),
    ({"draft": "unknown"}, {"draft": "UnknownDraft"}),
    ({"from": "eve@evil.example"}, {"from": "UnknownField"}),
]


def test_what_cannot_be_sent_is_told_at_its_field(app: HttpApp) -> None:
    mail = ready(app)
    for fields, mistakes in _BAD_INPUT:
        answer = post(app, reply_to(mail, **fields))
        assert answer.status == 422, answer.body
        assert answer.field_codes() == mistakes
    assert delivered(app) == []


def test_five_hundred_and_international_recipients_can_be_written_to(app: HttpApp) -> None:
    mail = ready(app)
    people = [f"a{n}@fin.example" for n in range(499)]
    answer = post(app, reply_to(mail, to=people, cc=["jörg@bücher.example"], confirmRecipients=True))
    assert answer.status == 202, answer.body
    assert len(answer.json["to"]) == 499
    assert answer.json["cc"] == [{"name": "", "address": "jörg@bücher.example"}]


def test_a_body_beyond_the_limit_is_not_read(app: HttpApp) -> None:
    ready(app)
    answer = post(app, {}, headers={"content-length": str(100 * 1024 * 1024)})
    assert answer.status == 413


def test_the_mail_of_another_incident_is_not_answered_from_this_one(app: HttpApp) -> None:
    mail = ready(app)
    put(app, "INC-78", "bu-fin")
    answer = post(app, reply_to(mail), path="/api/incidents/INC-78/replies")
    assert answer.field_codes() == {"inReplyTo": "UnknownMail"}
    assert post(app, reply_to(mail), path="/api/incidents/nope/replies").status == 404


def test_the_preview_is_the_mail_that_leaves(app: HttpApp) -> None:
    mail = ready(app)
    body = reply_to(mail, mode="replyAll", html="<p>Hi <img src='cid:nope'></p>", cc=["ben@fin.example"])
    seen = post(app, body, path=f"{REPLIES}/preview").json
    assert delivered(app) == []
    reply = post(app, body).json
    left = app.services.outbox.message(reply["id"])
    assert (seen["html"], seen["text"], seen["subject"]) == (left.html, left.text, left.subject)
    assert [one["address"] for one in seen["to"] + seen["cc"]] == [
        one.address for one in (*left.to, *left.cc)
    ]
    raw = b"".join(app.services.raw.stream(reply["mail"])).decode()
    assert raw.startswith(seen["headers"])
    assert seen["droppedImages"] == ["nope"]


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def _entries(app: HttpApp) -> list[OutboxEntry]:
    return list(app.services.outbox.of_incident(INCIDENT, limit=100, cursor=None)[0])
