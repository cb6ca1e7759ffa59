"""A body is safe to show whatever it holds: sanitised, framed by a strict policy, and never an error."""

from __future__ import annotations

import time

import pytest

from api.sanitise import sanitise_html
from tests.api.http_app import Answer, HttpApp
from tests.incident_mails.stored import message, store_message, with_parts

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>1</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' &#106;avascript:alert(1)'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<form action='https://evil.example'><input name=a><button>go</button></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>@import url(https://evil.example/x.css);</style>",
    "<div style='background:url(https://evil.example/x)'>x</div>",
    "<div style='background-color:red;width:expression(alert(1))'>x</div>",
    "<div style='behavior:url(#x);-moz-binding:url(https://evil.example)'>x</div>",
    "<object data='https://evil.example'></object><embed src='https://evil.example'>",
    "<video src='https://evil.example/v' poster='https://evil.example/p'></video>",
    "<img srcset='https://evil.example/a 1x'>",
    "<table background='https://evil.example/b'><tr><td>x</table>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<img src='//evil.example/a.png'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--[if mso]><script>alert(1)</script><![endif]-->",
    "<template><script>alert(1)</script></template>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
]
FORBIDDEN = (
    "<script",
    "onerror",
    "onload",
    "javascript:",
    "<iframe",
    "<form",
    "<input",
    "<meta",
    "<base",
    "<link",
    "<style",
    "url(",
    "expression",
    "behavior",
    "<object",
    "<embed",
    "<video",
    "srcset",
    "<svg",
    "evil.example",
)


@pytest.mark.parametrize("markup", HOSTILE)
def test_nothing_that_acts_or_loads_is_left(markup: str) -> None:
    safe = sanitise_html(f"<p>before</p>{markup}<p>after</p>", images={}, remote_images=False)
    assert safe is not None
    assert "before" in safe.html
    assert not [word for word in FORBIDDEN if word in safe.html.lower()]


def test_ordinary_mail_keeps_its_looks() -> None:
    markup = '<table border="1"><tr><td style="color:red;position:fixed" colspan="2">x</td></tr></table>'
    safe = sanitise_html(markup, images={}, remote_images=False)
    assert safe is not None
    assert 'colspan="2"' in safe.html
    assert "color:red" in safe.html.replace(" ", "")
    assert "position" not in safe.html


def test_links_open_elsewhere_and_tell_nothing() -> None:
    safe = sanitise_html('<a href="https://a.example/x">x</a>', images={}, remote_images=False)
    assert safe is not None
    assert 'rel="noopener noreferrer"' in safe.html
    assert 'target="_blank"' in safe.html


