"""One SMTP connection: aiosmtpd's protocol with a rim around each command."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.smtp import SMTP

from sandbox.edge import Calls
from sandbox.faults import Faults
from sandbox.smtp.rim import CONNECT, END_OF_DATA, Rim, Wire

_PATH = re.compile(r"<([^>]*)>")
_CHALLENGE = "334 "
_SEND_DATA = "354 "

Command = Callable[[Any], Awaitable[None]]


class SmtpSession(SMTP):
    """`push` is where every reply passes, `smtp_…` where every command arrives."""

    def __init__(self, handler: object, faults: Faults, calls: Calls, **options: Any) -> None:
        super().__init__(handler, **options)
        wire = Wire(
            write_line=super().push,
            write=self._write,
            drop=self._drop,
            transport=lambda: self.transport,
        )
        self._rim = Rim(wire, faults, calls)
        self._is_greeted = False
        self._awaits_data = False

    async def push(self, status: str | bytes) -> None:
        """Sends one line of a reply."""
        line = status.encode() if isinstance(status, str) else status
        if not self._is_greeted:
            self._is_greeted = True
            line = await self._rim.arrives(CONNECT, None) or line
        elif self._awaits_data:  # too large, or with too long a line: nobody else is asked
            line = await self.end_of_data() or line
        if line.startswith(_CHALLENGE.encode()):  # AUTH goes on: its answer is still to come
            await super().push(line)
            return
        await self._rim.reply(line)
        self._awaits_data = line.startswith(_SEND_DATA.encode())

    async def end_of_data(self) -> bytes | None:
        """The message has come in full; see `Rim.arrives`."""
        self._awaits_data = False
        return await self._rim.arrives(END_OF_DATA, self._sender())

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - the names are aiosmtpd's
        await self._command("EHLO", super().smtp_EHLO, hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        await self._command("HELO", super().smtp_HELO, hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        await self._command("STARTTLS", super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        await self._command("AUTH", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        await self._command("MAIL", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        await self._command("RCPT", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        await self._command("DATA", super().smtp_DATA, arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        await self._command("RSET", super().smtp_RSET, arg)

    async def smtp_NOOP(self, arg: str) -> None:  # noqa: N802
        await self._command("NOOP", super().smtp_NOOP, arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        await self._command("QUIT", super().smtp_QUIT, arg)

    async def _command(self, name: str, handle: Command, arg: str | None) -> None:
        instead = await self._rim.arrives(name, self._concerned(name, arg))
        if instead is None:
            await handle(arg)
        else:
            await self._rim.reply(instead)

    def _concerned(self, name: str, arg: str | None) -> str | None:
        """The address that a command is about: the recipient of RCPT, the envelope's sender otherwise."""
        if name in ("MAIL", "RCPT"):
            found = _PATH.search(arg or "")
            return found[1] if found else None
        return self._sender()

    def _sender(self) -> str | None:
        return self.envelope.mail_from if self.envelope else None

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _drop(self, after_what_was_written: bool) -> None:
        """Breaks the connection off; the task of the connection ends with it."""
        transport = self.transport
        if isinstance(transport, asyncio.WriteTransport):
            if after_what_was_written:
                transport.close()
            else:
                transport.abort()
        await asyncio.Event().wait()  # connection_lost cancels the task
