"""An HTTP server that answers byte for byte as a test says: late, half, endless or not at all."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
    ' xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors"><s:Body>{}</s:Body></s:Envelope>'
)


@dataclass(frozen=True, slots=True)
class Request:
    """What came: start line and headers as one text, and the body. `number` counts from 1."""

    number: int
    head: str
    body: bytes


Answering = Callable[[Request], Iterable[bytes]]
"""Pieces that go out as they are; the connection stays open after the last one. Raise `Drop` to close it."""


class Drop(Exception):  # noqa: N818 - an order, not an error
    """Close the connection now."""


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer of type `text/xml`, unless `headers` (`Retry_After` for `Retry-After`) say otherwise."""
    lines = {"Content-Type": "text/xml; charset=utf-8", "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def soap(content: str) -> bytes:
    """A SOAP envelope around the content of its body."""
    return _ENVELOPE.format(content).encode()


def fault(code: str, message: str = "Said by the server.", back_off_ms: int | None = None) -> bytes:
    """A SOAP fault as EWS writes it."""
    back_off = (
        f'<t:MessageXml><t:Value Name="BackOffMilliseconds">{back_off_ms}</t:Value></t:MessageXml>'
        if back_off_ms is not None
        else ""
    )
    return soap(
        f"<s:Fault><faultcode>a:{code}</faultcode><faultstring>{message}</faultstring><detail>"
        f"<e:ResponseCode>{code}</e:ResponseCode><e:Message>{message}</e:Message>{back_off}</detail></s:Fault>"
    )


@dataclass(eq=False)
class ScriptedServer:
    """Listens on a free port of 127.0.0.1 from its making until `stop`."""

    answer: Answering
    context: ssl.SSLContext | None = None
    greeting: bytes = b""
    """Sent at once to whoever connects."""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """Closes every connection and waits until all threads are gone."""
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (self._thread, *self._threads):
            thread.join(10)

    def wait(self, seconds: float) -> None:
        """For answers that take their time; ends early when the server is stopped."""
        self._stopped.wait(seconds)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            connection.sendall(self.greeting)
            with connection, connection.makefile("rb") as incoming:
                for request in self._read(incoming):
                    for piece in self.answer(request):
                        connection.sendall(piece)
        except (OSError, Drop):
            connection.close()

    def _read(self, incoming: Iterable[bytes]) -> Iterator[Request]:
        lines = iter(incoming)
        while True:
            head = b""
            for line in lines:
                head += line
                if line in (b"\r\n", b"\n"):
                    break
            if not head:
                return
            text = head.decode("latin-1")
            length = next(
                (
                    int(line.split(":")[1])
                    for line in text.splitlines()
                    if line.lower().startswith("content-length")
                ),
                0,
            )
            body = incoming.read(length)  # type: ignore[attr-defined]  # a buffered reader
            self.requests.append(Request(len(self.requests) + 1, text, body))
            yield self.requests[-1]
