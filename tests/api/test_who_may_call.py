"""Every route declares who may call it, and refuses everybody else before a byte of the body is read."""

from __future__ import annotations

import base64
import json

import pytest
from fastapi import APIRouter

from api.application import create_app
from api.permissions import MissingPermissionError, Permission, access_of, needs
from api.settings import ApiSettings
from tests.api.http_app import HttpApp, principal
from tests.api.routes import probe_app, raw_request

JSON = {"content-type": "application/json"}


def test_a_route_without_a_permission_is_not_built(app: HttpApp) -> None:
    router = APIRouter()

    @router.get("/api/forgotten")
    def forgotten() -> None: ...

    with pytest.raises(MissingPermissionError, match="forgotten"):
        create_app(app.services, [router], ApiSettings(authentication_on=True))


def test_routes_that_the_permission_check_cannot_see_are_not_built(app: HttpApp) -> None:
    outer = APIRouter()
    inner = APIRouter()

    @inner.get("/api/inner")
    @needs(Permission.SIGNED_IN)
    def inside() -> None: ...

    outer.include_router(inner)
    with pytest.raises(TypeError):
        create_app(app.services, [outer], ApiSettings(authentication_on=True))


def test_only_liveness_description_and_docs_are_open(app: HttpApp) -> None:
    document = app.call("GET", "/api/openapi.json", role=None).json
    open_paths = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if operation["security"] == []
    }
    assert open_paths == {"/api/health", "/api/openapi.json", "/api/docs"}
    for path in open_paths:
        assert app.call("GET", path, role=None).status == 200


def test_every_documented_route_refuses_who_is_not_signed_in(app: HttpApp) -> None:
    document = app.call("GET", "/api/openapi.json", role=None).json
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["security"]:
                answer = app.call(method.upper(), path.replace("{", "").replace("}", ""), role=None)
                assert (answer.status, answer.code) == (401, "NotSignedIn"), f"{method} {path}"
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "role,method,path,status",
    [
        ("none", "GET", "/api/triage", 403),
        ("editor", "GET", "/api/triage", 403),
        ("viewer", "GET", "/api/triage", 200),
        ("respond", "GET", "/api/triage", 200),
        ("analyst", "GET", "/api/config/business-units", 403),
        ("viewer", "GET", "/api/config/business-units", 200),
        ("viewer", "POST", "/api/config/business-units", 403),
        ("viewer", "PUT", "/api/config/mailboxes/default", 403),
        ("viewer", "PUT", "/api/config/mailboxes/default/folders", 403),
        ("viewer", "POST", "/api/config/mailboxes/default/sync", 403),
        ("respond", "PUT", "/api/config/mailboxes/default", 403),
        ("none", "GET", "/api/me", 200),
    ],
)
def test_roles_decide(app: HttpApp, role: str, method: str, path: str, status: int) -> None:
    answer = app.call(method, path, role=role)
    assert answer.status == status
    if status == 403:
        assert answer.code == "PermissionMissing"


@pytest.mark.parametrize("who", [None, "viewer"])
def test_refused_before_the_body_is_read(app: HttpApp, who: str | None) -> None:
    calls: list[str] = []
    headers = {**JSON, "authorization": "Bearer x"}
    if who:
        headers["x-ms-client-principal"] = principal(who)
    chunks = [b'{"countOf', b'Things": 1}']
    status, _, _, read = raw_request(probe_app(app, calls), "PUT", "/api/probe", headers, chunks)
    assert (status, read, calls) == (403 if who else 401, 0, [])


def test_without_authentication_every_request_is_refused_and_health_says_so(app: HttpApp) -> None:
    app.authentication = False
    for path in ("/api/me", "/api/triage", "/api/config/mailboxes/default", "/ui/", "/nothing"):
        assert app.call("GET", path).status == 401, path
    assert app.call("GET", "/api/me").code == "AuthenticationOff"
    health = app.call("GET", "/api/health", role=None)
    assert (health.status, health.json["authentication"]) == (200, "off")


@pytest.mark.parametrize(
    "environment,on",
    [
        ({"WEBSITE_AUTH_ENABLED": "True", "AUTHENTICATION_REQUIRED": "true"}, True),
        ({"WEBSITE_AUTH_ENABLED": "True"}, False),
        ({"AUTHENTICATION_REQUIRED": "true"}, False),
        ({"WEBSITE_AUTH_ENABLED": "False", "AUTHENTICATION_REQUIRED": "true"}, False),
        ({}, False),
    ],
)
def test_the_header_is_trusted_only_where_platform_and_deployment_say_so(
    environment: dict[str, str], on: bool
) -> None:
    assert ApiSettings.from_environment(environment).authentication_on is on


