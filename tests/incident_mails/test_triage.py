"""Triage lists what arrived, newest first, and shows each mail as far as it goes."""

from __future__ import annotations

from tests.api.http_app import HttpApp
from tests.incident_mails.stored import message, store_message, store_unreadable, with_parts


def test_mails_are_listed_newest_first_in_pages(app: HttpApp) -> None:
    for number in range(5):
        store_message(app, message("text/plain", b"x", Message_ID=f"<{number}@fin.example>"), minutes=number)

    first = app.call("GET", "/api/triage?limit=3").json
    second = app.call("GET", f"/api/triage?limit=3&cursor={first['nextCursor']}").json

    ids = [one["internetMessageId"] for one in first["items"] + second["items"]]
    assert ids == [f"<{number}@fin.example>" for number in (4, 3, 2, 1, 0)]
    assert second["nextCursor"] is None


def test_triage_is_filtered_by_unit(app: HttpApp) -> None:
    store_message(app, message("text/plain", b"x"))
    store_message(app, message("text/plain", b"x", From="ivo@hr.example", Message_ID="<2@hr.example>"))
    found = app.call("GET", "/api/triage?unit=bu-hr").json["items"]
    assert [one["businessUnit"] for one in found] == ["bu-hr"]


def test_a_mail_is_shown_with_all_its_members(app: HttpApp) -> None:
    raw = with_parts(
        ("Content-Type: text/plain; charset=utf-8", "Grüße,\r\n  Ann".encode()),
        ('Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="a.pdf"', b"%PDF-1.4"),
        ("Content-Type: image/png\r\nContent-Disposition: inline\r\nContent-ID: <i1>", b"PNG"),
    )
    mail = store_message(app, raw)

    shown = app.call("GET", f"/api/triage/{mail.id}").json

    assert shown.pop("history")
    assert shown == app.call("GET", "/api/triage").json["items"][0]
    assert shown["id"] == mail.id
    assert shown["from"] == {"name": "Ann", "address": "ann@fin.example"}
    assert shown["to"] == [{"name": "", "address": "soc@corp.example"}]
    assert shown["cc"] == []
    assert shown["preview"] == "Grüße, Ann"
    assert (shown["direction"], shown["kind"], shown["read"]) == ("incoming", "mail", False)
    assert shown["receivedAt"] == "2026-11-24T09:00:00Z"
    assert (shown["link"], shown["candidates"], shown["senderVerified"]) == (None, [], "unknown")
    assert shown["hasAttachments"] is True
    assert shown["attachments"] == [
        {"name": "a.pdf", "contentType": "application/pdf", "size": 8, "inline": False, "dangerous": False},
        {
            "name": "attachment-2.png",
            "contentType": "image/png",
            "size": 3,
            "inline": True,
            "dangerous": False,
        },
    ]
    assert shown["problem"] is None


def test_a_mail_that_could_not_be_read_is_shown_with_its_reason(app: HttpApp) -> None:
    mail = store_unreadable(app, "ErrorItemNotFound")

    assert app.call("GET", f"/api/triage/{mail.id}").json["problem"]["code"] == "ErrorItemNotFound"
    body = app.call("GET", f"/api/triage/{mail.id}/body")
    assert body.status == 200
    assert b"could not be read (ErrorItemNotFound)" in body.body
    assert app.call("GET", f"/api/triage/{mail.id}/raw").code == "RawMessageMissing"


def test_what_is_not_stored_is_not_found(app: HttpApp) -> None:
    for path in ("x", "default.0123", "default.0123/body", "default.0123/raw", "default.0123/attachments/0"):
        assert app.call("GET", f"/api/triage/{path}").code == "NotFound"
    assert app.call("GET", "/api/triage/" + "x" * 300).status == 404


def test_pages_list_the_mails_and_lead_to_everything_else(app: HttpApp) -> None:
    mail = store_message(app, message("text/plain", b"x", Subject="<b>Hi</b> & co"))

    page = app.call("GET", "/ui/")
    assert page.status == 200
    assert "&lt;b&gt;Hi&lt;/b&gt; &amp; co" in page.body.decode()
    assert f"/ui/mails/{mail.id}" in page.body.decode()
    assert "/api/docs" in page.body.decode()
    assert "script-src" not in page.headers["content-security-policy"]
    assert "https://respond.corp.example" in page.headers["content-security-policy"]

    one = app.call("GET", f"/ui/mails/{mail.id}").body.decode()
    assert f'src="/api/triage/{mail.id}/body"' in one
    assert "allow-scripts" not in one
    assert f"/api/triage/{mail.id}/raw" in one
    assert app.call("GET", "/ui/static/pages.css").headers["content-type"].startswith("text/css")
    assert app.call("GET", "/ui/mails/none").status == 404


def test_pages_show_the_way_to_sign_in_and_what_may_not_be_seen(app: HttpApp) -> None:
    out = app.call("GET", "/ui/", role=None)
    assert out.status == 401
    assert 'href="/.auth/login/aad?post_login_redirect_uri=%2Fui%2F"' in out.body.decode()
    store_message(app, message("text/plain", b"x", Subject="Hidden"))
    other = app.call("GET", "/ui/", role="editor")
    assert other.status == 200
    assert "Hidden" not in other.body.decode()
    assert app.call("GET", "/ui/mails/x", role="editor").status == 403
