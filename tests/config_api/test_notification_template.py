"""The Incident Notification template: placeholders listed, mistakes told where they are, previewed, reset."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.http_app import Answer, HttpApp

PATH = "/api/config/notification-template"
PREVIEW = f"{PATH}/preview"
TEMPLATE = {
    "subject": "{{incident.id}} for {{businessUnit.name}}",
    "html": "<p>{{incident.title}}</p>",
    "text": "{{incident.title}}",
}


def put(app: HttpApp, body: object, **options: Any) -> Answer:
    """Changes what is there now."""
    etag = app.call("GET", PATH).headers["etag"]
    return app.call("PUT", PATH, body, headers={"if-match": etag}, **options)


def test_the_default_is_listed_with_every_placeholder_that_may_be_used(app: HttpApp) -> None:
    answer = app.call("GET", PATH)
    assert answer.json["isDefault"] is True
    listed = {one["name"] for one in answer.json["placeholders"]}
    assert {"incident.id", "incident.title", "incident.url", "businessUnit.name", "parameterName"} <= listed
    assert all(one["description"] and one["example"] for one in answer.json["placeholders"])
    assert "{{incident.id}}" in answer.json["subject"]


def test_a_template_is_saved_under_its_etag_and_can_be_put_back(app: HttpApp) -> None:
    assert app.call("PUT", PATH, TEMPLATE).status == 428
    first = app.call("GET", PATH).headers["etag"]
    saved = app.call("PUT", PATH, TEMPLATE, headers={"if-match": first})
    assert (saved.status, saved.json["isDefault"]) == (200, False)
    assert {**saved.json, **TEMPLATE} == saved.json
    stale = app.call("PUT", PATH, TEMPLATE, headers={"if-match": first})
    assert (stale.status, stale.json["current"]["subject"]) == (412, TEMPLATE["subject"])
    assert put(app, app.call("GET", PATH).json).status == 200


def test_it_is_reset_to_the_default_and_both_are_in_the_activity_log(app: HttpApp) -> None:
    default = app.call("GET", PATH)
    saved = put(app, TEMPLATE)
    app.clock.move(seconds=1)
    assert app.call("DELETE", PATH).status == 428
    assert app.call("DELETE", PATH, headers={"if-match": default.headers["etag"]}).status == 412
    reset = app.call("DELETE", PATH, headers={"if-match": saved.headers["etag"]})
    assert (reset.status, reset.json, reset.headers["etag"]) == (200, default.json, default.headers["etag"])
    assert app.call("GET", PATH).json == default.json
    log = app.call("GET", "/api/config/audit").json["items"]
    assert [one["action"] for one in log] == ["notificationTemplate.reset", "notificationTemplate.changed"]
    assert (log[0]["before"], log[0]["after"]["subject"]) == (TEMPLATE, default.json["subject"])


@pytest.mark.parametrize(
    "change,field,code,place",
    [
        ({"html": "<p>\n <b>{{incident.number}}</b>"}, "html", "UnknownPlaceholder", (8, 2, 5)),
        ({"subject": "{{ }}"}, "subject", "UnknownPlaceholder", (0, 1, 1)),
        ({"text": "a {{incident.id"}, "text", "PlaceholderNotClosed", (2, 1, 3)),
        ({"text": "{{Incident.ID}}"}, "text", "UnknownPlaceholder", (0, 1, 1)),
        ({"html": '<a href="{{incident.title}}">x</a>'}, "html", "PlaceholderNotAnAddress", (9, 1, 10)),
        ({"html": "<p {{incident.id}}>x</p>"}, "html", "PlaceholderInTag", (3, 1, 4)),
        ({"html": "<style>{{incident.id}}</style>x"}, "html", "PlaceholderInTag", (7, 1, 8)),
        ({"html": "x<script>1</script>"}, "html", "ElementNotAllowed", (1, 1, 2)),
        ({"html": '<p onclick="x">'}, "html", "AttributeNotAllowed", (3, 1, 4)),
        ({"html": "<a href=javascript:x>y</a>"}, "html", "AttributeNotAllowed", (3, 1, 4)),
        ({"subject": " "}, "subject", "Required", (0, 1, 1)),
        ({"subject": "a\nBcc: all@corp.example"}, "subject", "ControlCharacter", (1, 1, 2)),
        ({"html": "", "text": " "}, "html", "Required", (0, 1, 1)),
        ({"text": "x" * 32_001}, "text", "TooLong", (32_000, 1, 32_001)),
    ],
)
def test_a_mistake_is_told_with_its_name_and_place_and_nothing_is_stored(
    app: HttpApp, change: dict[str, str], field: str, code: str, place: tuple[int, int, int]
) -> None:
    answer = put(app, {**TEMPLATE, **change})
    assert (answer.status, answer.field_codes()) == (422, {field: code})
    [mistake] = answer.json["mistakes"]
    assert (mistake["position"], mistake["line"], mistake["column"]) == place
    assert f"line {place[1]}, column {place[2]}" in answer.json["errors"][0]["detail"]
    assert app.call("GET", PATH).json["isDefault"] is True


def test_an_unknown_placeholder_is_named(app: HttpApp) -> None:
    answer = put(app, {**TEMPLATE, "text": "{{incident.number}}"})
    assert "{{incident.number}}" in answer.json["errors"][0]["detail"]


def test_the_preview_shows_the_saved_template_with_the_examples(app: HttpApp) -> None:
    put(app, TEMPLATE)
    preview = app.call("POST", PREVIEW, {}, role="viewer")
    assert preview.status == 200
    assert preview.json == {
        "subject": "INC-77 for Finance",
        "html": "<p>Phishing mail with a false invoice</p>",
        "text": "Phishing mail with a false invoice",
    }


def test_the_preview_of_an_unsaved_template_escapes_a_given_incident_and_stores_nothing(app: HttpApp) -> None:
    body = {
        "template": {
            "subject": "{{incident.title}}",
            "html": '<a href="{{incident.url}}">{{incident.title}}</a> {{businessUnit.name}}',
        },
        "incident": {"title": "<img src=x onerror=alert(1)>\r\nBcc: x", "url": "javascript:alert(1)"},
        "businessUnit": {"name": "R&D {{incident.id}}"},
    }
    preview = app.call("POST", PREVIEW, body).json
    assert preview["subject"] == "<img src=x onerror=alert(1)> Bcc: x"
    assert preview["html"] == (
        '<a href="">&lt;img src&#x3D;x onerror&#x3D;alert(1)&gt; Bcc: x</a> R&amp;D {{incident.id}}'
    )
    assert preview["text"] == "<img src=x onerror=alert(1)> Bcc: x R&D {{incident.id}}\n"
    assert app.call("GET", PATH).json["isDefault"] is True
    assert app.call("GET", "/api/config/audit").json["items"] == []


def test_the_preview_calls_a_unit_what_the_admin_calls_it(app: HttpApp) -> None:
    name = "/api/config/business-unit-settings"
    etag = app.call("GET", name).headers["etag"]
    app.call("PUT", name, {"parameterName": "Department"}, headers={"if-match": etag})
    preview = app.call("POST", PREVIEW, {"template": {"subject": "{{parameterName}}", "text": "x"}})
    assert preview.json["subject"] == "Department"


def test_mistakes_of_a_previewed_template_are_told_at_its_fields(app: HttpApp) -> None:
    answer = app.call("POST", PREVIEW, {"template": {"subject": "{{x}}", "text": "{{y}}"}})
    assert answer.field_codes() == dict.fromkeys(("template.subject", "template.text"), "UnknownPlaceholder")


def test_templates_are_changed_by_configurators_alone(app: HttpApp) -> None:
    assert put(app, TEMPLATE, role="viewer").status == 403
    assert app.call("DELETE", PATH, role="viewer").status == 403
    assert app.call("POST", PREVIEW, {}, role="analyst").status == 403
