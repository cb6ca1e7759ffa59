"""One worker process: runs the functions of an app with Microsoft's own worker library,
azure-functions-runtime.

Started by the host as `python -P worker.py SOCKET_FD` in the app's folder with the app's own interpreter,
which has what Azure installs there and nothing of the sandbox. It writes no state. If it dies, the host
sees the socket's end, counts the running invocations as failed and starts another; if the host dies, it
ends itself.
"""

import asyncio
import importlib
import importlib.util
import json
import logging
import os
import queue
import socket
import sys
import threading
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
SCRIPT_FILE = "function_app.py"


def _load_framing() -> ModuleType:
    # By path: the sandbox is no package for this process, and the app's folder must come first on sys.path.
    spec = importlib.util.spec_from_file_location("_host_framing", HERE / "framing.py")
    if spec is None or spec.loader is None:
        raise ImportError("framing.py is missing beside worker.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


framing = _load_framing()


class BindingInfo:
    """Stands in for the gRPC message of that name: what the library reads while it indexes."""

    out = 1
    inout = 2
    undefined = 0

    def __init__(self, **fields: Any) -> None:
        self.fields = fields


class Record:
    """Stands in for any other gRPC message: keeps what it is given."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Protos:
    """The messages that indexing builds (FunctionRpc.proto of azure-functions-language-worker-protobuf)."""

    BindingInfo = BindingInfo
    RpcFunctionMetadata = Record
    RpcRetryOptions = Record


class Runtime:
    """The app's functions, indexed, and how to run them."""

    def __init__(self, app_folder: Path) -> None:
        # Untyped library, and only in this process's environment: imported by name.
        library = "azure_functions_runtime"
        handle_event = importlib.import_module(f"{library}.handle_event")
        self._native = importlib.import_module(f"{library}.native_invocation")
        self._datum = importlib.import_module(f"{library}.bindings.datumdef").Datum
        self._invocation_id = importlib.import_module(f"{library}.utils.executor").invocation_id_cv
        vars(handle_event)["protos"] = Protos
        importlib.import_module(f"{library}.bindings.meta").load_binding_registry()
        importlib.import_module(f"{library}.utils.threadpool").start_threadpool_executor()
        self.functions = handle_event.index_functions(str(app_folder / SCRIPT_FILE), str(app_folder)) or []

    def log_with_invocation_id(self, handler: logging.Handler) -> None:
        """Gives every log record the id of the invocation that it was written in."""
        variable = self._invocation_id

        def add_invocation_id(record: logging.LogRecord) -> bool:
            record.invocation_id = variable.get() or "-"
            return True

        handler.addFilter(add_invocation_id)

    def described(self) -> list[dict[str, Any]]:
        """The functions as the host needs them: names, ids and bindings as the library gives them."""
        return [
            {
                "name": function.name,
                "id": function.function_id,
                "bindings": [json.loads(raw) for raw in function.raw_bindings],
                "has_retry_policy": function.retry_options is not None,
            }
            for function in self.functions
        ]

    async def invoke(self, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], list[bytes]]:
        """Runs one function; returns the frame that answers, as header and binary parts."""
        inputs = [(header["parameter"], self._decoded(header["input"], body))]
        metadata = {name: self._decoded(value, body) for name, value in header["metadata"].items()}
        ok, returned, outputs, error, trace = await self._native.invocation_request_native(
            header["id"], header["function_id"], inputs, metadata
        )
        parts = framing.BodyWriter()
        answer = {
            "kind": "result",
            "id": header["id"],
            "ok": ok,
            "error": error,
            "trace": trace,
            "returned": None if returned is None else _encoded(returned, parts),
            "outputs": [[name, _encoded(datum, parts)] for name, datum in outputs if datum is not None],
        }
        return answer, parts.parts

    def _decoded(self, value: dict[str, Any], body: bytes) -> Any:
        datum = self._datum
        if value["type"] == "bytes":
            return datum(framing.take(body, value["at"]), "bytes")
        if value["type"] == "http":
            texts = {
                name: {key: datum(text, "string") for key, text in value[name].items()}
                for name in ("headers", "params", "query")
            }
            request = {
                "method": datum(value["method"], "string"),
                "url": datum(value["url"], "string"),
                "body": datum(framing.take(body, value["at"]), "bytes"),
                **texts,
            }
            return datum(request, "http")
        return datum(value["text"], value["type"])


