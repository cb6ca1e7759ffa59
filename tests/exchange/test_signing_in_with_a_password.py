"""Mailboxes of an Exchange Server: NTLM and Basic with the login of the mailbox."""

from __future__ import annotations

import base64
import hashlib
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from domain.mailboxes import AuthenticationType
from exchange.mailbox_session import MailboxSession
from exchange.ntlm import NtlmLogin, channel_binding
from exchange.servers import ExchangeServers
from sandbox.state import ON_PREMISES
from tests.exchange.certificates import Authority
from tests.exchange.conftest import Serve
from tests.exchange.scripted_server import Request, fault, http
from tests.exchange.world import LOOPBACK, ROOT, MemorySecrets, RunningWorld, settings_for

MAIL = b"From: ann@onprem.example\r\nSubject: Hello\r\nMessage-ID: <1@onprem.example>\r\n\r\nText\r\n"
BOTH = [AuthenticationType.NTLM, AuthenticationType.BASIC]
CHALLENGE = "TlRMTVNTUAACAAAAAAAAADgAAAAFgokCAAAAAAAAAAAAAAAAAAAAADgAAAAGAbEdAAAADw=="


def open_mailbox(
    world: RunningWorld,
    kind: AuthenticationType,
    *,
    login: str = "ONPREM\\soc",
    password: str | None = None,
    server: str = "127.0.0.1",
    ca_file: str | None = None,
) -> MailboxSession:
    if password is None:
        asked = world.control.run("settings", mailbox=ON_PREMISES, authentication="ntlm")
        password = str(asked["secretKey"])
    servers = world.servers(
        MemorySecrets({("secret", "1"): password}), ca_file=ca_file or str(world.state.ca_file)
    )
    return servers.open(world.settings(server=server, email=login, authentication_type=kind))


def deliver(world: RunningWorld) -> str:
    return str(world.control.deliver(MAIL, mailbox=ON_PREMISES, folder="Inbox"))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("login", ["ONPREM\\soc", "soc@onprem.example"])
def test_mail_is_read_with_the_login_of_its_mailbox(
    world: RunningWorld, kind: AuthenticationType, login: str
) -> None:
    item = deliver(world)
    session = open_mailbox(world, kind, login=login)

    [message] = session.messages([item])

    assert getattr(message, "item_id", None) == item
    assert [folder.path for folder in session.folder_tree() if folder.path == "Inbox"] == ["Inbox"]


@pytest.mark.parametrize("kind", BOTH)
def test_the_mailboxs_address_is_asked_from_the_server_once(
    world: RunningWorld, kind: AuthenticationType
) -> None:
    session = open_mailbox(world, kind)
    world.calls()

    assert [session.own_address(), session.own_address()] == [ON_PREMISES, ON_PREMISES]
    assert world.calls()["exchange"]["ResolveNames"] == 1


def test_an_apps_mailbox_is_its_own_address_without_a_question(world: RunningWorld) -> None:
    world.calls()

    assert world.open().own_address() == "soc@corp.example"
    assert world.calls().get("exchange", {}) == {}


def test_ntlm_signs_a_connection_in_once_for_many_requests(world: RunningWorld) -> None:
    session = open_mailbox(world, AuthenticationType.NTLM)
    world.calls()

    for _ in range(5):
        session.folder_states(["inbox"])

    assert world.calls()["exchange"] == {"unknown": 1, "GetFolder": 5}


def test_each_connection_of_several_threads_is_signed_in(world: RunningWorld) -> None:
    session = open_mailbox(world, AuthenticationType.NTLM)

    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: session.folder_states(["inbox"]), range(30)))

    assert {answer[0].folder_id for answer in answers} == {"inbox"}


@pytest.mark.parametrize("kind", BOTH)
def test_a_wrong_password_is_said_and_tried_once(world: RunningWorld, kind: AuthenticationType) -> None:
    session = open_mailbox(world, kind, password="Wr0ng-and-secret")
    world.calls()

    with pytest.raises(AdminActionError) as caught:
        session.folder_states(["inbox"])

    assert caught.value.code == "PasswordRefused"
    assert world.calls()["exchange"].get("GetFolder") == 1
    _holds_no_secret(caught.value, "Wr0ng-and-secret")


@pytest.mark.parametrize("kind", BOTH)
def test_a_server_that_offers_other_ways_only_is_told_with_what_it_offers(
    world: RunningWorld, kind: AuthenticationType
) -> None:
    with pytest.raises(AdminActionError) as caught:
        open_mailbox(world, kind, server="localhost").folder_states(["inbox"])

    assert (caught.value.code, caught.value.server_message) == (
        "AuthenticationTypeNotOffered",
        "offers bearer",
    )


def test_a_password_that_is_not_in_the_vault_is_the_admins(world: RunningWorld) -> None:
    servers = world.servers(MemorySecrets({}))
    settings = world.settings(server="127.0.0.1", authentication_type=AuthenticationType.NTLM)

    with pytest.raises(AdminActionError, match="SecretNotFound"):
        servers.open(settings).folder_states(["inbox"])


