"""The web endpoint `/EWS/Exchange.asmx`: checks access, runs the operation, sends the answer in bounded
memory.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.exchange.access import Access
from sandbox.exchange.context import Answer, Context, MimePart
from sandbox.exchange.errors import HttpError, ItemError, RequestError
from sandbox.exchange.operations import OPERATIONS, SERVER_OPERATIONS
from sandbox.exchange.record import KEPT_BASE64, Recorder
from sandbox.exchange.sending import Sender
from sandbox.exchange.soap import ENVELOPE_END, ENVELOPE_START, SoapRequest, fault, parse_request
from sandbox.exchange.store import Store
from sandbox.exchange.throttle import Throttle
from sandbox.faults import Fault, Faults

MAX_REQUEST_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 3 * 64 * 1024
STREAM_FROM_BYTES = 1_000_000
THREAD_FROM_BYTES = 500_000

_TYPE = {"Content-Type": "text/xml; charset=utf-8"}
_SENDING = ("CreateItem", "SendItem", "UpdateItem")
_SUBJECT_END = "</t:Subject>"
_HEAVY_SHAPE = re.compile(rb"item:(?:Body|Attachments|UniqueBody|TextBody|Preview)|AllProperties|>Default<")


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A request's envelope, or what is wrong with it."""

    soap: SoapRequest | None
    error: RequestError | None


_PARSED = web.RequestKey("ews-request", _Parsed)


async def _parsed(request: web.Request) -> _Parsed:
    """The request's envelope, parsed once."""
    known = request.get(_PARSED)
    if known is None:
        try:
            known = _Parsed(parse_request(await request.read()), None)
        except RequestError as error:
            known = _Parsed(None, error)
        request[_PARSED] = known
    return known