@pytest.mark.parametrize(
    "unit",
    [
        "<div>",
        "<b>",
        "<table><tr><td>",
        "<blockquote><p>",
        "<x-y>",
        "<o:p>",
        "<",
        "<a",
        "<div><img alt='></div>'>",
    ],
)
def test_deep_markup_costs_no_time(unit: str) -> None:
    for times in (29_000 // max(1, unit.count("<")), 100_000):
        begun = time.process_time()
        sanitise_html(unit * times, images={}, remote_images=False)
        assert time.process_time() - begun < 5


def test_unclosed_formatting_does_not_multiply() -> None:
    fonts = "".join(f"<font color=c{number}>" for number in range(300))
    safe = sanitise_html("<p>" + fonts + "<p>x" * 5_000, images={}, remote_images=False)
    assert safe is not None
    assert len(safe.html) < 200_000


def test_formatting_survives_under_its_own_names() -> None:
    markup = '<B>bold</B> <font color="red">red</font> <em title="<b>">x</em>'
    safe = sanitise_html(markup, images={}, remote_images=False)
    assert safe is not None
    assert safe.html == '<b>bold</b> <font color="red">red</font> <em title="&lt;b&gt;">x</em>'


def html_body(app: HttpApp, markup: str, query: str = "") -> Answer:
    mail = store_message(app, message("text/html; charset=utf-8", markup.encode()))
    return app.call("GET", f"/api/triage/{mail.id}/body{query}")


def test_html_is_shown_sanitised_under_a_policy_of_its_own(app: HttpApp) -> None:
    answer = html_body(app, "<p>Hé<script>alert(1)</script></p>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<p>Hé</p>" in answer.body.decode()
    assert "<script" not in answer.body.decode()
    policy = answer.headers["content-security-policy"]
    for directive in (
        "default-src 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox",
        "frame-ancestors 'self' https://respond.corp.example",
    ):
        assert directive in policy
    assert "allow-scripts" not in policy
    assert "https:" not in policy.replace("https://respond.corp.example", "")


def test_remote_images_are_left_out_and_counted_unless_asked_for(app: HttpApp) -> None:
    markup = "<img src='https://x.example/1.png'><img src='http://x.example/2.png'><img src='//x.example/3'>"
    blocked = html_body(app, markup)
    assert "x.example" not in blocked.body.decode()
    assert blocked.headers["x-blocked-images"] == "3"

    shown = html_body(app, markup, "?remoteImages=1")
    assert "https://x.example/1.png" in shown.body.decode()
    assert "http://x.example/2.png" not in shown.body.decode()
    assert " https:" in shown.headers["content-security-policy"]
    assert shown.headers["referrer-policy"] == "no-referrer"


def test_inline_images_are_served_from_the_mail_itself(app: HttpApp) -> None:
    raw = with_parts(
        ("Content-Type: text/html", b"<img src='cid:logo@x'><img src='cid:none'>"),
        (
            "Content-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64",
            b"iVBORw0K",
        ),
        subtype="related",
    )
    mail = store_message(app, raw)
    answer = app.call("GET", f"/api/triage/{mail.id}/body")
    path = f"/api/triage/{mail.id}/attachments/0"
    assert f'src="{path}"' in answer.body.decode()
    assert "cid:" not in answer.body.decode()
    policy = answer.headers["content-security-policy"]
    assert f"img-src app.corp.example/api/triage/{mail.id}/attachments/ data:" in policy
    image = app.call("GET", path)
    assert (image.body, image.headers["content-type"]) == (b"\x89PNG\r\n", "image/png")
    assert image.headers["content-disposition"].startswith("inline")


def test_a_strange_host_header_does_not_reach_the_policy(app: HttpApp) -> None:
    mail = store_message(app, message("text/html", b"<p>x"))
    answer = app.call("GET", f"/api/triage/{mail.id}/body", headers={"host": "x.example; script-src *"})
    assert "script-src" not in answer.headers["content-security-policy"]


def test_plain_text_and_headers_are_shown_as_text(app: HttpApp) -> None:
    raw = with_parts(
        ("Content-Type: text/plain; charset=iso-8859-1", b"1 < 2 & gr\xfcn"),
        ("Content-Type: text/html", b"<p>html"),
        subtype="alternative",
    )
    mail = store_message(app, raw)
    path = f"/api/triage/{mail.id}/body"
    assert "1 &lt; 2 &amp; grün" in app.call("GET", f"{path}?part=text").body.decode()
    assert "<p>html</p>" in app.call("GET", path).body.decode()
    assert "Message-ID: &lt;1@fin.example&gt;" in app.call("GET", f"{path}?part=headers").body.decode()
    assert app.call("GET", f"{path}?part=other").field_codes().keys() == {"part"}


def test_text_is_made_of_html_where_there_is_nothing_else(app: HttpApp) -> None:
    mail = store_message(app, message("text/html", b"<p>only <b>html</b>"))
    shown = app.call("GET", f"/api/triage/{mail.id}/body?part=text").body.decode()
    assert "only html" in shown


def test_programs_get_the_body_as_json(app: HttpApp) -> None:
    mail = store_message(app, message("text/plain", b"text"))
    headers = {"accept": "application/json"}
    body = app.call("GET", f"/api/triage/{mail.id}/body", headers=headers).json
    assert (body["text"], body["html"], body["problem"]) == ("text", None, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\x00\xff" * 500,
        b"Content-Type: multipart/mixed; boundary=x\n\n",
        b"Content-Type: text/html; charset=nonsense\n\n\xff\xfe<p>",
        b"Content-Type: text/html; charset=utf-7\n\n+ADw-script+AD4-",
        b"Content-Transfer-Encoding: base64\n\n!!!!",
        b"Content-Type: image/png\n\nx",
    ],
)
def test_malformed_mails_are_shown_as_far_as_they_go(app: HttpApp, raw: bytes) -> None:
    mail = store_message(app, raw)
    for part in ("", "?part=html", "?part=text", "?part=headers"):
        answer = app.call("GET", f"/api/triage/{mail.id}/body{part}")
        assert answer.status == 200
        assert "<script" not in answer.body.decode()


def test_a_raw_message_that_storage_has_lost_is_said_so(app: HttpApp) -> None:
    mail = store_message(app, message("text/plain", b"text"))
    blobs = app.services.raw._connection.container("mails")  # type: ignore[attr-defined]  # behind the port
    blobs.delete_blob(f"default/{mail.id.partition('.')[2]}.eml")
    assert b"not in storage" in app.call("GET", f"/api/triage/{mail.id}/body").body