@pytest.mark.parametrize("kind", BOTH)
def test_no_password_goes_to_a_server_whose_certificate_is_unknown(
    world: RunningWorld, kind: AuthenticationType, authority: Authority
) -> None:
    session = open_mailbox(world, kind, ca_file=str(authority.ca_file))
    world.calls()

    with pytest.raises(AdminActionError, match="CertificateUnknownIssuer"):
        session.folder_states(["inbox"])
    assert world.calls().get("exchange", {}) == {}


@pytest.mark.parametrize(
    "challenge, code",
    [
        ("NTLM", "NtlmInterrupted"),
        ("NTLM !!!", "MalformedAnswer"),
        ("NTLM TlRMTVNTUAAC", "MalformedAnswer"),
        ("NTLM " + "A" * 20_000, "MalformedAnswer"),
        ('Negotiate, Basic realm="x"', "AuthenticationTypeNotOffered"),
    ],
)
def test_what_is_no_challenge_is_named(serve: Serve, challenge: str, code: str) -> None:
    server = serve(lambda request: [http(b"", "401 Unauthorized", WWW_Authenticate=challenge)])

    with pytest.raises(BoundaryError) as caught:
        plain(server.port).folder_states(["inbox"])

    assert caught.value.code == code
    assert all(request.body == b"" for request in server.requests)


@given(st.binary(max_size=200))
def test_a_challenge_of_any_bytes_is_answered_or_malformed(after_the_header: bytes) -> None:
    handshake = NtlmLogin("ONPREM\\soc", lambda: "Passw0rd", "localhost").begin(None)
    handshake.first()
    challenge = base64.b64encode(b"NTLMSSP\0\2\0\0\0" + after_the_header).decode()

    with suppress(RetryLaterError):
        assert str(handshake.second([f"NTLM {challenge}"])).startswith("NTLM ")


def test_a_challenge_of_a_time_that_no_calendar_has_is_malformed() -> None:
    handshake = NtlmLogin("ONPREM\\soc", lambda: "Passw0rd", "localhost").begin(None)
    handshake.first()
    timestamp = b"\7\0\x08\0" + b"\xff" * 7 + b"\x7f" + b"\0" * 4
    challenge = (
        base64.b64decode(CHALLENGE)[:40]
        + len(timestamp).to_bytes(2, "little") * 2
        + (56).to_bytes(4, "little")
        + b"\x0a\0\x63\x45\0\0\0\x0f"
        + timestamp
    )

    with pytest.raises(RetryLaterError, match="MalformedAnswer"):
        handshake.second([f"NTLM {base64.b64encode(challenge).decode()}"])


def test_a_proxy_that_closes_the_connection_after_the_challenge_is_named(serve: Serve) -> None:
    def answer(request: Request) -> list[bytes]:
        return [http(b"", "401 Unauthorized", WWW_Authenticate=f"NTLM {CHALLENGE}", Connection="close")]

    with pytest.raises(AdminActionError, match="NtlmInterrupted"):
        plain(serve(answer).port).folder_states(["inbox"])


def test_a_busy_server_that_answers_instead_of_a_challenge_is_waited_for(serve: Serve) -> None:
    server = serve(lambda request: [http(b"", "503 Service Unavailable", Retry_After="9")])

    with pytest.raises(RetryLaterError) as caught:
        plain(server.port).folder_states(["inbox"])

    assert (caught.value.code, str(caught.value.back_off)) == ("HTTP 503", "0:00:09")


def test_a_connection_that_the_server_no_longer_knows_is_replaced(serve: Serve) -> None:
    """As after a recycled application pool: the second request on the connection is answered with 401."""

    def answer(request: Request) -> list[bytes]:
        head = request.head
        if "Authorization: NTLM" not in head:
            return [http(b"", "401 Unauthorized", WWW_Authenticate="NTLM")]
        if request.body == b"":
            return [http(b"", "401 Unauthorized", WWW_Authenticate=f"NTLM {CHALLENGE}")]
        return [http(fault("ErrorServerBusy"), "500 Internal Server Error")]

    server = serve(answer)
    session = plain(server.port)
    for _ in range(2):
        with pytest.raises(RetryLaterError, match="ErrorServerBusy"):
            session.folder_states(["inbox"])

    assert [bool(request.body) for request in server.requests] == [False, True, True, False, True]
    assert server.connections == 2


def test_ntlm_is_bound_to_the_certificate_by_the_hash_of_its_signature(authority: Authority) -> None:
    der = ssl.PEM_cert_to_DER_cert(Path(authority.ca_file).read_text())
    assert channel_binding(der) == b"tls-server-end-point:" + hashlib.sha256(der).digest()
    assert channel_binding(b"no certificate").startswith(b"tls-server-end-point:")


def test_the_ntlm_library_is_loaded_by_those_who_sign_in_with_it_alone() -> None:
    code = "import exchange.servers, sys; sys.exit('spnego' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def plain(port: int) -> MailboxSession:
    """A session with NTLM without TLS."""
    servers = ExchangeServers(MemorySecrets({("secret", "1"): "Passw0rd"}), allowed_networks=LOOPBACK)
    return servers.open(
        settings_for(
            server="127.0.0.1",
            port=port,
            email="ONPREM\\soc",
            ssl_encrypted=False,
            authentication_type=AuthenticationType.NTLM,
        )
    )


def _holds_no_secret(error: BaseException | None, secret: str) -> None:
    while error is not None:
        assert secret not in repr(error)
        error = error.__cause__ or error.__context__
