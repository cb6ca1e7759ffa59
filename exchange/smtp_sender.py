"""Sends mails over SMTP (RFC 5321): `domain.sending_ports.SmtpSender`.

A server acts on a message only when its end has come (section 4.1.1.4): whatever breaks before leaves nothing
sent. Dies, or loses the connection, after the end of DATA went out: nobody can tell, and nothing here tries
again.
"""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from domain.compose.addresses import BadAddressError, needs_smtputf8, outgoing_address
from domain.configuration import SmtpSecurity, SmtpServer
from domain.errors import AdminActionError, BoundaryError, NotFoundError, RetryLaterError
from domain.outbox import OutcomeState, RecipientOutcome
from domain.ports import SecretReader
from domain.sending_ports import AnswerLostError, SmtpResult
from exchange.address_guard import AddressGuard
from exchange.connections import tls_context
from exchange.smtp_connection import Reply, SmtpConnection, SmtpTimes
from exchange.smtp_data import END_OF_DATA, Spooled, chunks_of, spool_message

_IN_MEMORY_BYTES = 1_048_576
_CONTINUE = 354
_CLOSING = 421


@dataclass(frozen=True, slots=True)
class _Envelope:
    """Addresses as they are asked for, recipients with the text that they came as."""

    sender: str
    recipients: tuple[tuple[str, str], ...]
    refused: tuple[RecipientOutcome, ...]

    @property
    def needs_smtputf8(self) -> bool:
        return any(needs_smtputf8(address) for address in (self.sender, *(one for _, one in self.recipients)))


class SmtpMailSender:
    """See the port. `allowed_networks`: CIDRs that may be connected to though they are not public. `ca_file`:
    PEM of further authorities to trust. Safe for several threads."""

    def __init__(
        self,
        secrets: SecretReader,
        *,
        ca_file: str | None = None,
        allowed_networks: Sequence[str] = (),
        times: SmtpTimes | None = None,
    ) -> None:
        self._secrets = secrets
        self._ca_file = ca_file
        self._guard = AddressGuard(allowed_networks)
        self._times = times or SmtpTimes()
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def send(
        self,
        server: SmtpServer,
        *,
        sender: str,
        recipients: Sequence[str],
        message: Callable[[], Iterator[bytes]],
        before_data: Callable[[], None],
        still_at_work: Callable[[], None],
    ) -> SmtpResult:
        """The message goes through a file: one of 25 MB takes 1 MiB of memory, and nothing but the network
        can stop it once DATA is begun."""
        envelope = _envelope(sender, recipients)
        if not envelope.recipients:
            return _nobody(envelope.refused)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spool:
            spooled = spool_message(message(), spool)
            with self._connection(server, envelope.sender, still_at_work) as connection:
                refused = (*envelope.refused, *_ask(connection, envelope, spooled))
                if len(refused) == len(envelope.refused) + len(envelope.recipients):
                    return _nobody(refused)
                before_data()
                return self._data(connection, spool, refused, still_at_work)

    @contextmanager
    def _connection(
        self, server: SmtpServer, sender: str, still_at_work: Callable[[], None]
    ) -> Iterator[SmtpConnection]:
        """Secured and signed in."""
        password = self._password(server)
        context = None if server.security is SmtpSecurity.NONE else self._tls()
        connection = SmtpConnection(
            server.host,
            server.port,
            guard=self._guard,
            own_name=sender.rpartition("@")[2],
            times=self._times,
            while_waiting=still_at_work,
        )
        try:
            with _refused_connections_pass():
                connection.connect_to(context if server.security is SmtpSecurity.TLS else None)
            connection.say_hello()
            if context is not None and server.security is SmtpSecurity.STARTTLS:
                connection.secure(context)
            if server.user_name is not None:
                connection.sign_in(server.user_name, password)
            yield connection
            connection.leave()
        finally:
            connection.close()

    def _data(
        self,
        connection: SmtpConnection,
        spool: IO[bytes],
        refused: tuple[RecipientOutcome, ...],
        still_at_work: Callable[[], None],
    ) -> SmtpResult:
        begun = connection.command("DATA")
        if begun.code != _CONTINUE:
            return _answered(begun, refused)
        for chunk in chunks_of(spool):
            connection.send(chunk)
            still_at_work()
        try:
            connection.send(END_OF_DATA)
            return _answered(connection.reply(self._times.end_of_data), refused)
        except BoundaryError as error:
            raise AnswerLostError(f"No answer to the end of the message: {error.code}.") from error

    def _password(self, server: SmtpServer) -> str:
        if server.user_name is None:
            return ""
        if server.password is None:
            raise AdminActionError("SecretNotFound", "No password is stored for the SMTP server.")
        try:
            return self._secrets.read(server.password.name, server.password.version)
        except NotFoundError as error:
            raise AdminActionError("SecretNotFound", "The SMTP server's password is gone.") from error

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                try:
                    self._context = tls_context(self._ca_file)
                except OSError as error:  # ssl.SSLError is one
                    raise AdminActionError("CaFileNotUsable", f"{self._ca_file}: {error.strerror}") from error
            return self._context


