"""The sandbox's SMTP server in a thread of the test, and servers that say exactly what a test wants."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from domain.configuration import PasswordRef, SmtpSecurity, SmtpServer
from domain.sending_ports import SmtpResult
from exchange.smtp_connection import SmtpTimes
from exchange.smtp_sender import SmtpMailSender
from sandbox.edge import Calls
from sandbox.exchange.refusals import Refusal
from sandbox.faults import Fault, Faults
from sandbox.smtp.account import SmtpAccount
from sandbox.smtp.server import SmtpServer as SandboxServer
from tests.exchange.certificates import Authority
from tests.exchange.world import LOOPBACK, MemorySecrets

ACCOUNT = SmtpAccount("notifications@corp.example", "pässword")
SENDER = "soc@corp.example"
MESSAGE = b"Subject: x\r\n\r\n.dot\r\n..two\r\nend\r\n"
FAST = SmtpTimes(connect=2, reply=0.5, session=5, end_of_data=0.5)
PASSWORD = PasswordRef("smtp", "1", datetime(2026, 11, 1, tzinfo=UTC), "admin@corp.example")


def settings_of(port: int, security: SmtpSecurity, **changes: Any) -> SmtpServer:
    """`localhost` at this port, with the login where the connection is encrypted."""
    made = SmtpServer("localhost", port, security)
    if security is not SmtpSecurity.NONE:
        made = replace(made, user_name=ACCOUNT.user_name, password=PASSWORD)
    return replace(made, **changes)


@dataclass
class MailSystem:
    """What the server hands mails to."""

    limit_bytes: int = 10_000_000
    refused: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[bytes, str, list[str]]] = field(default_factory=list)

    def size_limit_bytes(self) -> int:
        return self.limit_bytes

    def may_send_as(self, address: str) -> bool:
        return address.endswith("@corp.example") or not address.isascii()

    def refusal(self, recipient: str) -> Refusal | None:
        reply = self.refused.get(recipient)
        return Refusal(recipient, int(reply[:3]), reply[4:], later=False) if reply else None

    def accept(self, raw: bytes, sender: str, recipients: list[str]) -> str:
        self.taken.append((raw, sender, list(recipients)))
        return "queue-id"


@dataclass
class SmtpWorld:
    """A server for each security, the mails it took, and the faults it has."""

    mail_system: MailSystem
    faults: Faults
    calls: Calls
    ports: dict[str, int]
    authority: Authority
    secrets: MemorySecrets
    before_data: int = 0

    def server(self, security: str = "starttls", **changes: Any) -> SmtpServer:
        """Its settings."""
        return settings_of(self.ports[security], SmtpSecurity(security), **changes)

    def sender(self, times: SmtpTimes = FAST, networks: Sequence[str] = LOOPBACK) -> SmtpMailSender:
        """The client under test."""
        return SmtpMailSender(
            self.secrets, ca_file=str(self.authority.ca_file), allowed_networks=networks, times=times
        )

    def send(
        self,
        *to: str,
        server: SmtpServer | None = None,
        chunks: Iterable[bytes] = (MESSAGE,),
        client: SmtpMailSender | None = None,
        sender: str = SENDER,
        before_data: Callable[[], None] | None = None,
        still_at_work: Callable[[], None] = lambda: None,
    ) -> SmtpResult:
        """One mail."""

        def submit() -> None:
            self.before_data += 1

        return (client or self.sender()).send(
            server or self.server(),
            sender=sender,
            recipients=to or ("ann@fin.example",),
            message=lambda: iter(chunks),
            before_data=before_data or submit,
            still_at_work=still_at_work,
        )

    def fault(self, kind: str, operation: str, **more: Any) -> None:
        """Once."""
        self.faults.add(Fault("smtp", kind, operation, count=1, **more))


@contextmanager
def smtp_world(authority: Authority, secrets: MemorySecrets) -> Iterator[SmtpWorld]:
    """Runs until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    system, faults, calls = MailSystem(), Faults(), Calls()
    server = SandboxServer(system, ACCOUNT, context=authority.context(), faults=faults, calls=calls)
    started = server.start({"starttls": 0, "tls": 0, "none": 0})
    ports = asyncio.run_coroutine_threadsafe(started, loop).result(10)
    try:
        yield SmtpWorld(system, faults, calls, ports, authority, secrets)
    finally:
        loop.call_soon_threadsafe(server.stop)
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def saying(*replies: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says the first at once and one more after each thing that comes, then nothing. Its port,
    and what came."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    for reply in replies:
                        connection.sendall(reply)
                        heard.append(connection.recv(65_536))
                    while connection.recv(65_536):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
    thread.join(5)
