"""Starts the whole sandbox for tests, as `scripts/run` does, and acts on it as a person or a caller would.

Everything goes through the front door: the HTTP API, the sandbox's commands, storage as Azure would show it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_SECONDS = 120.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `headers` have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class RunningSandbox:
    """A sandbox with its own data folder and port."""

    def __init__(self, data: Path, port: int, process: subprocess.Popen[str]) -> None:
        self.data = data
        self.url = f"http://127.0.0.1:{port}"
        self._process = process
        self._tokens: dict[str, str] = {}

    @property
    def state(self) -> dict[str, Any]:
        """The sandbox's own description of itself: ports, ids."""
        return dict(json.loads((self.data / "sandbox.json").read_text()))

    def command(self, *arguments: str, stdin: bytes | None = None) -> str:
        """`scripts/sandbox --data DIR ...`; what it printed. Raises where it fails."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "sandbox", "--data", str(self.data), *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise AssertionError(f"sandbox {arguments}: {done.stderr.decode()}")
        return done.stdout.decode()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str | None = "admin",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request to the app, signed in as `role` (None: not at all). A JSON body unless it is bytes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if role is not None:
            request.add_header("Authorization", f"Bearer {self._token(role)}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, _lower(answer.headers.items()), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, _lower(error.headers.items()), error.read())

    def configure(self, **changes: Any) -> dict[str, Any]:
        """PUTs the sandbox's mailbox as `default`, changed by `changes`."""
        settings = {**json.loads(self.command("settings")), **changes}
        current = self.call("GET", "/api/config/mailboxes/default")
        headers = {"If-Match": current.headers["etag"]} if current.status == 200 else {}
        answer = self.call("PUT", "/api/config/mailboxes/default", settings, headers=headers)
        assert answer.status in (200, 201), answer.body
        return dict(answer.json)

    def add_unit(self, name: str, **fields: Any) -> dict[str, Any]:
        """A business unit."""
        answer = self.call("POST", "/api/config/business-units", {"name": name, **fields})
        assert answer.status == 201, answer.body
        return dict(answer.json)

    def deliver(
        self, *messages: bytes, folder: str = "Inbox", mailbox: str = "soc@corp.example"
    ) -> list[str]:
        """Puts messages into a folder; their item ids."""
        outbox = self.data / "to-deliver"
        outbox.mkdir(exist_ok=True)
        files = []
        for number, message in enumerate(messages):
            files.append(outbox / f"{time.monotonic_ns()}-{number}.eml")
            files[-1].write_bytes(message)
        printed = self.command("deliver", "--folder", folder, "--mailbox", mailbox, *map(str, files))
        return printed.split()

    def sync(self) -> None:
        """*Sync now*."""
        answer = self.call("POST", "/api/config/mailboxes/default/sync")
        assert answer.status == 202, answer.body

    def run_function(self, name: str) -> None:
        """Invokes a timer function now, as the host's admin endpoint does."""
        key = {"x-functions-key": self.state["control_token"]}
        answer = self.call("POST", f"/admin/functions/{name}", {"input": ""}, role=None, headers=key)
        assert answer.status == 202, (answer.status, answer.body)

    def triage(self) -> list[dict[str, Any]]:
        """All mails in triage, newest first."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self.call("GET", f"/api/triage?limit=100{cursor}")
            assert answer.status == 200, answer.body
            items += answer.json["items"]
            if answer.json["nextCursor"] is None:
                return items
            cursor = f"&cursor={answer.json['nextCursor']}"

    def status(self) -> dict[str, Any]:
        """The default mailbox's status."""
        answer = self.call("GET", "/api/config/mailboxes/default/status")
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def until(self, what: Callable[[], T], seconds: float = 45.0) -> T:
        """Asks again until the answer is true; the answer. A failed assertion inside counts as not yet."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if answer := what():
                    return answer
                failure = AssertionError(f"still {answer!r} after {seconds} s")
            except (AssertionError, LookupError) as error:
                failure = AssertionError(str(error))
            if time.monotonic() > deadline:
                raise failure
            time.sleep(0.25)

    def stop(self) -> None:
        """Ctrl-C."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError("the sandbox did not stop within 30 s") from None

    def _token(self, role: str) -> str:
        if role not in self._tokens:
            self._tokens[role] = self.command("sign-in", role).strip()
        return self._tokens[role]


@contextlib.contextmanager
def running_sandbox(data: Path, *options: str) -> Iterator[RunningSandbox]:
    """`scripts/run --data DATA --empty OPTIONS`, until the block ends."""
    port = _free_port()
    arguments = ["run", "--port", str(port), "--data", str(data), "--empty", *options]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "sandbox", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    sandbox = RunningSandbox(data, port, process)
    try:
        _wait_until_ready(process)
        yield sandbox
    finally:
        sandbox.stop()


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    printed = []
    deadline = time.monotonic() + START_LIMIT_SECONDS
    for line in process.stdout:
        printed.append(line)
        if line.startswith("ready http://"):
            return
        if time.monotonic() > deadline:
            break
    raise AssertionError("the sandbox did not become ready:\n" + "".join(printed))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}