def _envelope(sender: str, recipients: Iterable[str]) -> _Envelope:
    """Raises `AdminActionError` where the sender is no address."""
    good: list[tuple[str, str]] = []
    bad: list[RecipientOutcome] = []
    for one in recipients:
        try:
            good.append((one, outgoing_address(one)))
        except BadAddressError as error:
            bad.append(RecipientOutcome(one, OutcomeState.REFUSED, error.code, str(error)))
    try:
        return _Envelope(outgoing_address(sender), tuple(good), tuple(bad))
    except BadAddressError as error:
        raise AdminActionError(error.code, f"The sender: {error}") from error


def _ask(connection: SmtpConnection, envelope: _Envelope, spooled: Spooled) -> list[RecipientOutcome]:
    """MAIL and RCPT; the recipients that were refused. Raises for what concerns the whole mail."""
    options = _options(connection, envelope, spooled)
    answer = connection.command("MAIL", f"FROM:<{envelope.sender}>{options}")
    if not answer.is_good:
        raise answer.error()
    refused = []
    for text, address in envelope.recipients:
        answer = connection.command("RCPT", f"TO:<{address}>")
        if answer.code == _CLOSING:
            raise answer.error()
        if not answer.is_good:
            refused.append(RecipientOutcome(text, OutcomeState.REFUSED, answer.name, answer.text))
    return refused


def _options(connection: SmtpConnection, envelope: _Envelope, spooled: Spooled) -> str:
    """Parameters of MAIL (RFC 1870, RFC 6152, RFC 6531)."""
    options = ""
    if connection.has_extn("size"):
        limit = connection.esmtp_features.get("size", "")
        if limit.isascii() and limit.isdigit() and 0 < int(limit) < spooled.size_bytes:
            raise AdminActionError(
                "SmtpMessageTooLarge", f"{spooled.size_bytes} bytes; {connection.server} takes {limit}"
            )
        options += f" SIZE={spooled.size_bytes}"
    if envelope.needs_smtputf8 or not spooled.is_ascii:
        if not (connection.has_extn("smtputf8") and connection.has_extn("8bitmime")):
            raise AdminActionError("SmtpUtf8NotOffered", connection.server)
        connection.command_encoding = "utf-8"
        options += " BODY=8BITMIME SMTPUTF8"
    return options


def _answered(answer: Reply, refused: tuple[RecipientOutcome, ...]) -> SmtpResult:
    """The server's word on the message. Raises `RetryLaterError` for a reply that says neither."""
    if answer.is_good or answer.code >= 400:
        return SmtpResult(answer.is_good, refused, answer.name, answer.text)
    raise RetryLaterError("SmtpReplyUnreadable", f"{answer.name} {answer.text}")


def _nobody(refused: tuple[RecipientOutcome, ...]) -> SmtpResult:
    """All recipients are refused; where one of them is for the moment only, the mail is tried again."""
    passing = [one for one in refused if one.code.startswith("SMTP 4")]
    first = (passing or list(refused))[0]
    return SmtpResult(False, refused, first.code, first.detail)


@contextmanager
def _refused_connections_pass() -> Iterator[None]:
    """A server that restarts refuses connections for a moment; mails wait for it."""
    try:
        yield
    except AdminActionError as error:
        if error.code != "ConnectionRefused":
            raise
        raise RetryLaterError(error.code, error.server_message) from error
