"""What a poll of a mailbox costs when nothing in its twenty selected folders has changed."""

from __future__ import annotations

import time
from typing import Any

from bench.figure import Figure, Limit, Measurement, Result
from bench.world import HELD_TIMERS, count_calls, select_folders, world
from tests.support.running_sandbox import RunningSandbox

FOLDERS = 20
_HOST_OPERATIONS = 2
"""The host gets and deletes the queue message, past the proxy that counts."""
_DUE_QUERIES = 1
_SETTLE_SECONDS = 6.0
_HOW = (
    "A mailbox with 20 selected folders, one mail in each, all synced; the timer is invoked by the "
    "host's admin "
    "endpoint, real host, worker library and queue in between; counted at the servers. The worst of the "
    "polls."
)
EWS = Figure("sync.idle.ews_requests", "requests a poll", Limit("==", 1), _HOW, "the least there can be")
STORAGE = Figure(
    "sync.idle.storage_ops",
    "requests a poll",
    Limit("<=", 8),
    f"{_HOW} The host's own get and deletion of the queue message are counted too, the tick's one due "
    "query and "
    "polls of empty queues are not.",
    "the sum of what design and docs/storage.md name",
)
TOKEN = Figure(
    "sync.idle.token_requests",
    "requests a poll",
    Limit("==", 0),
    f"{_HOW} Token, managed identity and Key Vault requests together.",
    "the least there can be",
)


def run(full: bool) -> dict[str, Result]:
    """20 polls, or 5."""
    with world(*HELD_TIMERS) as sandbox:
        _prepare(sandbox)
        polls = [_poll(sandbox) for _ in range(20 if full else 5)]
    ews = [_sum(calls, "exchange") for calls in polls]
    tokens = [_sum(calls, "token", "keyvault", "msi") for calls in polls]
    storage = [
        _sum(calls, "storage") - _DUE_QUERIES + _HOST_OPERATIONS * calls["storage"].get("queue.Put", 0)
        for calls in polls
    ]
    return {
        EWS.name: Result(max(ews), ews),
        STORAGE.name: Result(max(storage), storage),
        TOKEN.name: Result(max(tokens), tokens),
    }


def _prepare(sandbox: RunningSandbox) -> None:
    """All folders synced, and believed: a commit time must be some seconds old."""
    names = [f"Folder {number}" for number in range(FOLDERS)]
    sandbox.add_unit("Finance", domains=["fin.example"])
    sandbox.configure()
    for number, name in enumerate(names):
        sandbox.command("create-folder", name)
        sandbox.deliver(_mail(number), folder=name)
    select_folders(sandbox, *names)
    sandbox.sync()
    sandbox.until(lambda: len(sandbox.triage()) == FOLDERS, 120)
    time.sleep(_SETTLE_SECONDS)
    sandbox.sync()
    for _ in range(2):
        _poll(sandbox)


def _poll(sandbox: RunningSandbox) -> dict[str, dict[str, int]]:
    """One tick and the poll that it sends; what they called."""
    time.sleep(1.1)  # the sandbox's interval here is a second
    count_calls(sandbox)
    sandbox.run_function("mailbox_poll")
    sandbox.until(lambda: "exchange" in count_calls(sandbox, reset=False))
    seen: dict[str, dict[str, int]] = {}
    while (now := count_calls(sandbox, reset=False)) != seen:
        seen = now
        time.sleep(1.5)
    return seen


def _sum(calls: dict[str, dict[str, int]], *parts: str) -> int:
    return sum(sum(calls.get(part, {}).values()) for part in parts)


def _mail(number: int) -> Any:
    head = f"From: ann@fin.example\r\nTo: soc@corp.example\r\nSubject: {number}\r\n"
    return f"{head}Message-ID: <{number}@fin.example>\r\n\r\nDone.\r\n".encode()


MEASUREMENT = Measurement((EWS, STORAGE, TOKEN), run)