async def describe(request: web.Request) -> tuple[str, str | None]:
    """Operation and mailbox of a request, for faults and counts; the body can still be read."""
    soap = (await _parsed(request)).soap
    if soap is None:
        return "unknown", None
    anchor = request.headers.get("X-AnchorMailbox")
    return soap.operation, soap.impersonated or (anchor.lower() if anchor else None)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server's endpoint."""

    store: Store
    access: Access
    sender: Sender
    throttle: Throttle
    faults: Faults
    internal_domain: str
    recorder: Recorder | None
    submitted: asyncio.Event

    def limit_connections(self) -> Middleware:
        """The middleware that holds one of the mailbox's connections until its answer is out.

        It stands outermost: an answer that a fault delays holds its connection too.
        """

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            operation, mailbox = await describe(request)
            if mailbox is None:
                return await handler(request)
            try:
                with self.throttle.connection(mailbox):
                    return await handler(request)
            except RequestError as error:
                return self._fault(operation, error)

        return middleware

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one POST."""
        try:
            caller = self.access.authenticate(request.headers, request.transport)
        except HttpError as refusal:
            return web.Response(status=refusal.status, headers=refusal.headers, text=refusal.text)
        parsed = await _parsed(request)
        soap = parsed.soap
        operation = "unknown" if soap is None else soap.operation
        if self.recorder is not None:
            self.recorder.write(operation, "request", await request.read())
        try:
            if soap is None:
                raise parsed.error or RequestError("ErrorInvalidRequest")
            if soap.operation in SERVER_OPERATIONS:
                return await self._send(request, operation, SERVER_OPERATIONS[operation](soap.body))
            anchor = request.headers.get("X-AnchorMailbox")
            mailbox = self.access.mailbox(caller, soap.impersonated, anchor)
            active: Fault | None = request.get("fault")
            context = Context(
                self.store, mailbox, self.sender, self.internal_domain, faults=self.faults, fault=active
            )
            answer = await self._run(context, soap, await request.read())
            if soap.operation in _SENDING:
                self.submitted.set()
            return await self._send(request, soap.operation, answer)
        except HttpError as refusal:
            return web.Response(status=refusal.status, headers=refusal.headers, text=refusal.text)
        except RequestError as error:
            return self._fault(operation, error)
        except ItemError as error:
            return self._fault(operation, RequestError(error.code, error.text, error.back_off_ms))

    def _fault(self, operation: str, error: RequestError) -> web.Response:
        body = f"{ENVELOPE_START}{fault(error)}{ENVELOPE_END}".encode()
        if self.recorder is not None:
            self.recorder.write(operation, "response", body)
        return web.Response(status=500, body=body, headers=_TYPE)

    async def _run(self, context: Context, soap: SoapRequest, raw: bytes) -> Answer:
        run = OPERATIONS.get(soap.operation)
        if run is None:
            raise RequestError("ErrorInvalidRequest", f"The operation {soap.operation} is not supported.")
        active = context.fault
        if active is not None and active.kind == "exchange-error":
            raise RequestError(active.error or "ErrorServerBusy", back_off_ms=active.back_off_ms)
        heavy = len(raw) > THREAD_FROM_BYTES or (soap.operation == "GetItem" and _HEAVY_SHAPE.search(raw))
        answer = await asyncio.to_thread(run, context, soap.body) if heavy else run(context, soap.body)
        if context.has_fault("forbidden-characters"):
            return [
                p if isinstance(p, MimePart) else p.replace(_SUBJECT_END, f"&#x1F;{_SUBJECT_END}")
                for p in answer
            ]
        return answer

    async def _send(self, request: web.Request, operation: str, answer: Answer) -> web.StreamResponse:
        active: Fault | None = request.get("fault")
        start = _entity_bomb() if active is not None and active.kind == "entity-bomb" else ENVELOPE_START
        pieces: Answer = [start, *answer, ENVELOPE_END]
        large = sum(piece.size for piece in pieces if isinstance(piece, MimePart)) > STREAM_FROM_BYTES
        if self.recorder is not None:  # as it was meant, without what a fault adds
            self.recorder.write(operation, "response", _shortened([ENVELOPE_START, *answer, ENVELOPE_END]))
        if not large:
            return web.Response(body=_whole(pieces), headers=_TYPE)
        response = web.StreamResponse(headers=_TYPE)
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for chunk in _chunks(pieces):
            await response.write(chunk)
        await response.write_eof()
        return response


def _entity_bomb() -> str:
    """The start of an envelope whose document type would grow to a gigabyte in a parser that expands
    entities.
    """
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE bomb [<!ENTITY l0 "lol">{levels}]>'
    head, _, rest = ENVELOPE_START.partition("?>")
    return f"{head}?>{doctype}{rest}".replace("<s:Header>", "<s:Header><bomb>&l9;</bomb>")


def _whole(pieces: Answer) -> bytes:
    parts = []
    for piece in pieces:
        if isinstance(piece, MimePart):
            content = piece.path.read_bytes() if piece.content is None else piece.content
            parts.append(base64.b64encode(content))
        else:
            parts.append(piece.encode("utf-8"))
    return b"".join(parts)


def _shortened(pieces: Answer) -> bytes:
    """The answer for the record: of each message only its start."""
    parts = []
    for piece in pieces:
        if not isinstance(piece, MimePart):
            parts.append(piece.encode("utf-8"))
        elif piece.content is not None:
            parts.append(base64.b64encode(piece.content[:KEPT_BASE64]))
        else:
            with piece.path.open("rb") as file:
                parts.append(base64.b64encode(file.read(KEPT_BASE64)))
    return b"".join(parts)


async def _chunks(pieces: Answer) -> AsyncIterator[bytes]:
    """The answer in pieces of bounded size; a message is read a chunk at a time."""
    for piece in pieces:
        if not isinstance(piece, MimePart):
            yield piece.encode("utf-8")
        elif piece.content is not None:
            for start in range(0, len(piece.content), CHUNK_BYTES):
                yield base64.b64encode(piece.content[start : start + CHUNK_BYTES])
        else:
            with piece.path.open("rb") as file:
                while block := file.read(CHUNK_BYTES):
                    yield base64.b64encode(block)
