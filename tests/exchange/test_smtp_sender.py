"""A mail over SMTP: what the server said is what the result says, and nothing else is ever believed."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.configuration import SmtpSecurity
from domain.errors import AdminActionError, BoundaryError, ConflictError, RetryLaterError
from domain.outbox import OutcomeState, RecipientOutcome
from domain.remedies import KNOWN_CODES
from domain.sending_ports import AnswerLostError
from tests.exchange.certificates import Authority
from tests.exchange.smtp_world import (
    ACCOUNT,
    MESSAGE,
    PASSWORD,
    SENDER,
    SmtpWorld,
    saying,
    settings_of,
    smtp_world,
)
from tests.exchange.world import MemorySecrets

BEFORE_THE_END = ("Connect", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpWorld]:
    authority = Authority(Path(tmp_path_factory.mktemp("smtp")))
    secrets = MemorySecrets({(PASSWORD.name, PASSWORD.version): ACCOUNT.password})
    with smtp_world(authority, secrets) as world:
        yield world


@pytest.fixture
def smtp(running: SmtpWorld) -> SmtpWorld:
    running.faults.clear()
    running.mail_system.taken.clear()
    running.mail_system.refused.clear()
    running.mail_system.limit_bytes = 10_000_000
    running.before_data = 0
    running.calls.reset()
    return running


@pytest.mark.parametrize("security", list(SmtpSecurity))
def test_a_mail_arrives_byte_for_byte(smtp: SmtpWorld, security: SmtpSecurity) -> None:
    result = smtp.send("ann@fin.example", "bob@fin.example", server=smtp.server(security))

    assert (result.accepted, result.refused, result.code) == (True, (), "SMTP 250")
    assert smtp.mail_system.taken == [(MESSAGE, SENDER, ["ann@fin.example", "bob@fin.example"])]
    assert smtp.before_data == 1
    assert smtp.calls.counters["smtp"]["AUTH"] == (security is not SmtpSecurity.NONE)


@pytest.mark.parametrize(
    "chunks, arrives",
    [
        ([b".\r\n", b".\r\n", b"x\r\n.", b".\r\n"], b".\r\n.\r\nx\r\n..\r\n"),
        ([b"no end"], b"no end\r\n"),
        ([b"x\r", b"\n", b".y\r\n"], b"x\r\n.y\r\n"),
        ([], b""),
    ],
)
def test_lines_with_dots_arrive_as_they_were_however_the_message_comes_in_pieces(
    smtp: SmtpWorld, chunks: list[bytes], arrives: bytes
) -> None:
    smtp.send(chunks=chunks)
    [(raw, _, _)] = smtp.mail_system.taken
    assert raw == arrives


@pytest.mark.parametrize("operation", BEFORE_THE_END)
@pytest.mark.parametrize("kind", ["cut-before", "cut-after", "cut-mid", "endless", "malformed-xml"])
def test_what_breaks_before_the_end_of_the_message_is_tried_again_for_nothing_has_left(
    smtp: SmtpWorld, kind: str, operation: str
) -> None:
    smtp.fault(kind, operation, delay_s=0.01)

    with pytest.raises(BoundaryError) as trouble:
        smtp.send()

    if (kind, operation) == ("malformed-xml", "Connect"):
        assert trouble.value.code == "NotSmtp"
    else:
        assert isinstance(trouble.value, RetryLaterError), trouble.value
    assert trouble.value.code in KNOWN_CODES
    assert smtp.mail_system.taken == []
    assert smtp.before_data == (operation == "DATA")


@pytest.mark.parametrize("kind, left", [("cut-before", 0), ("cut-after", 1), ("cut-mid", 1), ("endless", 0)])
def test_without_a_whole_answer_to_the_end_of_the_message_nobody_can_tell(
    smtp: SmtpWorld, kind: str, left: int
) -> None:
    smtp.fault(kind, "EndOfData", delay_s=0.01)

    with pytest.raises(AnswerLostError):
        smtp.send()

    assert len(smtp.mail_system.taken) == left


def test_an_answer_that_comes_too_late_is_none(smtp: SmtpWorld) -> None:
    smtp.fault("delay", "EndOfData", delay_s=0.9)
    with pytest.raises(AnswerLostError):
        smtp.send()


@pytest.mark.parametrize("operation", [one for one in BEFORE_THE_END if one not in ("RCPT", "DATA")])
@pytest.mark.parametrize("status, passes", [(421, True), (451, True), (554, False)])
def test_a_refusal_before_recipients_is_of_the_whole_mail(
    smtp: SmtpWorld, operation: str, status: int, passes: bool
) -> None:
    for _ in range(2):  # where EHLO is refused, HELO is tried
        smtp.fault("status", operation.replace("EHLO", "*LO"), status=status)
    security = "none" if operation == "EHLO" else "starttls"

    with pytest.raises(RetryLaterError if passes else AdminActionError) as trouble:
        smtp.send(server=smtp.server(security))

    assert trouble.value.code == f"SMTP {status}"
    assert (smtp.mail_system.taken, smtp.before_data) == ([], 0)


@pytest.mark.parametrize("operation", ["DATA", "EndOfData"])
@pytest.mark.parametrize("status, passes", [(451, True), (554, False)])
def test_a_refusal_of_the_message_is_the_servers_own_answer(
    smtp: SmtpWorld, operation: str, status: int, passes: bool
) -> None:
    smtp.fault("status", operation, status=status, error="5.7.1 No thanks")

    result = smtp.send()

    assert (result.accepted, result.code, result.detail) == (False, f"SMTP {status}", "5.7.1 No thanks")
    assert result.is_passing is passes
    assert smtp.mail_system.taken == []


def test_each_refused_recipient_is_told_and_the_others_get_the_mail(smtp: SmtpWorld) -> None:
    smtp.mail_system.refused["gone@fin.example"] = "550 5.1.1 No such user"

    result = smtp.send("ann@fin.example", "gone@fin.example", "no address")

    assert result.accepted
    assert [(one.address, one.state, one.code) for one in result.refused] == [
        ("no address", OutcomeState.REFUSED, "NotAnAddress"),
        ("gone@fin.example", OutcomeState.REFUSED, "SMTP 550"),
    ]
    assert smtp.mail_system.taken[0][2] == ["ann@fin.example"]


@pytest.mark.parametrize("second, passes", [("451 4.2.1 Later", True), ("550 5.1.1 No", False)])
def test_where_all_recipients_are_refused_nothing_is_submitted(
    smtp: SmtpWorld, second: str, passes: bool
) -> None:
    smtp.mail_system.refused.update({"a@fin.example": "550 5.1.1 No", "b@fin.example": second})

    result = smtp.send("a@fin.example", "b@fin.example")

    assert (result.accepted, result.is_passing, smtp.before_data) == (False, passes, 0)
    assert len(result.refused) == 2


def test_a_mail_that_is_too_large_is_not_even_begun(smtp: SmtpWorld) -> None:
    smtp.mail_system.limit_bytes = len(MESSAGE) - 1
    with pytest.raises(AdminActionError, match="SmtpMessageTooLarge"):
        smtp.send(server=smtp.server("none"))
    assert smtp.calls.counters["smtp"]["MAIL"] == 0


def test_international_addresses_go_out_where_the_server_takes_them(smtp: SmtpWorld) -> None:
    smtp.send("jörg@bücher.example", chunks=["To: jörg@xn--bcher-kva.example\r\n\r\nx\r\n".encode()])
    assert smtp.mail_system.taken[0][2] == ["jörg@xn--bcher-kva.example"]

    with (
        saying(b"220 x\r\n", b"250-x\r\n250 SIZE 9999\r\n", b"250 ok\r\n") as (port, _),
        pytest.raises(AdminActionError, match="SmtpUtf8NotOffered"),
    ):
        smtp.send("jörg@fin.example", server=settings_of(port, SmtpSecurity.NONE))


def test_a_wrong_password_is_tried_once(smtp: SmtpWorld) -> None:
    smtp.secrets.values["wrong", "1"] = "wrong"
    server = smtp.server(password=type(PASSWORD)("wrong", "1", PASSWORD.set_at, PASSWORD.set_by))

    with pytest.raises(AdminActionError, match="SMTP 535") as trouble:
        smtp.send(server=server)

    assert "wrong" not in str(trouble.value)
    assert smtp.calls.counters["smtp"]["AUTH"] == 1


def test_encryption_that_is_not_offered_is_not_done_without(smtp: SmtpWorld) -> None:
    with pytest.raises(AdminActionError, match="StartTlsNotOffered"):
        smtp.send(server=settings_of(smtp.ports["none"], SmtpSecurity.STARTTLS))
    with pytest.raises(AdminActionError, match="SmtpNotTls"):
        smtp.send(server=settings_of(smtp.ports["none"], SmtpSecurity.TLS))
    assert smtp.calls.counters["smtp"]["AUTH"] == 0


def test_bytes_that_come_before_tls_are_not_believed(smtp: SmtpWorld) -> None:
    said = (b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n")
    with saying(*said) as (port, _), pytest.raises(AdminActionError, match="StartTlsNotClean"):
        smtp.send(server=settings_of(port, SmtpSecurity.STARTTLS))


def test_a_login_that_is_not_offered_is_not_sent(smtp: SmtpWorld) -> None:
    with (
        saying(b"220 x\r\n", b"250-x\r\n250 AUTH GSSAPI\r\n") as (port, heard),
        pytest.raises(AdminActionError, match="SmtpLoginNotOffered"),
    ):
        smtp.send(server=settings_of(port, SmtpSecurity.NONE, user_name="u", password=PASSWORD))
    assert all(b"AUTH" not in one for one in heard)


def test_a_login_in_steps_is_done_where_nothing_else_is_offered(smtp: SmtpWorld) -> None:
    said = (
        b"220 x\r\n",
        b"250-x\r\n250 AUTH LOGIN\r\n",
        b"334 VXNlcg==\r\n",
        b"334 UGFzcw==\r\n",
        b"535 no\r\n",
    )
    with saying(*said) as (port, heard), pytest.raises(AdminActionError, match="SMTP 535"):
        smtp.send(server=settings_of(port, SmtpSecurity.NONE, user_name="u", password=PASSWORD))
    assert heard[1:4] == [b"AUTH LOGIN\r\n", b"dQ==\r\n", b"cMOkc3N3b3Jk\r\n"]


def test_a_certificate_that_does_not_hold_stops_everything(smtp: SmtpWorld, tmp_path: Path) -> None:
    stranger = smtp.sender()
    stranger._ca_file = str(Authority(tmp_path).ca_file)
    for security in ("starttls", "tls"):
        with pytest.raises(AdminActionError, match="CertificateUnknownIssuer"):
            smtp.send(server=smtp.server(security), client=stranger)
    assert smtp.calls.counters["smtp"]["AUTH"] == 0


def test_private_addresses_are_not_connected_to(smtp: SmtpWorld) -> None:
    with pytest.raises(AdminActionError, match="AddressNotAllowed"):
        smtp.send(client=smtp.sender(networks=()))
    assert smtp.calls.counters["smtp"]["Connect"] == 0


def test_a_server_that_is_not_there_is_waited_for(smtp: SmtpWorld) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = int(closed.getsockname()[1])
    with pytest.raises(RetryLaterError, match="ConnectionRefused"):
        smtp.send(server=settings_of(port, SmtpSecurity.NONE))


def test_a_deliverer_that_lost_its_entry_stops_before_the_end_of_the_message(smtp: SmtpWorld) -> None:
    def lost() -> None:
        raise ConflictError("somebody else's now")

    with pytest.raises(ConflictError):
        smtp.send(before_data=lost)
    with pytest.raises(ConflictError):
        smtp.send(still_at_work=lost)
    assert smtp.mail_system.taken == []


def test_a_password_that_is_gone_is_told_before_anything_is_connected_to(smtp: SmtpWorld) -> None:
    gone = type(PASSWORD)("gone", "1", PASSWORD.set_at, PASSWORD.set_by)
    with pytest.raises(AdminActionError, match="SecretNotFound"):
        smtp.send(server=smtp.server(password=gone))
    assert smtp.calls.counters["smtp"]["Connect"] == 0


def test_a_large_message_takes_little_memory(smtp: SmtpWorld) -> None:
    line = b"x" * 76 + b"\r\n"
    tracemalloc.start()
    try:
        with saying(
            b"220 x\r\n", b"250 x\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 ok\r\n"
        ) as (
            port,
            _,
        ):
            started = time.monotonic()
            smtp.send(server=settings_of(port, SmtpSecurity.NONE), chunks=_many(line * 1_000, 200))
            assert time.monotonic() - started < 5
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_refused_holds_what_the_server_said(smtp: SmtpWorld) -> None:
    smtp.mail_system.refused["ann@fin.example"] = "550 5.1.1 No such user"
    assert smtp.send().refused == (
        RecipientOutcome("ann@fin.example", OutcomeState.REFUSED, "SMTP 550", "5.1.1 No such user"),
    )


def _many(chunk: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield bytes(bytearray(chunk))
