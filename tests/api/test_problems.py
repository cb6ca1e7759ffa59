"""Whatever is refused or fails is answered as problem details with a stable code; nothing leaks."""

from __future__ import annotations

import pytest

from api.ranges import MAX_ANSWER_BYTES
from tests.api.http_app import HttpApp, principal
from tests.api.routes import probe_app, raw_request

UNITS = "/api/config/business-units"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "body,content_type,status,code",
    [
        (b"{", "application/json", 400, "BadJson"),
        (b"\xff\xfe{}", "application/json", 400, "BadJson"),
        (b"[" * 60_000, "application/json", 400, "BadJson"),
        (b"1" * 60_000, "application/json", 400, "BadJson"),
        (b"  ", "application/json", 400, "BodyMissing"),
        (b"", "application/json", 400, "BodyMissing"),
        (b"[]", "application/json", 422, "ValidationFailed"),
        (b'"text"', "application/json", 422, "ValidationFailed"),
        (b"null", "application/json", 422, "ValidationFailed"),
        (b'{"name": NaN}', "application/json", 422, "ValidationFailed"),
        (b'{"name": "F"}', "text/plain", 415, "UnsupportedMediaType"),
        (b'{"name": "F"}', "application/x-www-form-urlencoded", 415, "UnsupportedMediaType"),
        (b'{"name": "F"}', "application/json; charset=utf-16", 415, "UnsupportedMediaType"),
        (b'{"name": "F"}', "", 415, "UnsupportedMediaType"),
        (b'{"name": "' + b"x" * 1_048_576 + b'"}', "application/json", 413, "BodyTooLarge"),
    ],
)
def test_bad_bodies_are_refused_and_nothing_is_stored(
    app: HttpApp, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = app.call("POST", UNITS, raw_body=body, headers={"content-type": content_type})
    assert (answer.status, answer.code) == (status, code)
    assert app.call("GET", UNITS).json["items"] == []


def test_json_with_charset_is_json(app: HttpApp) -> None:
    headers = {"content-type": "Application/JSON; charset=UTF-8"}
    assert app.call("POST", UNITS, raw_body=b'{"name": "F"}', headers=headers).status == 201


def test_a_body_that_lies_about_its_length_is_cut_off(app: HttpApp) -> None:
    headers = {
        **JSON,
        "authorization": "x",
        "x-ms-client-principal": principal("admin"),
        "content-length": "5",
    }
    calls: list[str] = []
    chunks = [b"x" * 60] * 10
    status, _, body, read = raw_request(probe_app(app, calls), "PUT", "/api/probe", headers, chunks)
    assert (status, read, calls) == (413, 2, [])
    assert b"BodyTooLarge" in body


def test_problem_details_have_their_members(app: HttpApp) -> None:
    answer = app.call("GET", "/api/config/business-units/none")
    assert answer.status == 404
    body = answer.json
    assert body["type"] == "urn:respond-mailbox:problem:NotFound"
    assert (body["title"], body["status"], body["code"]) == ("Not Found", 404, "NotFound")
    assert body["detail"]
    assert body["correlationId"]


@pytest.mark.parametrize(
    "method,path,status,code",
    [
        ("GET", "/api/nothing", 404, "NotFound"),
        ("GET", "/api/triage/", 404, "NotFound"),
        ("DELETE", "/api/config/mailboxes", 405, "MethodNotAllowed"),
        ("OPTIONS", "/api/triage", 405, "MethodNotAllowed"),
        ("PATCH", "/api/config/business-units/x", 405, "MethodNotAllowed"),
    ],
)
def test_unknown_addresses_and_methods_are_problems_too(
    app: HttpApp, method: str, path: str, status: int, code: str
) -> None:
    answer = app.call(method, path)
    assert (answer.status, answer.code) == (status, code)
    if status == 405:
        assert "GET" in answer.headers["allow"]


def test_head_answers_as_get_without_a_body(app: HttpApp) -> None:
    get, head = app.call("GET", "/api/health"), app.call("HEAD", "/api/health")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))
    assert app.call("HEAD", "/api/nothing").status == 404


def test_the_unforeseen_is_answered_without_its_words(app: HttpApp, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"x-ms-client-principal": principal("admin")}
    status, found, body, _ = raw_request(probe_app(app, []), "GET", "/api/broken", headers, [b""])
    assert status == 500
    assert found["content-type"] == "application/problem+json"
    assert b"InternalError" in body
    assert b"s3cret" not in body
    assert "unforeseen failure" in caplog.text


def test_every_answer_forbids_sniffing_caching_and_framing_by_default(app: HttpApp) -> None:
    for path in ("/api/health", "/api/nothing", "/api/me"):
        headers = app.call("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_bad_parameters_are_told_by_name(app: HttpApp) -> None:
    assert app.call("GET", "/api/triage?limit=0").field_codes().keys() == {"limit"}
    assert app.call("GET", "/api/triage?limit=101").field_codes().keys() == {"limit"}
    assert app.call("GET", "/api/triage?limit=many").field_codes().keys() == {"limit"}
    assert app.call("GET", "/api/triage?cursor=nonsense").field_codes() == {"cursor": "BadCursor"}


def test_docs_page_loads_nothing_and_names_every_route(app: HttpApp) -> None:
    answer = app.call("GET", "/api/docs", role=None)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = answer.body.decode()
    assert "<script" not in page
    assert " src=" not in page
    for path in app.call("GET", "/api/openapi.json", role=None).json["paths"]:
        assert path in page


def test_one_answer_is_at_most_30_mb() -> None:
    assert MAX_ANSWER_BYTES == 30 * 1024 * 1024