@pytest.mark.parametrize(
    "value",
    [
        "not base64!",
        base64.b64encode(b"not json").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"claims": 7}').decode(),
        base64.b64encode(b'{"claims": []}').decode(),
        base64.b64encode(b"[" * 20_000).decode(),
        "A" * 70_000,
    ],
)
def test_a_principal_that_cannot_be_read_is_nobody(app: HttpApp, value: str) -> None:
    answer = app.call("GET", "/api/me", headers={"x-ms-client-principal": value})
    assert (answer.status, answer.code) == (401, "PrincipalUnreadable")


def test_two_principals_are_none(app: HttpApp) -> None:
    both = f"{principal('none')},{principal('admin')}"
    assert app.call("GET", "/api/me", headers={"x-ms-client-principal": both}).status == 401


def test_roles_in_other_claims_count_for_nothing(app: HttpApp) -> None:
    header = principal("none", [("groups", "Configurations.Read"), ("role", "Configurations.Read")])
    answer = app.call("GET", "/api/config/business-units", headers={"x-ms-client-principal": header})
    assert answer.status == 403


def test_me_says_who_and_what(app: HttpApp) -> None:
    me = app.call("GET", "/api/me", role="viewer").json
    assert (me["name"], me["kind"]) == ("viewer@corp.example", "user")
    assert me["permissions"] == ["BusinessUnitMails.Read", "Configurations.Read"]
    application = app.call("GET", "/api/me", role="respond").json
    assert (application["name"], application["kind"]) == ("Respond", "application")


def test_me_says_what_a_business_unit_is_called_to_those_who_may_not_read_the_settings(app: HttpApp) -> None:
    names = app.call("GET", "/api/me", role="none").json["businessUnitNames"]
    assert names["tabName"] == "Business Unit Mails"
    path = "/api/config/business-unit-settings"
    etag = {"if-match": app.call("GET", path).headers["etag"]}
    assert app.call("PUT", path, {"parameterName": "Department"}, headers=etag).status == 200
    assert app.call("GET", path, role="none").status == 403
    assert app.call("GET", "/api/me", role="none").json["businessUnitNames"] == {
        "parameterName": "Department",
        "parameterNamePlural": "Departments",
        "tabName": "Department Mails",
    }


def test_an_application_with_act_as_names_the_acting_user_and_nobody_else_may(app: HttpApp) -> None:
    acting = {"x-acting-user": "Ann Ivić"}
    assert app.call("GET", "/api/me", role="respond", headers=acting).json["actingFor"] == "Ann Ivić"
    assert app.call("GET", "/api/me", role="admin", headers=acting).code == "ActAsNotAllowed"
    as_person = {"x-ms-client-principal": principal("admin", [("roles", "ActAs")]), **acting}
    assert app.call("GET", "/api/me", headers=as_person).code == "ActAsNotAllowed"
    bad = {"x-acting-user": "x" * 300}
    assert app.call("GET", "/api/me", role="respond", headers=bad).code == "BadActingUser"


def test_a_write_by_cookie_needs_the_token_of_the_session(app: HttpApp) -> None:
    cookie = {"authorization": "", "cookie": "ARRAffinity=1; AppServiceAuthSession=abc"}
    headers = {name: value for name, value in cookie.items() if value}
    unit = json.dumps({"name": "Finance"}).encode()

    def write(**extra: str) -> int:
        sent = {**JSON, "x-ms-client-principal": principal("admin"), **headers, **extra}
        return app.call("POST", "/api/config/business-units", role=None, headers=sent, raw_body=unit).status

    me = app.call(
        "GET", "/api/me", role=None, headers={"x-ms-client-principal": principal("admin"), **headers}
    )
    token = me.json["csrf"]
    assert token["header"] == "X-CSRF-Token"
    assert write() == 403
    assert write(**{"x-csrf-token": "guess"}) == 403
    assert write(**{"x-csrf-token": token["token"], "cookie": "AppServiceAuthSession=other"}) == 403
    assert write(**{"x-csrf-token": token["token"]}) == 201


def test_needs_is_what_access_of_reads() -> None:
    @needs(Permission.MAILS_REPLY, page=True)
    def endpoint() -> None: ...

    access = access_of(endpoint)
    assert (access.permission, access.page) == (Permission.MAILS_REPLY, True)


def test_the_activity_log_keeps_the_application_and_whom_it_acts_for(app: HttpApp) -> None:
    application = principal("respond", [("roles", "BusinessUnits.Update")])
    headers = {"x-ms-client-principal": application, "authorization": "Bearer x", "x-acting-user": "Ann Ivić"}
    made = app.call("POST", "/api/config/business-units", {"name": "F"}, role=None, headers=headers)
    assert made.status == 201
    [entry] = app.call("GET", "/api/config/audit").json["items"]
    assert (entry["actor"], entry["actingFor"]) == ("Respond", "Ann Ivić")
    person = {**headers, "x-ms-client-principal": principal("admin", [("roles", "ActAs")])}
    refused = app.call("POST", "/api/config/business-units", {"name": "G"}, role=None, headers=person)
    assert (refused.status, refused.code) == (403, "ActAsNotAllowed")
    assert len(app.call("GET", "/api/config/audit").json["items"]) == 1
