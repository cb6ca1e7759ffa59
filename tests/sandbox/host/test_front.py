"""The front tells the app who called as App Service does, and lets no caller say so himself."""

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.state import SIGN_IN_AUDIENCE
from sandbox.tokens import TokenKeys
from tests.sandbox.host.host_process import APPS, TENANT_ID, Answer, HostProcess, running_host
from tests.support.azurite import RunningAzurite

ECHO = "/api/echo/"
LOGIN = "/.auth/login/aad"
SPOOFED = (
    "X-MS-CLIENT-PRINCIPAL",
    "x-ms-client-principal-id",
    "X_MS_CLIENT_PRINCIPAL",
    "x-ms_client-principal-name",
    "X-MS-TOKEN-AAD-ID-TOKEN",
)


@pytest.fixture(scope="module")
def host(azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A host with one worker and the HTTP functions of `apps/web`."""
    with running_host(
        tmp_path_factory.mktemp("front"), azurite, APPS / "web", {"GREETING": "hello"}
    ) as running:
        yield running


def token(host: HostProcess, lifetime_s: int = 600, **claims: Any) -> str:
    """A token as Microsoft Entra ID would give one for the app."""
    every = {"aud": SIGN_IN_AUDIENCE, "tid": TENANT_ID, "oid": "an-object-id", **claims}
    return TokenKeys(host.data / "entra").sign(every, lifetime_s)


def echo(host: HostProcess, headers: dict[str, str]) -> dict[str, str]:
    """The headers that the app saw."""
    seen: dict[str, str] = host.call("GET", ECHO, headers=headers).json()["headers"]
    return seen


def principal(headers: dict[str, str]) -> dict[str, Any]:
    """The principal that the app saw."""
    decoded: dict[str, Any] = json.loads(base64.b64decode(headers["x-ms-client-principal"]))
    return decoded


def values(decoded: dict[str, Any], claim_type: str) -> list[str]:
    """All values of one claim."""
    return [claim["val"] for claim in decoded["claims"] if claim["typ"] == claim_type]


def log_in(host: HostProcess, headers: dict[str, str] | None = None, **form: str) -> Answer:
    """Fills in the sign-in page."""
    every = {"role": "viewer", "name": "Local user", "post_login_redirect_uri": "/ui/", **form}
    content = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return host.call("POST", LOGIN, urlencode(every).encode(), content)


def session(answer: Answer) -> str:
    """The session cookie of an answer, as a browser would send it."""
    return str(answer.headers["Set-Cookie"]).split(";")[0]


def test_person_with_a_token_reaches_the_app_as_microsoft_documents_it(host: HostProcess) -> None:
    bearer = token(host, preferred_username="someone@corp.example", roles=["Configurations.Read", "ActAs"])
    headers = echo(host, {"Authorization": f"Bearer {bearer}"})
    decoded = principal(headers)
    assert decoded["auth_typ"] == "aad"
    assert decoded["name_typ"] == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
    assert decoded["role_typ"] == "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    assert values(decoded, "roles") == ["Configurations.Read", "ActAs"]
    object_id = "http://schemas.microsoft.com/identity/claims/objectidentifier"
    assert values(decoded, object_id) == ["an-object-id"]
    assert headers["x-ms-client-principal-id"] == "an-object-id"
    assert headers["x-ms-client-principal-name"] == "someone@corp.example"
    assert headers["x-ms-client-principal-idp"] == "aad"


def test_application_has_no_name(host: HostProcess) -> None:
    bearer = token(host, appid="an-application", idtyp="app", roles=["ActAs"])
    headers = echo(host, {"Authorization": f"bearer {bearer}"})
    assert "x-ms-client-principal-name" not in headers
    assert values(principal(headers), "appid") == ["an-application"]


def test_anonymous_caller_passes_without_identity(host: HostProcess) -> None:
    assert not [name for name in echo(host, {}) if name.startswith("x-ms-")]


@pytest.mark.parametrize("name", SPOOFED)
def test_identity_headers_of_a_caller_never_reach_the_app(host: HostProcess, name: str) -> None:
    headers = echo(host, {name: "forged"})
    assert "forged" not in headers.values()


def test_identity_headers_of_a_signed_in_caller_are_replaced(host: HostProcess) -> None:
    bearer = token(host, roles=["ActAs"])
    headers = echo(host, {"Authorization": f"Bearer {bearer}", "X-MS-CLIENT-PRINCIPAL": "forged"})
    assert values(principal(headers), "roles") == ["ActAs"]


@pytest.mark.parametrize(
    "claims", [{"lifetime_s": -600}, {"aud": "another-app"}], ids=["expired", "for another app"]
)
def test_token_that_does_not_hold_is_refused_before_the_app(
    host: HostProcess, claims: dict[str, Any]
) -> None:
    answer = host.call("GET", ECHO, headers={"Authorization": f"Bearer {token(host, **claims)}"})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_token_of_another_signer_is_refused(host: HostProcess, tmp_path_factory: Any) -> None:
    stranger = TokenKeys(tmp_path_factory.mktemp("stranger"))
    bearer = stranger.sign({"aud": SIGN_IN_AUDIENCE, "roles": ["ActAs"]}, 600)
    assert host.call("GET", ECHO, headers={"Authorization": f"Bearer {bearer}"}).status == 401
    assert host.call("GET", ECHO, headers={"Authorization": "Bearer nonsense"}).status == 401


def test_sign_in_page_offers_the_roles_and_gives_a_session(host: HostProcess) -> None:
    page = host.call("GET", f"{LOGIN}?post_login_redirect_uri=/ui/triage")
    assert b'value="analyst"' in page.body
    assert b'value="/ui/triage"' in page.body
    answer = log_in(host, role="analyst", name="Second Shift")
    assert (answer.status, answer.headers["Location"]) == (302, "/ui/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("AppServiceAuthSession=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    headers = echo(host, {"Cookie": session(answer)})
    assert values(principal(headers), "roles") == ["BusinessUnitMails.Read", "BusinessUnitMails.Reply"]
    assert headers["x-ms-client-principal-name"] == "second.shift@corp.example"


def test_same_name_is_the_same_person_at_the_next_sign_in(host: HostProcess) -> None:
    first, second = (echo(host, {"Cookie": session(log_in(host))}) for _ in range(2))
    assert first["x-ms-client-principal-id"] == second["x-ms-client-principal-id"]


def test_me_shows_who_is_signed_in(host: HostProcess) -> None:
    assert host.call("GET", "/.auth/me").status == 401
    (me,) = host.call("GET", "/.auth/me", headers={"Cookie": session(log_in(host))}).json()
    assert me["provider_name"] == "aad"
    assert {"typ": "name", "val": "Local user"} in me["user_claims"]


def test_sign_out_takes_the_session_away(host: HostProcess) -> None:
    answer = host.call("GET", "/.auth/logout?post_logout_redirect_uri=/ui/")
    assert (answer.status, answer.headers["Location"]) == (302, "/ui/")
    assert 'AppServiceAuthSession="";' in answer.headers["Set-Cookie"]
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("cookie", ["nonsense", "token"])
def test_session_cookie_that_does_not_hold_counts_as_none(host: HostProcess, cookie: str) -> None:
    value = token(host, roles=["ActAs"]) if cookie == "token" else cookie
    headers = echo(host, {"Cookie": f"AppServiceAuthSession={value}"})
    assert "x-ms-client-principal" not in headers


def test_session_is_no_bearer_token(host: HostProcess) -> None:
    _, _, value = session(log_in(host)).partition("=")
    assert host.call("GET", ECHO, headers={"Authorization": f"Bearer {value}"}).status == 401


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "ui", "/a\r\nb"]
)
def test_sign_in_leads_to_paths_of_this_site_only(host: HostProcess, target: str) -> None:
    assert log_in(host, post_login_redirect_uri=target).headers["Location"] == "/"
    query = urlencode({"post_logout_redirect_uri": target})
    assert host.call("GET", f"/.auth/logout?{query}").headers["Location"] == "/"


def test_sign_in_page_escapes_where_it_leads_to(host: HostProcess) -> None:
    query = urlencode({"post_login_redirect_uri": '/"><script>'})
    assert b"<script>" not in host.call("GET", f"{LOGIN}?{query}").body


@pytest.mark.parametrize("form", [{"role": "root"}, {"role": ""}, {"name": ""}, {"name": "x" * 101}])
def test_sign_in_refuses_what_the_page_does_not_offer(host: HostProcess, form: dict[str, str]) -> None:
    answer = log_in(host, None, **form)
    assert answer.status == 400
    assert "Set-Cookie" not in answer.headers


def test_sign_in_from_another_site_is_refused(host: HostProcess) -> None:
    assert log_in(host, {"Origin": "https://elsewhere.example"}).status == 403
    assert host.call("GET", LOGIN, headers={"Host": "elsewhere.example"}).status == 403


def test_request_line_that_names_no_path_is_refused(host: HostProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    connection.putrequest("OPTIONS", "*", skip_host=True)
    connection.putheader("Host", "localhost")
    connection.endheaders()
    assert connection.getresponse().status in (400, 404)
    connection.close()
