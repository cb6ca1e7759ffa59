"""One SMTP connection (RFC 5321): smtplib's commands on a guarded socket, with replies that are bounded in
size and time.

While a reply is waited for, `while_waiting` is called every few seconds. Raises `RetryLaterError` and
`AdminActionError` only; what they mean for a mail is `exchange.smtp_sender`'s. Nothing is stored.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from exchange.address_guard import AddressGuard
from exchange.connections import connect_guarded
from exchange.network_errors import network_error
from exchange.time_limit import TimeLimit

_MAX_LINE_BYTES = 2_048
"""RFC 5321, section 4.5.3.1.5, asks for 512; some servers say more."""
_MAX_LINES = 100
_SLICE_SECONDS = 5.0
_FAREWELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SmtpTimes:
    """Bounds in seconds. `session`: all of it up to the end of DATA; `reply`: one reply; `end_of_data`: the
    reply to the message (RFC 5321, section 4.5.3.2, asks for 10 minutes, a function has five in all)."""

    connect: float = 10.0
    reply: float = 60.0
    session: float = 150.0
    end_of_data: float = 110.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply, its lines joined by spaces and cut to 500 printable characters."""

    code: int
    text: str

    @property
    def name(self) -> str:
        """As errors and remedies name it."""
        return f"SMTP {self.code}"

    @property
    def is_good(self) -> bool:
        """RFC 5321, section 4.2.1: 2yz."""
        return 200 <= self.code < 300

    def error(self) -> BoundaryError:
        """What the refusal means: 4yz passes, all else does not."""
        if 400 <= self.code < 500:
            return RetryLaterError(self.name, self.text)
        return AdminActionError(self.name, self.text)


