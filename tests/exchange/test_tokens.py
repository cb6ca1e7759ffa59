"""Tokens: asked for once, renewed when refused, and every refusal named as Microsoft Entra ID names it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from domain.errors import AdminActionError, RetryLaterError
from domain.mailboxes import AuthenticationType
from exchange.connections import tls_context
from exchange.servers import ExchangeServers, authority_of, scope_of
from exchange.token_http import TokenHttpClient
from tests.exchange.certificates import Authority
from tests.exchange.conftest import Folder, Serve
from tests.exchange.scripted_server import Drop, Request, http
from tests.exchange.world import LOOPBACK, MemorySecrets, RunningWorld, settings_for


def test_one_token_and_one_look_at_the_secret_serve_all_requests(world: RunningWorld) -> None:
    secrets = MemorySecrets({("secret", "1"): world.secret_value})
    servers = world.servers(secrets)
    world.calls()
    for _ in range(4):
        servers.open(world.settings()).folder_states(["inbox"])
    calls = world.calls()
    assert calls["token"]["token"] == 1
    assert calls["exchange"] == {"GetFolder": 4}
    assert secrets.reads == 1


def test_threads_that_start_together_ask_for_one_token(world: RunningWorld) -> None:
    servers = world.servers()
    world.calls()
    threads = [
        threading.Thread(target=lambda: servers.open(world.settings()).folder_states(["inbox"]))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    calls = world.calls()
    assert (calls["token"]["token"], calls["exchange"]["GetFolder"]) == (1, 6)


def test_opening_a_mailbox_asks_nobody(world: RunningWorld) -> None:
    secrets = MemorySecrets({})
    world.servers(secrets).open(world.settings())
    assert secrets.reads == 0
    assert "token" not in world.calls()


def test_a_token_that_is_revoked_in_mid_run_is_renewed(world: RunningWorld, folder: Folder) -> None:
    session = world.open()
    session.folder_states([folder.id])
    world.control.run("revoke", what="tokens")
    try:
        assert session.folder_states([folder.id])
    finally:
        world.control.run("revoke", what="undo")


def test_a_new_secret_version_is_a_new_session(world: RunningWorld) -> None:
    secrets = MemorySecrets({("secret", "1"): "wrong", ("secret", "2"): world.secret_value})
    servers = world.servers(secrets)
    settings = world.settings()
    with pytest.raises(AdminActionError, match="AADSTS7000215"):
        servers.open(settings).folder_states(["inbox"])
    assert settings.secret is not None
    second = world.settings(secret=type(settings.secret)("secret", "2", settings.secret.set_at, "admin"))
    assert servers.open(second).folder_states(["inbox"])
    assert servers.open(second) is servers.open(second)


def test_what_was_mended_at_the_directory_works_at_once(world: RunningWorld) -> None:
    session = world.open()
    world.control.run("revoke", what="app")
    try:
        with pytest.raises(AdminActionError, match="AADSTS7000112"):
            session.folder_states(["inbox"])
    finally:
        world.control.run("revoke", what="undo")
    assert session.folder_states(["inbox"])


@pytest.mark.parametrize(
    "more, code",
    [
        ({"app_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS700016"),
        ({"tenant_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS90002"),
        ({"tenant_id": "other.example"}, "AADSTS90002"),
        ({"tenant_id": "a b/c"}, "SignInRefused"),
        ({"secret": None}, "SecretNotFound"),
        ({"authentication_type": AuthenticationType.BASIC}, "AuthenticationTypeNotOffered"),
    ],
)
def test_wrong_settings_are_the_admins(world: RunningWorld, more: dict[str, object], code: str) -> None:
    with pytest.raises(AdminActionError) as caught:
        world.servers().open(world.settings(**more)).folder_states(["inbox"])
    assert caught.value.code == code
    assert "Trace ID" not in caught.value.server_message


def test_a_secret_that_is_not_in_the_vault_is_the_admins(world: RunningWorld) -> None:
    session = world.servers(MemorySecrets({})).open(world.settings())
    with pytest.raises(AdminActionError, match="SecretNotFound"):
        session.folder_states(["inbox"])


@pytest.mark.parametrize("status", [429, 503])
def test_trouble_at_the_directory_passes(world: RunningWorld, status: int) -> None:
    rule = {"part": "token", "kind": "status", "status": status, "retry_after_s": 9}
    world.control.run("fault-add", **rule, operation="token", count=1)
    session = world.open()
    with pytest.raises(RetryLaterError) as caught:
        session.folder_states(["inbox"])
    assert caught.value.back_off == timedelta(seconds=9)
    assert session.folder_states(["inbox"])


@pytest.mark.parametrize("kind", ["cut-before", "cut-after", "cut-mid", "malformed-xml"])
@pytest.mark.parametrize("operation", ["token", "openid-configuration"])
def test_a_broken_answer_of_the_directory_passes(world: RunningWorld, kind: str, operation: str) -> None:
    world.control.run("fault-add", part="token", kind=kind, operation=operation, count=None)
    session = world.open()
    with pytest.raises(RetryLaterError):
        session.folder_states(["inbox"])
    world.control.run("fault-clear", id=None)
    assert session.folder_states(["inbox"])


def test_a_kept_connection_that_the_directory_closed_is_opened_anew(
    serve: Serve, authority: Authority
) -> None:
    def close_when_asked_again(request: Request) -> Iterator[bytes]:
        if request.number == 2:
            raise Drop
        yield http(b"{}")

    server = serve(close_when_asked_again, authority.context())
    client = TokenHttpClient(tls_context(str(authority.ca_file)))
    for _ in range(2):
        assert client.get(f"https://localhost:{server.port}/t1").text == "{}"


def test_an_endless_answer_of_the_directory_is_cut_off(serve: Serve, authority: Authority) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"
    server = serve(lambda request: [endless, *([b" " * 65_536] * 100)], authority.context())
    secrets = MemorySecrets({("secret", "1"): "s"})
    servers = ExchangeServers(
        secrets,
        authority_host=f"https://localhost:{server.port}",
        ca_file=str(authority.ca_file),
        allowed_networks=LOOPBACK,
    )
    with pytest.raises(RetryLaterError, match=r"SignInUnavailable: .*AnswerTooLong"):
        servers.open(settings_for(server="localhost", port=server.port)).folder_states(["inbox"])


def test_an_answer_of_the_directory_that_drips_is_cut_off(serve: Serve, authority: Authority) -> None:
    def drip(request: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
        while True:
            server.wait(0.05)
            yield b" "

    server = serve(drip, authority.context())
    client = TokenHttpClient(tls_context(str(authority.ca_file)), answer_seconds=0.3)
    with pytest.raises(RetryLaterError, match="SignInUnavailable: AnswerTooSlow"):
        client.get(f"https://localhost:{server.port}/t1/v2.0/.well-known/openid-configuration")


def test_a_secret_that_the_directory_echoes_is_not_passed_on(serve: Serve, authority: Authority) -> None:
    def echo(request: Request) -> list[bytes]:
        return [http(b'{"error_description": "AADSTS1: no: ' + request.body + b'"}', "400 Bad Request")]

    client = TokenHttpClient(tls_context(str(authority.ca_file)))
    port = serve(echo, authority.context()).port
    with pytest.raises(AdminActionError) as caught:
        client.post(f"https://localhost:{port}/token", data={"client_secret": "s3cret"}, headers={})
    assert "client_secret=(secret)" in caught.value.server_message


def test_a_sign_in_address_without_tls_is_refused(authority: Authority) -> None:
    client = TokenHttpClient(tls_context(str(authority.ca_file)))
    with pytest.raises(AdminActionError, match="AuthorityNotUsable"):
        client.get("http://localhost/t1")


def test_a_directory_that_cannot_be_reached_passes(world: RunningWorld) -> None:
    session = world.servers(authority_host="https://localhost:9").open(world.settings())
    with pytest.raises(RetryLaterError, match="SignInUnavailable: ConnectionRefused: localhost:9"):
        session.folder_states(["inbox"])


def test_neither_secret_nor_token_is_in_any_message(world: RunningWorld) -> None:
    secret = "very-secret-value"
    session = world.servers(MemorySecrets({("secret", "1"): secret})).open(world.settings())
    with pytest.raises(AdminActionError) as caught:
        session.folder_states(["inbox"])
    shown = [repr(caught.value), str(caught.value), repr(session), repr(vars(session))]
    chain = caught.value.__cause__ or caught.value.__context__
    while chain is not None:
        shown.append(repr(chain))
        chain = chain.__cause__ or chain.__context__
    assert not any(secret in text for text in shown)


@pytest.mark.parametrize(
    "server, port, scope",
    [
        ("outlook.office365.com", 443, "https://outlook.office365.com/.default"),
        ("Outlook.Office365.com", 443, "https://outlook.office365.com/.default"),
        ("outlook.office365.us", 443, "https://outlook.office365.us/.default"),
        ("partner.outlook.cn", 443, "https://partner.outlook.cn/.default"),
        ("mail.corp.example", 443, "https://mail.corp.example/.default"),
        ("mail.corp.example", 8443, "https://mail.corp.example:8443/.default"),
    ],
)
def test_the_scope_follows_the_server(server: str, port: int, scope: str) -> None:
    assert scope_of(server, port) == scope


@pytest.mark.parametrize(
    "server, host",
    [
        ("outlook.office365.com", "https://login.configured.example"),
        ("mail.corp.example", "https://login.configured.example"),
        ("outlook.office365.us", "https://login.microsoftonline.us"),
        ("webmail.apps.mil", "https://login.microsoftonline.us"),
        ("partner.outlook.cn", "https://login.partner.microsoftonline.cn"),
    ],
)
def test_national_clouds_have_their_own_authority(server: str, host: str) -> None:
    assert authority_of(server, "t1", "https://login.configured.example/") == f"{host}/t1"
