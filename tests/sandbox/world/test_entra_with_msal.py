"""Microsoft's own library gets tokens from the sandbox's Entra ID, and its errors, as from the real one."""

import re
from collections.abc import Iterator
from typing import Any

import jwt
import msal  # type: ignore[import-untyped]  # msal ships no types
import pytest
import requests

from tests.sandbox.world.conftest import World


@pytest.fixture(autouse=True)
def trust(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox's authority is trusted the way that the workers' settings say it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.state.ca_bundle))


@pytest.fixture
def registration(world: World) -> Iterator[World]:
    """The world, with an app registration that is put in order again afterwards."""
    yield world
    world.control.run("revoke", what="undo")
    world.control.run("rotate-secret", revoke_old=False)


def acquire(world: World, *, scope: str | None = None, **changes: str) -> dict[str, Any]:
    state = world.state
    settings = world.control.run("settings")
    tenant = changes.get("tenant", state.tenant_id)
    app = msal.ConfidentialClientApplication(
        changes.get("app_id", settings["appId"]),
        authority=f"https://localhost:{state.ports.entra}/{tenant}",
        client_credential=changes.get("secret", settings["secretKey"]),
        instance_discovery=False,
    )
    return dict(app.acquire_token_for_client([scope or f"{state.exchange_audience}/.default"]))


def refusal(world: World, form: dict[str, str], tenant: str | None = None) -> dict[str, Any]:
    """What the token endpoint itself answers."""
    state = world.state
    address = f"https://localhost:{state.ports.entra}/{tenant or state.tenant_id}/oauth2/v2.0/token"
    answer = requests.post(address, data=form, timeout=10)
    assert answer.status_code in (400, 401)
    return dict(answer.json())


def test_token_names_the_application_its_permission_and_the_exchange_server(world: World) -> None:
    got = acquire(world)

    assert got["token_type"] == "Bearer"
    assert 3500 < got["expires_in"] <= 3600
    claims = jwt.decode(got["access_token"], options={"verify_signature": False})
    assert claims["aud"] == world.state.exchange_audience
    assert claims["roles"] == ["full_access_as_app"]
    assert claims["appid"] == world.state.app_id
    assert claims["tid"] == world.state.tenant_id
    assert claims["exp"] - claims["nbf"] == pytest.approx(3600, abs=5)


def test_token_is_signed_with_the_published_key(world: World) -> None:
    token = acquire(world)["access_token"]
    root = f"https://localhost:{world.state.ports.entra}/{world.state.tenant_id}"
    found = requests.get(f"{root}/v2.0/.well-known/openid-configuration", timeout=10).json()
    keys = requests.get(found["jwks_uri"], timeout=10).json()

    key = jwt.PyJWK(keys["keys"][0])
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=world.state.exchange_audience)

    assert claims["appid"] == world.state.app_id


def test_tenant_may_be_named_by_its_verified_domain(world: World) -> None:
    assert "access_token" in acquire(world, tenant="corp.example")


def test_token_for_exchange_online_has_that_audience_and_no_other(world: World) -> None:
    got = acquire(world, scope="https://outlook.office365.com/.default")

    claims = jwt.decode(got["access_token"], options={"verify_signature": False})
    assert claims["aud"] == "https://outlook.office365.com"


@pytest.mark.parametrize(
    "changes, number, error",
    [
        ({"secret": "wrong"}, 7000215, "invalid_client"),
        ({"app_id": "00000000-0000-0000-0000-000000000001"}, 700016, "unauthorized_client"),
        ({"scope": "https://nowhere.example/.default"}, 500011, "invalid_resource"),
        ({"scope": "https://outlook.office365.com/EWS.Read"}, 1002012, "invalid_scope"),
    ],
)
def test_refusal_comes_with_the_number_that_entra_gives_it(
    world: World, changes: dict[str, str], number: int, error: str
) -> None:
    got = acquire(world, **changes)

    assert got["error"] == error
    assert got["error_codes"] == [number]
    assert got["error_description"].startswith(f"AADSTS{number}: ")


def test_refusal_has_the_fields_of_the_real_one(world: World) -> None:
    got = refusal(
        world, {"grant_type": "client_credentials", "client_id": world.state.app_id, "scope": "a b"}
    )

    assert set(got) == {
        *("error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri")
    }
    assert got["error_codes"] == [70011]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", got["timestamp"])
    assert got["trace_id"] in got["error_description"]