class SmtpConnection(smtplib.SMTP):
    """`connect_to` first, `leave` at the end. Not for several threads."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        guard: AddressGuard,
        own_name: str,
        times: SmtpTimes,
        while_waiting: Callable[[], None],
    ) -> None:
        super().__init__(local_hostname=own_name)
        self._host = host
        self._port = port
        self._guard = guard
        self._times = times
        self._limit = TimeLimit(times.session)
        self._while_waiting = while_waiting
        self._received = bytearray()
        self._reply_until = 0.0

    @property
    def server(self) -> str:
        """Host and port, for messages."""
        return f"{self._host}:{self._port}"

    def connect_to(self, tls: ssl.SSLContext | None) -> None:
        """Connects, with TLS from the first byte where `tls` is given, and reads the greeting."""
        self.sock = connect_guarded(
            self._guard, self._host, self._port, self._limit.left(self._times.connect)
        )
        # Small commands wait for replies: nothing is gained by collecting them.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._wrap(tls)
        try:
            greeting = self.reply()
        except _UnreadableReplyError as error:
            raise AdminActionError("NotSmtp", error.server_message) from error
        if not greeting.is_good:
            raise greeting.error()

    def say_hello(self) -> None:
        """EHLO, and HELO where a server does not know it; afterwards `has_extn` answers."""
        code, text = self.ehlo()
        if code >= 500:
            code, text = self.helo()
        if not 200 <= code < 300:
            raise _reply(code, text).error()

    def secure(self, tls: ssl.SSLContext) -> None:
        """STARTTLS (RFC 3207). Never goes on without."""
        if not self.has_extn("starttls"):
            raise AdminActionError("StartTlsNotOffered", self.server)
        answer = self.command("STARTTLS")
        if not answer.is_good:
            raise answer.error()
        if self._received:
            # Section 4.2 there: what came before TLS proves nothing, and nobody honest sends it.
            raise AdminActionError("StartTlsNotClean", f"{self.server}: bytes between the reply and TLS")
        self._wrap(tls)
        self.esmtp_features = {}
        self.say_hello()

    def sign_in(self, user_name: str, password: str) -> None:
        """AUTH PLAIN, else LOGIN (RFC 4954, RFC 4616), once: a password that is wrong is not tried again."""
        offered = self.esmtp_features.get("auth", "").upper().split()
        name, secret = user_name.encode(), password.encode()
        if "PLAIN" in offered:
            answer = self.command("AUTH", "PLAIN " + _base64(b"\0" + name + b"\0" + secret))
        elif "LOGIN" in offered:
            answer = self.command("AUTH", "LOGIN")
            for said in (name, secret):
                if answer.code == 334:
                    answer = self.command(_base64(said))
        else:
            raise AdminActionError(
                "SmtpLoginNotOffered", f"{self.server} offers: {' '.join(offered) or 'none'}"
            )
        if not answer.is_good:
            raise answer.error()

    def command(self, verb: str, arguments: str = "") -> Reply:
        """One command and its reply."""
        self.putcmd(verb, arguments)
        return self.reply()

    def reply(self, seconds: float | None = None) -> Reply:
        """The next reply, within `seconds` or what the session has left. Raises `RetryLaterError`
        (`SmtpReplyUnreadable`, `ReadTimeout`, `ConnectionLost`, `AnswerTooLong`)."""
        wait = self._limit.left(self._times.reply) if seconds is None else seconds
        self._reply_until = time.monotonic() + wait
        return self._read_reply()

    def getreply(self) -> tuple[int, bytes]:
        """What smtplib's own commands read their replies by."""
        answer = self.reply()
        return answer.code, "\n".join(self._lines).encode()

    def send(self, s: bytes | str) -> None:  # type: ignore[override]  # smtplib's stub has no name for it
        """Sends bytes as they are. Raises `RetryLaterError`, `AdminActionError`."""
        data = s.encode(self.command_encoding) if isinstance(s, str) else s
        assert self.sock is not None, "connect_to() comes first"
        try:
            self.sock.settimeout(self._limit.left(self._times.reply))
            self.sock.sendall(data)
        except OSError as error:
            raise network_error(error, self.server) from error

    def leave(self) -> None:
        """QUIT, and closes the connection. Its reply is not waited for: what the mail became is known, and
        has to be written down. Never raises for what the server does."""
        with suppress(OSError):
            if self.sock is not None:
                self.sock.settimeout(_FAREWELL_SECONDS)
                self.sock.sendall(b"QUIT\r\n")
        self.close()

    def _wrap(self, tls: ssl.SSLContext) -> None:
        assert self.sock is not None
        try:
            self.sock.settimeout(self._limit.left(self._times.connect))
            self.sock = tls.wrap_socket(self.sock, server_hostname=self._host)
        except (OSError, ValueError) as error:
            trouble = network_error(error, self.server)
            raise (
                AdminActionError("SmtpNotTls", self.server) if trouble.code == "NotHttps" else trouble
            ) from error

    def _read_reply(self) -> Reply:
        self._lines: list[str] = []
        while len(self._lines) < _MAX_LINES:
            line = self._line()
            code, rest = line[:3], line[3:]
            if not code.isdigit() or not code.isascii() or rest[:1] not in ("", " ", "-"):
                raise _UnreadableReplyError("SmtpReplyUnreadable", f"{self.server}: no SMTP reply")
            self._lines.append(rest[1:])
            if rest[:1] != "-":
                return _reply(int(code), "\n".join(self._lines).encode())
        raise RetryLaterError("AnswerTooLong", f"{self.server}: more than {_MAX_LINES} lines in a reply")

    def _line(self) -> str:
        while b"\n" not in self._received:
            if len(self._received) > _MAX_LINE_BYTES:
                raise RetryLaterError("AnswerTooLong", f"{self.server}: a line without an end")
            self._received += self._receive()
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def _receive(self) -> bytes:
        assert self.sock is not None, "connect_to() comes first"
        while True:
            left = self._reply_until - time.monotonic()
            if left <= 0:
                raise RetryLaterError("ReadTimeout", self.server)
            self.sock.settimeout(min(_SLICE_SECONDS, left))
            try:
                data = self.sock.recv(4_096)
            except TimeoutError:
                self._while_waiting()
                continue
            except OSError as error:
                raise network_error(error, self.server) from error
            if not data:
                raise RetryLaterError("ConnectionLost", self.server)
            return data


class _UnreadableReplyError(RetryLaterError):
    """What came is no reply."""


def _reply(code: int, text: bytes) -> Reply:
    words = text.decode("utf-8", "replace").replace("\n", " ")
    return Reply(code, "".join(one if one.isprintable() else "?" for one in words)[:500])


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
