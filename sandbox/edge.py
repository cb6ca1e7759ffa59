"""The rim before the handlers of every part of the world: counts calls, makes go wrong what shall, crashes.

A part makes its middleware with `edge(…)` and adds `before_answer` to its `on_response_prepare`, so that
answers which stream can be dropped too. Kinds of faults that only the part can do are left in
`request["fault"]` (None where there is none). Nothing is written to disk here.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.crash import CrashRule
from sandbox.edge_answers import endless_answer, malformed_answer, status_answer
from sandbox.faults import Fault, Faults

Describe = Callable[[web.Request], Awaitable[tuple[str, str | None]]]
BeforeDrop = Callable[[], Awaitable[None]]


class DroppedOnPurposeError(ConnectionResetError):
    """The connection was closed, as a fault or a crash wanted it."""


@dataclass(slots=True)
class Calls:
    """How often each operation of each part was called, and the rule that kills a worker by its calls."""

    crash: CrashRule | None = None
    counters: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def count(self, part: str, operation: str) -> None:
        """Counts one call."""
        self.counters[part][operation] += 1

    def reset(self) -> None:
        """Starts counting at zero."""
        self.counters.clear()

    def as_json(self) -> dict[str, dict[str, int]]:
        """`{part: {operation: calls}}`."""
        return {part: dict(sorted(counter.items())) for part, counter in sorted(self.counters.items())}


def edge(part: str, describe: Describe, faults: Faults, calls: Calls) -> Middleware:
    """The middleware for one part; `describe` names a request's operation and its mailbox, if any."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        operation, mailbox = await describe(request)
        calls.count(part, operation)
        doomed = calls.crash.count_call(request.transport) if calls.crash else None
        body = await request.read() if faults.name_items(part) else b""
        fault = faults.take(part, operation, mailbox, body)
        request["fault"] = None
        try:
            if doomed is not None and calls.crash is not None:
                crash = calls.crash
                request["drop"] = lambda: crash.kill(doomed, part, operation)
                return await _handle(request, handler)
            if fault is None:
                return await handler(request)
            return await _with_fault(part, fault, request, handler)
        except ConnectionResetError:
            if request.transport is not None and not request.transport.is_closing():
                raise
            return web.Response()  # dropped on purpose, or the client has left: it goes nowhere

    return middleware


async def before_answer(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: drops or halves an answer that is about to go out, where due."""
    await _drop_if_due(request)
    fault: Fault | None = request.get("cut_mid")
    if fault is not None:
        _cut_in_the_middle(request, response)


async def _with_fault(part: str, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    if fault.delay_s and fault.kind != "endless":
        await asyncio.sleep(fault.delay_s)
    match fault.kind:
        case "delay":
            return await handler(request)
        case "status":
            return status_answer(part, fault)
        case "cut-before":
            raise _dropped(request)
        case "cut-after":
            request["drop"] = _nothing
            return await _handle(request, handler)
        case "cut-mid":
            request["cut_mid"] = fault
            return await _handle_in_half(request, handler)
        case "malformed-xml":
            return malformed_answer(part)
        case "endless":
            return await endless_answer(part, fault, request)
        case _:
            request["fault"] = fault
            return await handler(request)


async def _handle(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    finally:  # an error answer is an answer too
        await _drop_if_due(request)


async def _handle_in_half(request: web.Request, handler: Handler) -> web.StreamResponse:
    answer = await handler(request)
    if answer.prepared or not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
        return answer
    half = web.StreamResponse(status=answer.status, headers=answer.headers)
    half.content_length = len(answer.body)
    await half.prepare(request)
    await half.write(answer.body)
    return half


def _cut_in_the_middle(request: web.Request, response: web.StreamResponse) -> None:
    whole_write = response.write
    left = max(1, (response.content_length or 2) // 2)

    async def write(data: bytes | bytearray | memoryview) -> None:
        nonlocal left
        part = memoryview(data)[:left]
        left -= len(part)
        await whole_write(bytes(part))
        if left <= 0 and request.transport is not None:
            request.transport.close()  # sends what is buffered first
            raise DroppedOnPurposeError("cut in the middle of the answer")

    vars(response)["write"] = write  # this one answer only; its class has no place to hook into


async def _drop_if_due(request: web.Request) -> None:
    before_drop: BeforeDrop | None = request.get("drop")
    if before_drop is not None:
        request["drop"] = None
        await before_drop()
        raise _dropped(request)


def _dropped(request: web.Request) -> DroppedOnPurposeError:
    if request.transport is not None:
        request.transport.abort()
    return DroppedOnPurposeError("dropped on purpose")


async def _nothing() -> None:
    """There is nothing to do before this connection is dropped."""
