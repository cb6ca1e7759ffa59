"""What the mailbox's form refuses: with a reason at the field, without a trace in storage, and before the
body is read where the caller may not write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.faults import calls
from tests.support.running_sandbox import Answer, RunningSandbox

MAILBOX = "/api/config/mailboxes/default"
MEGABYTE = 1_048_576

REFUSED = [
    ("accountType", "imap", "UnknownAccountType"),
    ("accountType", None, "WrongType"),
    ("port", 0, "PortOutOfRange"),
    ("port", 65_536, "PortOutOfRange"),
    ("port", "443", "WrongType"),
    ("authenticationType", "kerberos", "UnknownAuthenticationType"),
    ("authenticationType", 2, "WrongType"),
    ("email", "soc", "NotAnAddress"),
    ("email", "soc@corp.example\r\nBcc: x@y.example", "NotAnAddress"),
    ("email", ["soc@corp.example"], "WrongType"),
    ("secretKey", "", "BadSecret"),
    ("secretKey", "line\nbreak", "BadSecret"),
    ("secretKey", 7, "WrongType"),
    ("incomingServer", "https://user:pw@mail.corp.example", "UserInfoNotAllowed"),
    ("incomingServer", "169.254.169.254", "AddressNotAllowed"),
    ("incomingServer", {"host": "mail"}, "WrongType"),
    ("appId", "4f1c", "NotAGuid"),
    ("appId", 4, "WrongType"),
    ("tenantId", "common", "NotATenant"),
    ("tenantId", False, "WrongType"),
    ("sslEncrypted", False, "ConfirmationNeeded"),
    ("sslEncrypted", "yes", "WrongType"),
    ("nickname", "x", "UnknownField"),
]


def refused(sandbox: RunningSandbox, answer: Answer, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem details of a refusal; nothing was stored by it."""
    assert answer.status == status, answer.body[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = dict(answer.json)
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["correlationId"]
    assert code in (None, problem["code"])
    assert sandbox.call("GET", MAILBOX).status == 404
    return problem


@pytest.fixture(scope="module")
def settings(sandbox: RunningSandbox) -> dict[str, Any]:
    """The form that is taken."""
    return dict(json.loads(sandbox.command("settings")))


@pytest.mark.parametrize("field, value, code", REFUSED)
def test_each_field_is_refused_with_a_reason_at_the_field(
    sandbox: RunningSandbox, settings: dict[str, Any], field: str, value: object, code: str
) -> None:
    answer = sandbox.call("PUT", MAILBOX, {**settings, field: value})

    [mistake] = refused(sandbox, answer, 422, "ValidationFailed")["errors"]
    assert (mistake["field"], mistake["code"]) == (field, code)
    assert mistake["detail"]


@pytest.mark.parametrize("kind", ["basic", "ntlm"])
def test_microsoft_365_takes_neither_basic_nor_ntlm(
    sandbox: RunningSandbox, settings: dict[str, Any], kind: str
) -> None:
    server = {"incomingServer": "outlook.office365.com", "port": 443}
    answer = sandbox.call("PUT", MAILBOX, {**settings, **server, "authenticationType": kind})

    mistakes = refused(sandbox, answer, 422, "ValidationFailed")["errors"]
    assert ("authenticationType", "NotForMicrosoft365") in [(one["field"], one["code"]) for one in mistakes]


def test_every_mistake_is_told_at_once(sandbox: RunningSandbox) -> None:
    answer = sandbox.call("PUT", MAILBOX, {field: 1.5 for field, _, _ in REFUSED})

    problem = refused(sandbox, answer, 422, "ValidationFailed")
    assert {mistake["field"] for mistake in problem["errors"]} == {field for field, _, _ in REFUSED}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'email': 1}",
        b'{"email": NaN}',
        b'{"port": 1e999}',
        b"\xff\xfe{}",
        b'{"email": "\\ud800"}',
        b"[" * 30_000,
        b'{"email": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b"1" * 5_000,
        b'{"port": ' + b"9" * 5_000 + b"}",
        b"null",
        b"[]",
        b'"text"',
        b"",
        b" \r\n",
    ],
    ids=lambda body: repr(bytes(body[:16])),
)
def test_what_is_no_json_object_is_refused(sandbox: RunningSandbox, body: bytes) -> None:
    answer = sandbox.call("PUT", MAILBOX, body)

    assert answer.status in (400, 422)
    refused(sandbox, answer, answer.status)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "",
        "application/json; charset=utf-16",
    ],
)
def test_what_is_not_sent_as_json_is_refused(
    sandbox: RunningSandbox, settings: dict[str, Any], content_type: str
) -> None:
    answer = sandbox.call("PUT", MAILBOX, settings, headers={"Content-Type": content_type})

    refused(sandbox, answer, 415, "UnsupportedMediaType")


def test_a_body_of_1_mb_is_refused(sandbox: RunningSandbox, settings: dict[str, Any]) -> None:
    answer = sandbox.call("PUT", MAILBOX, {**settings, "email": "a" * MEGABYTE})

    assert refused(sandbox, answer, 413, "BodyTooLarge")["limitBytes"] < MEGABYTE


@pytest.mark.parametrize(
    "role, status", [(None, 401), ("none", 403), ("viewer", 403), ("analyst", 403), ("respond", 403)]
)
@pytest.mark.parametrize("body", [b"{" + b" " * MEGABYTE, b"no json"], ids=["1 MB", "no JSON"])
def test_who_may_not_write_is_refused_before_the_body_is_looked_at(
    sandbox: RunningSandbox, role: str | None, status: int, body: bytes
) -> None:
    answer = sandbox.call("PUT", MAILBOX, body, role=role, headers={"Content-Type": "text/plain"})

    refused(sandbox, answer, status, "NotSignedIn" if status == 401 else "PermissionMissing")


@pytest.mark.parametrize(
    "path, method, body",
    [
        (f"{MAILBOX}/folders", "PUT", {"folders": "Inbox"}),
        (f"{MAILBOX}/folders", "PUT", {"folders": [], "more": 1}),
        ("/api/config/business-units", "POST", {"name": 7}),
        ("/api/config/business-units", "POST", {"name": "HR", "domains": ["not a domain"]}),
        ("/api/config/business-units", "POST", {"name": "HR", "nickname": "x"}),
    ],
)
def test_other_forms_refuse_unknown_fields_and_wrong_types(
    sandbox: RunningSandbox, path: str, method: str, body: dict[str, Any]
) -> None:
    answer = sandbox.call(method, path, body)

    assert answer.status in (404, 422), answer.body
    refused(sandbox, answer, answer.status)
    assert sandbox.call("GET", "/api/config/business-units").json["items"] == []


def test_after_all_of_this_no_secret_was_stored_and_the_form_is_taken(
    sandbox: RunningSandbox, settings: dict[str, Any]
) -> None:
    assert "SetSecret" not in calls(sandbox, "keyvault")
    assert sandbox.call("PUT", MAILBOX, settings).status == 201
    assert sandbox.call("GET", MAILBOX).status == 200
