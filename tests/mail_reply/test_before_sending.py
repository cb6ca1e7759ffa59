"""What is asked or refused before a mail goes out, drafts with their files, and who is answering just now."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

from domain.mail import Mail
from tests.api.http_app import Answer, HttpApp
from tests.incident_mails.stored import message, store_message
from tests.incident_mails.test_tab import mail_with_token, tab
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

DRAFTS = f"{REPLIES}/drafts"


def asked(answer: Answer) -> list[str]:
    assert answer.status == 409, answer.body
    return [one["confirm"] for one in answer.json["confirmations"]]


def sending(app: HttpApp, **limits: Any) -> None:
    tag = app.call("GET", "/api/config/sending").headers["etag"]
    assert app.call("PUT", "/api/config/sending", limits, headers={"If-Match": tag}).status == 200


def upload(app: HttpApp, number: object, content: bytes, query: str = "", draft: str = "d1") -> Answer:
    return app.call(
        "PUT",
        f"{DRAFTS}/{draft}/attachments/{number}{query}",
        raw_body=content,
        role="analyst",
        headers={"content-type": "image/png"},
    )


def sent_mail(app: HttpApp, reply: Any) -> Any:
    return message_from_bytes(b"".join(app.services.raw.stream(reply["mail"])), policy=policy.default)


def test_recipients_of_no_business_unit_are_asked_about(app: HttpApp) -> None:
    mail = ready(app)
    stranger = reply_to(mail, to=["ann@fin.example", "eve@evil.example"])
    refused = post(app, stranger)
    assert asked(refused) == ["confirmRecipients"]
    assert refused.json["confirmations"][0]["about"] == ["eve@evil.example"]
    assert delivered(app) == []
    assert post(app, {**stranger, "confirmRecipients": True}).status == 202


def test_a_new_mail_goes_to_impacted_units_alone_unless_confirmed(app: HttpApp) -> None:
    ready(app)
    new = {"mode": "new", "subject": "Please look", "text": "Hello", "to": ["bo@hr.example"]}
    assert asked(post(app, new)) == ["confirmRecipients"]
    assert post(app, {**new, "to": ["bo@fin.example"]}).status == 202


def test_an_answer_to_a_mail_that_no_person_wrote_is_asked_about(
    app: HttpApp,
) -> None:
    ready(app)
    token = mail_with_token(app, INCIDENT, 2, Auto_Submitted="auto-replied")
    assert asked(post(app, reply_to(token))) == ["confirmAutoReply"]
    confirmed = reply_to(token, confirmAutoReply=True)
    assert asked(post(app, confirmed, role="respond")) == ["confirmAutoReply"]
    assert post(app, confirmed).status == 202


def test_an_unverified_sender_is_asked_about(app: HttpApp) -> None:
    ready(app)
    save_mailbox(app, authserv_id="mx.corp.example")
    failed = "mx.corp.example; dmarc=fail header.from=fin.example"
    mail = mail_with_token(app, INCIDENT, 2, Authentication_Results=failed)
    assert asked(post(app, reply_to(mail))) == ["confirmSender"]
    assert post(app, reply_to(mail, confirmSender=True)).status == 202


def test_a_mail_that_a_colleague_has_answered_is_asked_about(app: HttpApp) -> None:
    mail = ready(app)
    assert post(app, reply_to(mail), role="admin").status == 202
    refused = post(app, reply_to(mail, text="Me too"))
    assert asked(refused) == ["confirmAnswered"]
    assert refused.json["confirmations"][0]["about"] == ["admin@corp.example"]
    assert post(app, reply_to(mail, text="Me too", confirmAnswered=True)).status == 202
    assert post(app, reply_to(mail, mode="forward", to=["bo@fin.example"]), key="f").status == 202


def test_an_answer_from_outlook_counts_and_one_that_was_cancelled_does_not(app: HttpApp) -> None:
    mail = ready(app)
    cancelled = post(app, reply_to(mail), role="admin").json
    assert act(app, cancelled["id"], "cancel").status == 200
    assert post(app, reply_to(mail)).status == 202
    other = mail_with_token(app, INCIDENT, 3)
    fields = {"From": "soc@corp.example", "To": "ann@fin.example", "Message_ID": "<o@corp.example>"}
    store_message(app, message("text/plain", b"x", In_Reply_To="<3@fin.example>", **fields), minutes=9)
    assert asked(post(app, reply_to(other), key="key-2")) == ["confirmAnswered"]


def test_an_incident_sends_so_many_mails_a_minute(app: HttpApp) -> None:
    mail = ready(app)
    sending(app, maxMailsPerMinute=2)
    assert [post(app, reply_to(mail), key=f"k{n}").status for n in range(3)] == [202, 202, 429]
    app.clock.move(seconds=61)
    assert post(app, reply_to(mail), key="k3").status == 202


def test_the_switch_stops_what_is_asked_for_and_lets_nothing_be_released(app: HttpApp) -> None:
    mail = ready(app)
    sending(app, stopped=True)
    reply = post(app, reply_to(mail)).json
    assert (reply["held"], delivered(app)) == (True, [])
    assert act(app, reply["id"], "release").code == "SendingStopped"
    sending(app, stopped=False)
    assert act(app, reply["id"], "release").json["held"] is False


def test_files_of_a_draft_go_along_under_safe_names(app: HttpApp) -> None:
    mail = ready(app)
    body = {"mode": "reply", "inReplyTo": mail.id, "to": ["not yet an addr"], "html": "<p>so far"}
    assert app.call("PUT", f"{DRAFTS}/d1", body, role="analyst").status == 201
    assert upload(app, 0, b"first", "?name=..%2F..%2Fx").status == 200
    assert upload(app, 1, b"second", "?name=con").status == 200
    assert upload(app, 2, b"third", f"?name={'n' * 300}.txt").status == 200
    assert upload(app, 3, b"\x89PNG", "?name=seen.png&contentId=shot").status == 200
    assert upload(app, 0, b"first again", "?name=..%2F..%2Fx").status == 200
    draft = app.call("GET", f"{DRAFTS}/d1", role="analyst").json
    assert (draft["to"], draft["html"]) == (["not yet an addr"], "<p>so far")
    names = [one["name"] for one in draft["attachments"]]
    assert names[:2] == ["x", "_con"]
    assert len(names[2]) <= 180
    html = "<p>See <img src='cid:shot'></p>"
    reply = post(app, reply_to(mail, html=html, draft="d1", attachments=[0, 1, 3])).json
    assert app.call("DELETE", f"{DRAFTS}/d1", role="analyst").status == 204
    stored = app.services.outbox.message(reply["id"])
    assert [b"".join(app.services.contents.read(one.key)) for one in stored.attachments] == [
        b"first again",
        b"second",
    ]
    sent = sent_mail(app, reply)
    assert [one.get_filename() for one in sent.iter_attachments() if one.get_filename()] == ["x", "_con"]
    assert len(stored.inline) == 1


def test_drafts_are_their_writers_own_and_go_with_their_files(app: HttpApp) -> None:
    ready(app)
    assert app.call("PUT", f"{DRAFTS}/d1", {"text": "a"}, role="analyst").status == 201
    assert app.call("PUT", f"{DRAFTS}/d1", {"text": "b"}, role="analyst").status == 200
    upload(app, 0, b"bytes", "?name=a.txt")
    assert app.call("GET", f"{DRAFTS}/d1", role="admin").status == 404
    assert app.call("GET", DRAFTS, role="admin").json["items"] == []
    [listed] = app.call("GET", DRAFTS, role="analyst").json["items"]
    assert (listed["id"], listed["text"]) == ("d1", "b")
    assert app.call("DELETE", f"{DRAFTS}/d1/attachments/0", role="analyst").json["attachments"] == []
    assert app.call("DELETE", f"{DRAFTS}/d1", role="analyst").status == 204
    assert app.call("GET", f"{DRAFTS}/d1", role="analyst").status == 404
    assert app.call("PUT", f"{DRAFTS}/b%20d", {}, role="analyst").field_codes() == {"id": "BadDraftId"}


def test_files_have_numbers_and_at_most_25_megabytes_in_all(app: HttpApp) -> None:
    ready(app)
    app.call("PUT", f"{DRAFTS}/d1", {}, role="analyst")
    assert upload(app, "..", b"x").status in (404, 422)
    assert upload(app, 100, b"x").field_codes() == {"number": "OutOfRange"}
    assert upload(app, 0, b"x", draft="none").status == 404
    assert upload(app, 0, bytes(15 * 1024 * 1024)).status == 200
    assert upload(app, 1, bytes(11 * 1024 * 1024)).code == "AttachmentsTooLarge"
    assert upload(app, 0, bytes(11 * 1024 * 1024)).status == 200


def test_a_forward_takes_the_attachments_along(app: HttpApp) -> None:
    ready(app)
    head = b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="a.pdf"\r\n'
    raw = (
        b"From: ann@fin.example\r\nTo: soc@corp.example\r\nMessage-ID: <p@fin.example>\r\n"
        b"In-Reply-To: <1@fin.example>\r\nSubject: Re: files\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee\r\n'
        b"--b\r\n" + head + b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"
    )
    mail: Mail = store_message(app, raw, minutes=5)
    forward = {"mode": "forward", "inReplyTo": mail.id, "to": ["bo@fin.example"]}
    reply = post(app, forward)
    assert reply.status == 202, reply.body
    [file] = list(sent_mail(app, reply.json).iter_attachments())
    assert (file.get_filename(), file.get_content()) == ("a.pdf", b"hello")
    bare = post(app, {**forward, "includeAttachments": False}, key="key-2").json
    assert list(sent_mail(app, bare).iter_attachments()) == []


def test_colleagues_see_who_is_answering_for_a_minute(app: HttpApp) -> None:
    mail = ready(app)
    path = f"/api/incidents/{INCIDENT}/mails/{mail.id}/answering"
    assert app.call("PUT", path, role="viewer").code == "PermissionMissing"
    assert app.call("PUT", path.replace(mail.id, "nope"), role="analyst").status == 404
    [one] = app.call("PUT", path, role="analyst").json["items"]
    assert (one["mail"], one["by"]) == (mail.id, "analyst@corp.example")
    assert [shown["answering"] for shown in tab(app, INCIDENT)["items"]] == [["analyst@corp.example"]]
    app.clock.move(seconds=61)
    assert app.call("GET", f"{REPLIES}/answering", role="viewer").json["items"] == []
    app.call("PUT", path, role="analyst")
    assert app.call("DELETE", path, role="analyst").status == 204
    assert tab(app, INCIDENT)["items"][0]["answering"] == []


def test_the_tab_says_what_became_of_what_was_sent(app: HttpApp) -> None:
    mail = ready(app)
    reply = post(app, reply_to(mail)).json
    path = f"/api/incidents/{INCIDENT}/mails?view=flat&direction=outgoing"
    before = app.call("GET", path)
    assert before.json["items"][0]["delivery"]["state"] == "queued"
    move(app, reply["id"], to="failed")
    after = app.call("GET", path, headers={"If-None-Match": before.headers["etag"]})
    assert after.status == 200
    delivery = after.json["items"][0]["delivery"]
    assert (delivery["state"], delivery["reply"]) == ("failed", reply["id"])
    assert delivery["error"]["remedy"]
