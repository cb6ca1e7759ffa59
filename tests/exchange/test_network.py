"""What goes wrong on the way to the server has a name, and says whether somebody has to act."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from domain.server_items import FetchedMessage
from exchange.address_guard import AddressGuard
from exchange.connections import tls_context
from exchange.mailbox_session import MAX_CONCURRENT, MailboxSession
from exchange.servers import ExchangeServers
from exchange.sign_in import AppSignIn
from exchange.transport import Limits, Transport
from tests.exchange.certificates import Authority
from tests.exchange.conftest import Serve
from tests.exchange.scripted_server import Drop, Request, fault, http, soap
from tests.exchange.world import LOOPBACK, MemorySecrets, settings_for

QUICK = Limits(connect_seconds=1, read_seconds=0.4, answer_seconds=1.0, max_bytes=2_000_000)
NO_CHANGES = soap(
    "<m:SyncFolderItemsResponse><m:ResponseMessages><m:SyncFolderItemsResponseMessage "
    'ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:SyncState>s2</m:SyncState>'
    "<m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes/>"
    "</m:SyncFolderItemsResponseMessage></m:ResponseMessages></m:SyncFolderItemsResponse>"
)


class NumberedTokens:
    """Tokens `t1`, `t2`, ...: a new one after each that was refused."""

    def __init__(self) -> None:
        self.number = 1

    def token(self, scope: str) -> str:
        return f"t{self.number}"

    def forget(self, token: str, scope: str) -> None:
        self.number += 1


def connect(
    port: int,
    *,
    host: str = "localhost",
    ca_file: Path | None = None,
    guard: AddressGuard | None = None,
    limits: Limits = QUICK,
) -> MailboxSession:
    """A mailbox at a scripted server; over TLS where `ca_file` is given."""
    transport = Transport(
        host,
        port,
        context=tls_context(str(ca_file)) if ca_file else None,
        guard=guard or AddressGuard(LOOPBACK),
        limits=limits,
    )
    return MailboxSession(transport, AppSignIn("soc@corp.example", NumberedTokens(), "scope"))


def failure(session: MailboxSession) -> BoundaryError:
    """How asking for changes fails."""
    with pytest.raises(BoundaryError) as caught:
        session.changes("inbox", None, limit=10, ids_only=True)
    return caught.value


def nothing_new(request: Request) -> Iterable[bytes]:
    return [http(NO_CHANGES)]


def test_connections_are_kept_and_verified(serve: Serve, authority: Authority) -> None:
    server = serve(nothing_new, authority.context())
    session = connect(server.port, ca_file=authority.ca_file)
    for _ in range(3):
        assert session.changes("inbox", None, limit=10, ids_only=True).sync_state == "s2"
    assert (len(server.requests), server.connections) == (3, 1)


def test_a_request_names_the_mailbox_and_wants_no_compression(serve: Serve) -> None:
    server = serve(nothing_new)
    connect(server.port).changes("inbox", None, limit=10, ids_only=True)
    request = server.requests[0]
    assert request.head.startswith("POST /EWS/Exchange.asmx HTTP/1.1\r\n")
    assert "X-AnchorMailbox: soc@corp.example\r\n" in request.head
    assert "Authorization: Bearer t1\r\n" in request.head
    assert "gzip" not in request.head.lower()
    assert b"<t:PrimarySmtpAddress>soc@corp.example</t:PrimarySmtpAddress>" in request.body


@pytest.mark.parametrize(
    "name, days, code",
    [("mail.corp.example", 0, "CertificateNameMismatch"), ("localhost", 3, "CertificateExpired")],
)
def test_a_wrong_certificate_is_the_admins(
    serve: Serve, authority: Authority, name: str, days: int, code: str
) -> None:
    server = serve(nothing_new, authority.context(name, ended_days_ago=days))
    error = failure(connect(server.port, ca_file=authority.ca_file))
    assert isinstance(error, AdminActionError)
    assert error.code == code


def test_an_unknown_authority_is_the_admins(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    server = serve(nothing_new, authority.context())
    error = failure(connect(server.port, ca_file=Authority(tmp_path).ca_file))
    assert isinstance(error, AdminActionError)
    assert error.code == "CertificateUnknownIssuer"


def test_plain_http_behind_a_tls_setting_is_not_https(serve: Serve, authority: Authority) -> None:
    server = serve(nothing_new, greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n")
    error = failure(connect(server.port, ca_file=authority.ca_file))
    assert (type(error), error.code) == (AdminActionError, "NotHttps")


def test_tls_behind_a_plain_setting_is_the_admins(serve: Serve, authority: Authority) -> None:
    server = serve(nothing_new, authority.context())
    assert failure(connect(server.port)).code in ("ConnectionLost", "NotHttp")


def test_an_unknown_name_is_the_admins() -> None:
    error = failure(connect(443, host="mail.invalid"))
    assert error.code == "NameResolutionFailed"


@pytest.mark.parametrize(
    "name",
    ["", "a b", "x" * 300, "a..b", "a\0b", "a\r\nX: y", "%", ".", "http://mail.corp.example", "\ud800"],
)
def test_what_cannot_be_a_name_is_the_admins(name: str) -> None:
    with pytest.raises(AdminActionError, match="NameResolutionFailed"):
        connect(443, host=name).folder_states(["inbox"])


@pytest.mark.parametrize("name", ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "::ffff:127.0.0.1"])
def test_no_spelling_of_an_inner_address_passes_the_guard(name: str) -> None:
    error = failure(connect(443, host=name, guard=AddressGuard()))
    assert error.code == "AddressNotAllowed"


def test_a_port_where_nobody_listens_is_the_admins() -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        error = failure(connect(bound.getsockname()[1]))
    assert (type(error), error.code) == (AdminActionError, "ConnectionRefused")


def test_a_server_that_does_not_speak_http_is_the_admins(serve: Serve) -> None:
    server = serve(lambda request: [b"220 mail.corp.example ESMTP ready\r\n"])
    error = failure(connect(server.port))
    assert (type(error), error.code) == (AdminActionError, "NotHttp")


def test_silence_passes(serve: Serve) -> None:
    def silent(request: Request) -> Iterator[bytes]:
        server.wait(5)
        yield b""

    server = serve(silent)
    error = failure(connect(server.port))
    assert (type(error), error.code) == (RetryLaterError, "ReadTimeout")


@pytest.mark.parametrize("cut", [0, 3, 10, 14, 25, 60, 90, 120, 300, 700])
def test_a_connection_that_ends_anywhere_in_the_answer_is_asked_for_again(serve: Serve, cut: int) -> None:
    def half(request: Request) -> Iterator[bytes]:
        if cut:
            yield http(NO_CHANGES)[:cut]
        raise Drop

    error = failure(connect(serve(half).port))
    assert isinstance(error, RetryLaterError)
    assert error.code in ("ConnectionLost", "MalformedAnswer")
    assert error.back_off is None


def test_an_answer_in_chunks_that_is_cut_is_noticed(serve: Serve) -> None:
    def half(request: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
        yield f"{len(NO_CHANGES):x}\r\n".encode() + NO_CHANGES + b"\r\n"
        raise Drop

    assert failure(connect(serve(half).port)).code == "ConnectionLost"


def test_a_kept_connection_that_the_server_closed_is_opened_anew(serve: Serve) -> None:
    def close_when_asked_again(request: Request) -> Iterator[bytes]:
        if request.number == 2:
            raise Drop
        yield http(NO_CHANGES)

    server = serve(close_when_asked_again)
    session = connect(server.port)
    for _ in range(2):
        session.changes("inbox", None, limit=10, ids_only=True)
    assert (len(server.requests), server.connections) == (3, 2)


def endless_spaces(request: Request) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"
    while True:
        yield b" " * 65_536


def endless_header(request: Request) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Long: "
    while True:
        yield b"x" * 65_536


def endless_message(request: Request) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"
    yield NO_CHANGES[: NO_CHANGES.index(b"<m:SyncState>")] + b"<m:SyncState>"
    while True:
        yield b"x" * 65_536


def endless_pages(request: Request) -> Iterator[bytes]:
    yield b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n"
    while True:
        yield b"x" * 65_536


@pytest.mark.parametrize(
    "answer, code",
    [
        (endless_spaces, "AnswerTooLong"),
        (endless_header, "AnswerTooLong"),
        (endless_message, "AnswerTooLong"),
        (endless_pages, "HTTP 403"),
    ],
)
def test_an_answer_that_never_ends_is_cut_off_by_its_length(
    serve: Serve, answer: Callable[[Request], Iterator[bytes]], code: str
) -> None:
    begin = time.monotonic()
    assert failure(connect(serve(answer).port)).code == code
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"])
def test_an_answer_that_drips_is_cut_off_by_its_time(
    serve: Serve, authority: Authority, start: bytes
) -> None:
    def drip(request: Request) -> Iterator[bytes]:
        yield start or b"HTTP/1.1 200 OK\r\nX-Slow: "
        while True:
            server.wait(0.1)
            yield b" "

    server = serve(drip, authority.context())
    begin = time.monotonic()
    error = failure(connect(server.port, ca_file=authority.ca_file))
    assert (type(error), error.code) == (RetryLaterError, "AnswerTooSlow")
    assert 0.9 < time.monotonic() - begin < 3


@pytest.mark.parametrize(
    "status, family",
    [
        ("429 Too Many Requests", RetryLaterError),
        ("503 Service Unavailable", RetryLaterError),
        ("504 Gateway Timeout", RetryLaterError),
        ("500 Internal Server Error", RetryLaterError),
        ("400 Bad Request", AdminActionError),
        ("403 Forbidden", AdminActionError),
        ("404 Not Found", AdminActionError),
        ("302 Found", AdminActionError),
    ],
)
def test_an_http_status_says_who_can_act(serve: Serve, status: str, family: type[BoundaryError]) -> None:
    server = serve(
        lambda request: [http(b"No.", status, Content_Type="text/plain", Location="https://other/")]
    )
    error = failure(connect(server.port))
    assert type(error) is family
    assert error.code == f"HTTP {status[:3]}"
    assert len(server.requests) == 1  # no redirect is followed


def test_a_server_error_without_a_fault_keeps_its_status(serve: Serve) -> None:
    server = serve(lambda request: [http(b"", "500 Internal Server Error")])
    error = failure(connect(server.port))
    assert (type(error), error.code) == (RetryLaterError, "HTTP 500")


@pytest.mark.parametrize(
    "value, back_off",
    [("7", timedelta(seconds=7)), ("99999999", timedelta(hours=1)), ("soon", None), ("-1", None)],
)
def test_retry_after_is_honoured_within_an_hour(serve: Serve, value: str, back_off: timedelta | None) -> None:
    server = serve(lambda request: [http(b"", "503 Service Unavailable", Retry_After=value)])
    error = failure(connect(server.port))
    assert isinstance(error, RetryLaterError)
    assert error.back_off == back_off


def test_a_page_of_something_else_is_not_exchange(serve: Serve) -> None:
    server = serve(lambda request: [http(b"<html>Sign in</html>", Content_Type="text/html")])
    assert failure(connect(server.port)).code == "NotExchange"


def test_the_diagnosis_of_a_refusal_is_kept(serve: Serve) -> None:
    diagnosis = '2000010;reason="EWS is disabled."'
    server = serve(lambda request: [http(b"", "403 Forbidden", X_MS_Diagnostics=diagnosis)])
    assert failure(connect(server.port)).server_message == diagnosis


def test_a_token_that_the_server_echoes_is_not_passed_on(serve: Serve) -> None:
    server = serve(lambda request: [http(request.head.encode(), "403 Forbidden")])
    assert "Bearer (token)" in failure(connect(server.port)).server_message


def test_a_refused_token_is_renewed_once(serve: Serve) -> None:
    def new_tokens_only(request: Request) -> list[bytes]:
        return [http(NO_CHANGES) if "Bearer t2" in request.head else http(b"", "401 Unauthorized")]

    server = serve(new_tokens_only)
    connect(server.port).changes("inbox", None, limit=10, ids_only=True)
    assert len(server.requests) == 2


def test_a_second_refusal_is_the_admins(serve: Serve) -> None:
    server = serve(lambda request: [http(b"", "401 Unauthorized")])
    error = failure(connect(server.port))
    assert isinstance(error, AdminActionError)
    assert (error.code, len(server.requests)) == ("HTTP 401", 2)


def test_a_connection_that_breaks_while_an_earlier_failure_is_handled_is_named_for_itself(
    serve: Serve,
) -> None:
    def refuses_then_drops(request: Request) -> Iterator[bytes]:
        if request.number > 1:
            raise Drop
        yield http(b"", "401 Unauthorized")

    session = connect(serve(refuses_then_drops).port)
    assert failure(session).code == "ConnectionLost"
    try:
        raise AdminActionError("HTTP 403")
    except AdminActionError:
        assert failure(session).code == "ConnectionLost"


def test_an_older_server_is_asked_in_its_version_from_then_on(serve: Serve) -> None:
    def only_2013(request: Request) -> list[bytes]:
        if b"Exchange2013_SP1" in request.body:
            return [http(NO_CHANGES)]
        return [http(fault("ErrorInvalidServerVersion"), "500 Internal Server Error")]

    server = serve(only_2013)
    session = connect(server.port)
    for _ in range(2):
        session.changes("inbox", None, limit=10, ids_only=True)
    assert len(server.requests) == 3


def test_an_address_inside_our_own_network_is_refused_before_connecting(serve: Serve) -> None:
    server = serve(nothing_new)
    error = failure(connect(server.port, guard=AddressGuard()))
    assert (type(error), error.code) == (AdminActionError, "AddressNotAllowed")
    assert server.connections == 0


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_ca_file_that_cannot_be_used_is_the_admins(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    servers = ExchangeServers(MemorySecrets({}), ca_file=str(file))
    with pytest.raises(AdminActionError, match="CaFileNotUsable"):
        servers.open(settings_for(server="mail.corp.example", port=443))


GET_ITEM = "<m:GetItemResponse><m:ResponseMessages>{}</m:ResponseMessages></m:GetItemResponse>"
STOPPED = (
    '<m:GetItemResponseMessage ResponseClass="Warning"><m:MessageText>Stopped.</m:MessageText>'
    "<m:ResponseCode>ErrorBatchProcessingStopped</m:ResponseCode><m:Items/></m:GetItemResponseMessage>"
)
ANSWERED = (
    '<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items>'
    '<t:Message><t:MimeContent>SGk=</t:MimeContent><t:ItemId Id="{}"/></t:Message></m:Items>'
    "</m:GetItemResponseMessage>"
)


def test_items_that_a_warning_says_were_not_looked_at_are_asked_for_again(serve: Serve) -> None:
    body = soap(GET_ITEM.format(ANSWERED.format("a") + STOPPED))
    session = connect(serve(lambda request: [http(body)]).port)
    answers = session.messages(["a", "b"])
    first = next(answers)
    assert isinstance(first, FetchedMessage)
    assert b"".join(first.chunks) == b"Hi"
    with pytest.raises(RetryLaterError, match="ErrorBatchProcessingStopped"):
        next(answers)


def test_contents_are_never_given_to_another_item(serve: Serve) -> None:
    body = soap(GET_ITEM.format(ANSWERED.format("b") + ANSWERED.format("a")))
    session = connect(serve(lambda request: [http(body)]).port)
    answers = session.messages(["a", "b"])
    first = next(answers)
    assert isinstance(first, FetchedMessage)
    with pytest.raises(RetryLaterError, match="out of order"):
        b"".join(first.chunks)


def test_more_answers_than_items_are_refused(serve: Serve) -> None:
    body = soap(GET_ITEM.format(ANSWERED.format("a") * 2))
    session = connect(serve(lambda request: [http(body)]).port)
    answers = session.messages(["a"])
    assert isinstance(next(answers), FetchedMessage)
    with pytest.raises(RetryLaterError, match="MalformedAnswer"):
        next(answers)


def test_an_error_that_is_kept_holds_no_connection(serve: Serve) -> None:
    server = serve(lambda request: [http(soap(GET_ITEM.format(ANSWERED.format("a"))))])
    session = connect(server.port)
    kept = [failure(session) for _ in range(MAX_CONCURRENT + 1)]
    assert [error.code for error in kept] == ["MalformedAnswer"] * (MAX_CONCURRENT + 1)


def test_tls_is_never_switched_off() -> None:
    context = tls_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