def _encoded(datum: Any, parts: Any) -> dict[str, Any]:
    value, kind = datum.value, datum.type
    if kind == "bytes":
        return {"type": "bytes", "at": parts.put(bytes(value))}
    if kind == "http":
        cookies = [
            {"name": name, "value": morsel.value, **{key: morsel[key] for key in morsel if morsel[key]}}
            for jar in value.get("cookies") or []
            for name, morsel in jar.items()
        ]
        return {
            "type": "http",
            "status": value["status_code"].value,
            "headers": {name: text.value for name, text in value["headers"].items()},
            "cookies": cookies,
            "body": _encoded(value["body"], parts),
        }
    if kind in ("string", "json"):
        return {"type": kind, "text": value}
    if kind in ("dict", "list", "int", "double", "bool"):  # the library sends these as JSON too
        return {"type": "json", "text": json.dumps(value)}
    raise TypeError(f"the library returned a value of the unknown type {kind}")


class Connection:
    """The socket to the host: a thread reads, a thread writes, so that a busy event loop blocks neither."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._outgoing: queue.SimpleQueue[list[bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="host-writer", daemon=True).start()

    def send(self, header: dict[str, Any], parts: list[bytes] | None = None) -> None:
        """Queues one frame."""
        self._outgoing.put(framing.pack(header, parts or []))

    def send_now(self, header: dict[str, Any]) -> None:
        """Sends one frame before it returns."""
        for piece in framing.pack(header):
            self._socket.sendall(piece)

    def read_forever(self, loop: asyncio.AbstractEventLoop, runtime: Runtime) -> None:
        """Starts a task on `loop` for each invocation; ends the process when the host is gone."""
        while (frame := framing.read_frame(self._socket)) is not None:
            header, body = frame
            loop.call_soon_threadsafe(self._start, loop, runtime, header, body)
            del frame, header, body  # a large body must not live until the next frame
        os._exit(0)

    def _start(
        self, loop: asyncio.AbstractEventLoop, runtime: Runtime, header: dict[str, Any], body: bytes
    ) -> None:
        task = loop.create_task(self._answer(runtime, header, body))
        _running.add(task)
        task.add_done_callback(_running.discard)

    async def _answer(self, runtime: Runtime, header: dict[str, Any], body: bytes) -> None:
        try:
            answer, parts = await runtime.invoke(header, body)
        except Exception as error:  # the host must hear of every invocation, whatever went wrong
            logging.exception("The invocation could not be answered")
            trace = traceback.format_exc()
            answer, parts = {"kind": "result", "id": header["id"], "ok": False, "trace": trace}, []
            answer["error"] = repr(error)
        self.send(answer, parts)

    def _write(self) -> None:
        while True:
            try:
                for piece in self._outgoing.get():
                    self._socket.sendall(piece)
            except OSError:
                os._exit(0)


_running: set["asyncio.Task[None]"] = set()  # the loop itself keeps weak references only


def _log_to_stderr() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    layout = "%(asctime)s %(levelname)s %(name)s [%(invocation_id)s] %(message)s"
    handler.setFormatter(logging.Formatter(layout, defaults={"invocation_id": "-"}))
    logging.basicConfig(level=logging.INFO, handlers=[handler])  # Azure's worker starts at INFO
    return handler


def main(socket_fd: int) -> None:
    """Indexes the app in the working folder, tells the host, and serves until the host is gone."""
    app_folder = Path.cwd()
    sys.path.insert(0, str(app_folder))
    connection = Connection(socket.socket(fileno=socket_fd))
    handler = _log_to_stderr()
    try:
        runtime = Runtime(app_folder)
    except Exception as error:  # whatever the app's code raises at import is the host's to report
        logging.exception("The function app could not be indexed")
        connection.send_now({"kind": "failed", "error": f"{type(error).__name__}: {error}"})
        raise SystemExit(1) from error
    runtime.log_with_invocation_id(handler)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    connection.send({"kind": "ready", "functions": runtime.described()})
    threading.Thread(
        target=connection.read_forever, args=(loop, runtime), name="host-reader", daemon=True
    ).start()
    loop.run_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
