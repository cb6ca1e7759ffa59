"""Before and after every SMTP command: counts it, makes go wrong what shall, crashes the worker that sent it.

What `sandbox/edge.py` is for HTTP. Operations are `EHLO`, `HELO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`,
`EndOfData`, `RSET`, `NOOP`, `QUIT`, and `Connect`, whose answer is the greeting: it may fail, but is no call
that a worker dies of. Nothing is written to disk here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox.edge import Calls
from sandbox.edge_answers import ENDLESS_PAUSE_S
from sandbox.faults import Fault, Faults

PART = "smtp"
CONNECT = "Connect"
END_OF_DATA = "EndOfData"
MALFORMED_REPLY = b"\xff\xfe<html>this is no reply"
ENDLESS_LINE = b"250-" + b"." * 500
SERVICE_CLOSES = 421
"""The one reply code after which a server closes the connection (RFC 5321 section 3.8)."""

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection, as the rim needs it: a reply line can be written; `drop` breaks it off, after what was
    written has gone out (`close`) or at once.
    """

    write_line: Write
    write: Write
    drop: Callable[[bool], Awaitable[None]]
    transport: Callable[[], asyncio.BaseTransport | None]


class Rim:
    """The rim of one connection. For each command `arrives`, then `reply` for what is to be answered."""

    def __init__(self, wire: Wire, faults: Faults, calls: Calls) -> None:
        self._wire = wire
        self._faults = faults
        self._calls = calls
        self._operation = CONNECT
        self._doomed: int | None = None
        self._fault: Fault | None = None
        self._killing: asyncio.Task[None] | None = None

    async def arrives(self, operation: str, mailbox: str | None) -> bytes | None:
        """A command has come; None: it is to be handled. Otherwise it is not, and this is the reply."""
        self._operation, self._fault, self._doomed = operation, None, None
        self._calls.count(PART, operation)
        if self._calls.crash is not None and operation != CONNECT:
            self._doomed = self._calls.crash.count_call(self._wire.transport())
        fault = self._faults.take(PART, operation, mailbox)
        return None if fault is None or self._doomed is not None else await self._instead(fault)

    async def reply(self, line: bytes) -> None:
        """Sends a reply's line, or what becomes of it. Does not return where the connection is gone."""
        if self._doomed is not None and self._calls.crash is not None:
            # The worker's end closes the connection, which ends this task in the middle of waiting for it.
            self._killing = asyncio.create_task(self._calls.crash.kill(self._doomed, PART, self._operation))
            await asyncio.shield(self._killing)
            await self._wire.drop(False)
        if self._fault is not None and self._fault.kind == "cut-after":
            await self._wire.drop(False)
        if self._fault is not None and self._fault.kind == "cut-mid":
            await self._wire.write(line[: max(1, len(line) // 2)])
            await self._wire.drop(True)
        await self._wire.write_line(line)

    async def _instead(self, fault: Fault) -> bytes | None:
        if fault.delay_s and fault.kind != "endless":
            await asyncio.sleep(fault.delay_s)
        match fault.kind:
            case "status":
                return await self._refused(fault)
            case "cut-before":
                await self._wire.drop(False)
            case "malformed-xml":
                return MALFORMED_REPLY
            case "endless":
                while True:
                    await self._wire.write_line(ENDLESS_LINE)
                    await asyncio.sleep(fault.delay_s or ENDLESS_PAUSE_S)
            case "cut-after" | "cut-mid":
                self._fault = fault
        return None

    async def _refused(self, fault: Fault) -> bytes:
        status = fault.status or 451
        text = fault.error or ("4.3.2 Please try again later" if status < 500 else "5.7.0 Refused")
        line = f"{status} {text}".encode()
        if status == SERVICE_CLOSES:
            await self._wire.write_line(line)
            await self._wire.drop(True)
        return line