def test_unknown_tenant_is_refused_at_discovery_and_at_the_token_endpoint(world: World) -> None:
    unknown = "11111111-1111-1111-1111-111111111111"
    with pytest.raises(ValueError, match="authority"):
        acquire(world, tenant=unknown)
    assert refusal(world, {}, tenant=unknown)["error_codes"] == [90002]
    assert refusal(world, {}, tenant="not_a_tenant!")["error_codes"] == [900023]


@pytest.mark.parametrize(
    "form, number",
    [
        ({}, 900144),
        ({"grant_type": "password"}, 70003),
        ({"grant_type": "client_credentials"}, 900144),
    ],
)
def test_incomplete_request_is_refused(world: World, form: dict[str, str], number: int) -> None:
    assert refusal(world, form)["error_codes"] == [number]


def test_missing_secret_is_refused(world: World) -> None:
    scope = f"{world.state.exchange_audience}/.default"
    form = {"grant_type": "client_credentials", "client_id": world.state.app_id, "scope": scope}
    assert refusal(world, form)["error_codes"] == [7000216]


def test_old_secret_stays_valid_after_a_rotation(registration: World) -> None:
    old = registration.control.run("settings")["secretKey"]
    new = registration.control.run("rotate-secret", revoke_old=False)

    assert new == registration.control.run("settings")["secretKey"] != old
    assert "access_token" in acquire(registration, secret=old)
    assert "access_token" in acquire(registration, secret=new)


def test_old_secret_is_wrong_after_a_rotation_that_revokes_it(registration: World) -> None:
    old = registration.control.run("settings")["secretKey"]
    new = registration.control.run("rotate-secret", revoke_old=True)

    assert acquire(registration, secret=old)["error_codes"] == [7000215]
    assert "access_token" in acquire(registration, secret=new)


def test_expired_secret_is_named_as_expired(registration: World) -> None:
    registration.control.run("expire-secret")

    got = acquire(registration)

    assert got["error_codes"] == [7000222]
    assert "are expired" in got["error_description"]


def test_revoked_application_gets_no_token_until_it_is_enabled_again(registration: World) -> None:
    registration.control.run("revoke", what="all")
    assert acquire(registration)["error_codes"] == [7000112]

    registration.control.run("revoke", what="undo")
    assert "access_token" in acquire(registration)


def test_token_request_is_counted_and_can_fail(world: World) -> None:
    world.control.run("fault-add", part="token", kind="status", operation="token", status=503, count=1)

    with pytest.raises(msal.exceptions.MsalServiceError, match="503"):
        acquire(world)

    assert "access_token" in acquire(world)
    assert world.calls("token")["token"] == 2


def test_secrets_are_kept_as_hashes_and_out_of_others_reach(world: World) -> None:
    folder = world.state.entra_folder
    secret = world.control.run("settings")["secretKey"]

    assert secret not in (folder / "registration.json").read_text()
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


GET_INBOX = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header>
<t:RequestServerVersion Version="Exchange2016"/><t:ExchangeImpersonation><t:ConnectingSID>
<t:PrimarySmtpAddress>soc@corp.example</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header>
<s:Body><m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>
<t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder></s:Body></s:Envelope>"""


def status_at_exchange(world: World, token: str) -> int:
    """What the Exchange server answers to a request with this token."""
    return requests.post(
        f"https://localhost:{world.state.ports.exchange}/EWS/Exchange.asmx",
        data=GET_INBOX,
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "text/xml; charset=utf-8",
            "X-AnchorMailbox": "soc@corp.example",
        },
        timeout=10,
    ).status_code


def test_revoked_token_is_refused_by_exchange_and_a_new_one_is_not(registration: World) -> None:
    old = acquire(registration)["access_token"]
    assert status_at_exchange(registration, old) == 200

    registration.control.run("revoke", what="tokens")

    assert status_at_exchange(registration, old) == 401
    assert status_at_exchange(registration, acquire(registration)["access_token"]) == 200


def test_token_for_exchange_online_opens_nothing_here(world: World) -> None:
    token = acquire(world, scope="https://outlook.office365.com/.default")["access_token"]

    assert status_at_exchange(world, token) == 401


def test_token_of_a_disabled_application_is_refused(registration: World) -> None:
    token = acquire(registration)["access_token"]

    registration.control.run("revoke", what="all")

    assert status_at_exchange(registration, token) == 401
