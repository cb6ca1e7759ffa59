"""Limits of minutes, on a host within the test's own process where they are set to seconds."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from azure.storage.queue import QueueClient

from sandbox.host import queue_listener
from sandbox.host.errors import WorkerDiedError
from sandbox.host.front import front_app, front_runner
from sandbox.host.functions import read_functions
from sandbox.host.host import FunctionsHost, HostConfig
from sandbox.host.sign_in import Authentication
from sandbox.host.values import Text
from sandbox.host.worker_process import WorkerProcess, WorkerSpec
from sandbox.tokens import TokenKeys
from tests.sandbox.host.host_process import APPS, KEY, TENANT_ID, free_port
from tests.support.azurite import RunningAzurite

Use = Callable[[str, FunctionsHost], Awaitable[None]]


async def within_host(config: HostConfig, use: Use) -> None:
    """Calls `use` with the address of a running host, and the host."""
    host, port = FunctionsHost(config), free_port()
    runner = front_runner(front_app(host, Authentication(TokenKeys(config.data / "entra"), TENANT_ID)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with host.running():
            await use(f"http://127.0.0.1:{port}", host)
    finally:
        await runner.cleanup()


def config(
    data: Path, azurite: RunningAzurite, app: str, settings: dict[str, str], answer_limit_s: float = 230.0
) -> HostConfig:
    """A host with one worker for an app of these tests."""
    (data / "entra").mkdir()
    connections = dict.fromkeys(("AzureWebJobsStorage", "DataStorage"), azurite.connection_string)
    return HostConfig(
        data=data,
        app_folder=APPS / app,
        app_python=Path(os.environ.get("APP_PYTHON", sys.executable)),
        settings={**connections, "TRACE_FILE": str(data / "trace.jsonl"), **settings},
        base_environment={},
        storage=azurite.connection_string,
        key=KEY,
        answer_limit_s=answer_limit_s,
    )


def test_answer_that_takes_too_long_is_a_gateway_timeout_and_the_function_runs_on(
    azurite: RunningAzurite, tmp_path: Path
) -> None:
    async def use(address: str, _: FunctionsHost) -> None:
        async with aiohttp.ClientSession(address) as session:
            async with session.get("/api/hangs") as answer:
                assert answer.status == 504
            async with session.get("/api/pid") as answer:
                assert answer.status == 200

    asyncio.run(within_host(config(tmp_path, azurite, "web", {"GREETING": ""}, 0.5), use))


def test_message_of_a_long_run_stays_invisible_as_long_as_it_runs(
    azurite: RunningAzurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_listener, "INVISIBLE_S", 3)
    monkeypatch.setattr(queue_listener, "RENEW_AFTER_S", 0.5)
    queue = QueueClient.from_connection_string(azurite.connection_string, "long-run")

    async def use(_: str, __: FunctionsHost) -> None:
        await asyncio.to_thread(queue.send_message, base64.b64encode(b"sleep 5").decode())
        await asyncio.sleep(7)

    asyncio.run(within_host(config(tmp_path, azurite, "queues", {"WORK_QUEUE": "long-run"}), use))
    lines = [json.loads(line)["body"] for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    assert lines == ["sleep 5", "woke 5"]
    assert queue.get_queue_properties().approximate_message_count == 0


def test_host_whose_listener_fails_says_so(
    azurite: RunningAzurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise LookupError("as intended")

    monkeypatch.setattr(queue_listener.QueueListener, "run", fail)

    async def use(_: str, host: FunctionsHost) -> None:
        async with asyncio.timeout(5):
            await host.failed.wait()

    asyncio.run(within_host(config(tmp_path, azurite, "queues", {"WORK_QUEUE": "failing"}), use))


def test_message_that_a_function_wrote_is_taken_without_waiting_for_the_next_poll(
    azurite: RunningAzurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_listener, "SHORTEST_POLLING_INTERVAL_S", 50.0)
    trace = tmp_path / "trace.jsonl"

    async def use(_: str, host: FunctionsHost) -> None:
        await asyncio.sleep(0.5)  # both queues were found empty by then
        function = host.function("first")
        assert function is not None
        host.run_manually(function, "handed on")
        async with asyncio.timeout(5):
            while not trace.exists():
                await asyncio.sleep(0.05)

    asyncio.run(within_host(config(tmp_path, azurite, "chain", {}), use))
    assert trace.read_text() == "handed on"


def test_invocation_of_a_worker_that_is_gone_fails_at_once(azurite: RunningAzurite, tmp_path: Path) -> None:
    async def invoke() -> None:
        whole = config(tmp_path, azurite, "chain", {})
        spec = WorkerSpec(whole.app_python, whole.app_folder, whole.settings, tmp_path)
        worker = await WorkerProcess.spawn(spec, 0)
        await worker.connect()
        (function, _) = read_functions(worker.functions, whole.settings)
        worker.kill()
        await worker.wait_gone()
        async with asyncio.timeout(5):
            with pytest.raises(WorkerDiedError):
                await worker.invoke(function, Text("too late"), {})

    asyncio.run(invoke())
