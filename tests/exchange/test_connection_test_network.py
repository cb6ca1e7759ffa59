"""Test connection where the way to the server goes wrong: each cause made on purpose, named, and in time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from domain.connection_test import SSL_OFF, Outcome, Step
from exchange import connection_test
from exchange.connection_test import ExchangeConnectionTester
from tests.exchange.certificates import Authority
from tests.exchange.conftest import Serve
from tests.exchange.connection_trials import (
    failed_at,
    local,
    outcomes,
    run,
    scripted_tester,
    sign_in_server,
    token_with,
    world_tester,
)
from tests.exchange.scripted_server import Answering, Drop, Request, ScriptedServer, fault, http
from tests.exchange.world import LOOPBACK, MemorySecrets, RunningWorld, settings_for

FULL = token_with("full_access_as_app")
Resolve = Callable[..., Any]


def network_tester(authority: Authority | None = None, **more: Any) -> ExchangeConnectionTester:
    """A tester that never gets as far as signing in."""
    return ExchangeConnectionTester(
        MemorySecrets({}),
        **{
            "ca_file": str(authority.ca_file) if authority else None,
            "allowed_networks": LOOPBACK,
            **more,
        },
    )


@pytest.fixture
def sign_in(serve: Serve, authority: Authority) -> Callable[[str], ScriptedServer]:
    """Starts a sign-in server that gives out one token."""

    def start(token: str = FULL) -> ScriptedServer:
        started: list[ScriptedServer] = []
        started.append(serve(sign_in_server(lambda: started[0].port, token), authority.context()))
        return started[0]

    return start


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Lets `mail.corp.example` lead to these addresses, one after another with each look-up; the last stays.
    Answers the list of look-ups that were made."""
    real = socket.getaddrinfo

    def install(*addresses: str) -> list[str]:
        asked: list[str] = []

        def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            if host != "mail.corp.example":
                return real(host, port, *args, **kwargs)
            asked.append(host)
            address = addresses[min(len(asked), len(addresses)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return install


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield int(listener.getsockname()[1])


def silence(request: Request) -> list[bytes]:
    """No answer."""
    raise Drop


def test_a_name_that_does_not_exist() -> None:
    settings = settings_for(server="mail.nowhere.invalid", port=443)
    assert failed_at(run(network_tester(), settings), Step.NAME_RESOLUTION).code == "NameResolutionFailed"


def test_a_resolver_that_never_answers_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    forever = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: forever.wait(20) and [])
    monkeypatch.setitem(connection_test._LIMITS, Step.NAME_RESOLUTION, (0.3, "NameResolutionTimeout"))
    try:
        results = run(network_tester(), settings_for(server="mail.corp.example", port=443))
    finally:
        forever.set()
    assert failed_at(results, Step.NAME_RESOLUTION).code == "NameResolutionTimeout"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "168.63.129.16", "192.168.0.1", "0.0.0.0"]
)
def test_addresses_inside_the_app_s_network_are_refused_before_anything_is_sent(
    names: Callable[..., list[str]], address: str
) -> None:
    names(address)
    settings = settings_for(server="mail.corp.example", port=443)
    failure = failed_at(run(network_tester(allowed_networks=()), settings), Step.NAME_RESOLUTION)
    assert failure.code == "AddressNotAllowed"


def test_a_name_that_leads_elsewhere_at_the_second_look_up_is_refused_there(
    names: Callable[..., list[str]], serve: Serve, authority: Authority, sign_in: Any
) -> None:
    exchange = serve(silence, authority.context("mail.corp.example"))
    asked = names("127.0.0.1", "169.254.169.254")
    settings = settings_for(server="mail.corp.example", port=exchange.port)
    results = run(scripted_tester(sign_in().port, authority.ca_file), settings)
    failure = failed_at(results, Step.MAILBOX_ACCESS)
    assert failure.code == "AddressNotAllowed"
    assert len(asked) == 2
    assert exchange.requests == []


def test_the_connection_goes_to_the_very_address_that_was_looked_at(
    names: Callable[..., list[str]], serve: Serve, authority: Authority
) -> None:
    exchange = serve(silence, authority.context("mail.corp.example"))
    asked = names("127.0.0.1", "169.254.169.254")
    settings = settings_for(server="mail.corp.example", port=exchange.port)
    [tls] = run(network_tester(authority), settings, steps=[Step.TLS])
    assert tls.outcome is Outcome.PASSED
    assert len(asked) == 1


@pytest.mark.parametrize(
    "target", ["https://169.254.169.254/metadata", "https://localhost/EWS/Exchange.asmx"]
)
def test_a_redirect_is_not_followed(serve: Serve, authority: Authority, sign_in: Any, target: str) -> None:
    exchange = serve(lambda r: [http(b"", "302 Found", Location=target)], authority.context())
    results = run(scripted_tester(sign_in().port, authority.ca_file), local(exchange.port))
    failure = failed_at(results, Step.MAILBOX_ACCESS)
    assert (failure.code, failure.server_message) == ("HTTP 302", f"sends on to {target}")
    assert len(exchange.requests) == 1


def test_a_port_where_nobody_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert failed_at(run(network_tester(), local(port)), Step.CONNECTION).code == "ConnectionRefused"


def test_a_server_that_drops_what_is_sent_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = [socket.socket() for _ in range(3)]
    for one in waiting:  # fill the queue of connections that nobody accepts
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    try:
        results = run(network_tester(), settings_for(server="127.0.0.1", port=full.getsockname()[1]))
    finally:
        for one in (full, *waiting):
            one.close()
    assert failed_at(results, Step.CONNECTION).code == "ConnectTimeout"


def test_a_server_that_never_begins_tls(black_hole: int) -> None:
    assert failed_at(run(network_tester(), local(black_hole)), Step.TLS).code == "TlsTimeout"


def test_a_server_without_tls(serve: Serve) -> None:
    plain = serve(lambda r: [http(b"<html/>")], greeting=b"220 mail.corp.example ESMTP ready\r\n")
    assert failed_at(run(network_tester(), local(plain.port)), Step.TLS).code == "NotHttps"


def test_a_certificate_of_an_unknown_authority_is_shown(serve: Serve, authority: Authority) -> None:
    exchange = serve(silence, authority.context())
    failure = failed_at(run(network_tester(), local(exchange.port)), Step.TLS)
    assert failure.code == "CertificateUnknownIssuer"
    assert failure.facts["issuer"] == "CN=Test CA"
    assert exchange.requests == []


def test_an_expired_certificate_is_shown(serve: Serve, authority: Authority) -> None:
    exchange = serve(silence, authority.context(ended_days_ago=3))
    failure = failed_at(run(network_tester(authority), local(exchange.port)), Step.TLS)
    assert failure.code == "CertificateExpired"
    assert int(failure.facts["daysLeft"]) < 0


def test_a_certificate_of_another_name_is_shown(serve: Serve, authority: Authority) -> None:
    exchange = serve(silence, authority.context("mail.other.example"))
    failure = failed_at(run(network_tester(authority), local(exchange.port)), Step.TLS)
    assert failure.code == "CertificateNameMismatch"
    assert failure.facts["names"] == "mail.other.example"


def test_a_sign_in_that_never_answers_ends_in_time(
    serve: Serve, authority: Authority, black_hole: int
) -> None:
    exchange = serve(silence, authority.context())
    results = run(scripted_tester(black_hole, authority.ca_file), local(exchange.port))
    assert failed_at(results, Step.TOKEN).code == "SignInUnavailable"


def test_an_exchange_that_never_answers_ends_in_time(
    serve: Serve, authority: Authority, sign_in: Any
) -> None:
    def wait(request: Request) -> Iterator[bytes]:
        exchange.wait(20)
        yield b""

    exchange = serve(wait, authority.context())
    results = run(scripted_tester(sign_in().port, authority.ca_file), local(exchange.port))
    assert failed_at(results, Step.MAILBOX_ACCESS).code == "ReadTimeout"


def _answers(body: bytes, status: str = "200 OK", **headers: str) -> Answering:
    return lambda request: [http(body, status, **headers)]


@pytest.mark.parametrize(
    "answer, code",
    [
        (_answers(b"<html>Welcome</html>", Content_Type="text/html"), "NotExchange"),
        (_answers(b"<html>no</html>", "404 Not Found", Content_Type="text/html"), "HTTP 404"),
        (_answers(b"", "405 Method Not Allowed"), "HTTP 405"),
        (lambda request: [b"SSH-2.0-OpenSSH_9.9\r\n"], "NotHttp"),
        (_answers(b"", "401 Unauthorized", WWW_Authenticate="Negotiate"), "AuthenticationTypeNotOffered"),
        (
            _answers(b"", "401 Unauthorized", WWW_Authenticate='Basic realm="mail", NTLM'),
            "AuthenticationTypeNotOffered",
        ),
        (_answers(b"", "401 Unauthorized", WWW_Authenticate='Bearer client_id="x", realm=""'), "HTTP 401"),
        (_answers(b"", "429 Too Many Requests", Retry_After="30"), "HTTP 429"),
        (_answers(fault("ErrorImpersonateUserDenied"), "500 Error"), "ErrorImpersonateUserDenied"),
    ],
)
def test_what_answers_in_exchange_s_place_is_named(
    serve: Serve, authority: Authority, sign_in: Any, answer: Answering, code: str
) -> None:
    exchange = serve(answer, authority.context())
    results = run(scripted_tester(sign_in().port, authority.ca_file), local(exchange.port))
    assert failed_at(results, Step.MAILBOX_ACCESS).code == code


@pytest.mark.parametrize(
    "token, said, code",
    [
        (token_with(), "", "PermissionMissingInToken"),
        (token_with(), "EWS is disabled for the organization", "HTTP 403"),
        (FULL, "", "HTTP 403"),
        ("opaque", "", "HTTP 403"),
    ],
)
def test_a_refused_token_without_permissions_is_told_as_missing_consent(
    serve: Serve, authority: Authority, sign_in: Any, token: str, said: str, code: str
) -> None:
    exchange = serve(_answers(said.encode(), "403 Forbidden"), authority.context())
    results = run(scripted_tester(sign_in(token).port, authority.ca_file), local(exchange.port))
    failure = failed_at(results, Step.MAILBOX_ACCESS)
    assert failure.code == code
    assert said in failure.server_message
    assert token not in repr(results)


def test_without_ssl_tls_is_not_reached_and_nothing_failed(
    serve: Serve, authority: Authority, sign_in: Any
) -> None:
    exchange = serve(_answers(b"<html/>", Content_Type="text/html"))
    results = run(
        scripted_tester(sign_in().port, authority.ca_file), local(exchange.port, ssl_encrypted=False)
    )
    assert outcomes(results)["tls"] == "notReached"
    assert results[2].code == SSL_OFF
    assert failed_at(results, Step.MAILBOX_ACCESS).code == "NotExchange"


def test_slow_steps_share_one_time_limit(world: RunningWorld) -> None:
    for operation in ("GetFolder", "FindFolder", "CreateItem"):
        world.fault("delay", operation=operation, count=1, delay_s=1.0)
    results = run(world_tester(world, total_seconds=1.6), world.settings())
    assert failed_at(results, Step.FOLDER_LIST).code == "ReadTimeout"
    assert sum(result.took.total_seconds() for result in results) < 3
