"""An app that the host cannot run is refused at start-up, in one line that says why."""

import json
import socket
import subprocess
from pathlib import Path

import pytest

from tests.sandbox.host.host_process import ROOT, free_port, host_command, write_state
from tests.support.azurite import RunningAzurite

HOST_JSON: dict[str, object] = {"version": "2.0"}
HTTP_FUNCTION = """
import azure.functions as func
app = func.FunctionApp()

@app.route(route="{route}")
def page(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("")
"""
QUEUE_FUNCTION = """
import azure.functions as func
app = func.FunctionApp()

@app.queue_trigger(arg_name="message", queue_name="{queue}", connection="{connection}")
def work(message: func.QueueMessage) -> None:
    pass
"""
TIMER_FUNCTION = """
import azure.functions as func
app = func.FunctionApp()

@app.timer_trigger(arg_name="timer", schedule="{schedule}")
def tick(timer: func.TimerRequest) -> None:
    pass
"""
BLOB_FUNCTION = """
import azure.functions as func
app = func.FunctionApp()

@app.blob_trigger(arg_name="blob", path="a/b", connection="DataStorage")
def copy(blob: func.InputStream) -> None:
    pass
"""
REFUSED = {
    "a route that starts with admin": (HTTP_FUNCTION.format(route="admin/page"), "own routes below /admin"),
    "a route that starts with runtime": (HTTP_FUNCTION.format(route="runtime"), "own routes below /runtime"),
    "a route that cannot be read": (HTTP_FUNCTION.format(route="a{b}c"), "cannot read: 'a{b}c'"),
    "an unknown constraint": (HTTP_FUNCTION.format(route="{b:even}"), "unknown constraint 'even'"),
    "a setting that is missing": (
        QUEUE_FUNCTION.format(queue="%NOWHERE%", connection="DataStorage"),
        "there is no app setting 'NOWHERE'",
    ),
    "a connection that is missing": (
        QUEUE_FUNCTION.format(queue="items", connection="Nowhere"),
        "storage connection 'Nowhere' is not in the app settings",
    ),
    "a queue's name that is none": (
        QUEUE_FUNCTION.format(queue="a_b", connection="DataStorage"),
        "'a_b' is not a queue's name",
    ),
    "a schedule that is none": (TIMER_FUNCTION.format(schedule="every day"), "an NCRONTAB schedule has six"),
    "a schedule that never occurs": (TIMER_FUNCTION.format(schedule="0 0 0 30 2 *"), "never occurs"),
    "a retry policy": (
        TIMER_FUNCTION.format(schedule="0 * * * * *").replace(
            "@app.timer",
            '@app.retry(strategy="fixed_delay", max_retry_count="1", delay_interval="00:00:01")\n@app.timer',
        ),
        "retry policies are not supported",
    ),
    "a trigger that this host has not": (BLOB_FUNCTION, "no trigger of type blobTrigger"),
    "code that does not import": ("import nowhere_to_be_found", "nowhere_to_be_found"),
    "code that ends its process": ("import os; os._exit(3)", "ended before it had indexed"),
    "no app object": ("x = 1", "Could not find top level function app instances"),
}


@pytest.mark.parametrize("code, reason", REFUSED.values(), ids=REFUSED.keys())
def test_app_is_refused_with_the_reason(
    azurite: RunningAzurite, tmp_path: Path, code: str, reason: str
) -> None:
    ended = start(azurite, tmp_path, code, HOST_JSON)
    assert ended.returncode == 1
    assert reason in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "host_json, reason",
    [
        ({}, '"version": "2.0"'),
        ({"version": "2.0", "functionTimeout": "5 minutes"}, "functionTimeout must be a time span"),
        ({"version": "2.0", "extensions": {"queues": {"batchSize": 33}}}, "batchSize must be a number"),
    ],
)
def test_host_json_is_refused_with_the_setting(
    azurite: RunningAzurite, tmp_path: Path, host_json: dict[str, object], reason: str
) -> None:
    ended = start(azurite, tmp_path, "", host_json)
    assert ended.returncode == 1
    assert reason in ended.stderr


def test_busy_port_is_one_clear_line(azurite: RunningAzurite, tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ended = start(azurite, tmp_path, "", HOST_JSON, port)
    assert ended.returncode == 1
    assert ended.stderr == f"functions host: port {port} is in use: choose another with --port\n"


def test_folder_without_a_sandbox_is_one_clear_line(tmp_path: Path) -> None:
    ended = run_host(tmp_path, free_port())
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "there is no sandbox" in ended.stderr


def start(
    azurite: RunningAzurite, folder: Path, code: str, host_json: dict[str, object], port: int | None = None
) -> "subprocess.CompletedProcess[str]":
    """Starts a host on an app of one file; it must end by itself."""
    app = folder / "app"
    app.mkdir()
    (app / "function_app.py").write_text(code)
    (app / "host.json").write_text(json.dumps(host_json))
    write_state(folder / "data", azurite, app, {})
    return run_host(folder / "data", port or free_port())


def run_host(data: Path, port: int) -> "subprocess.CompletedProcess[str]":
    """Runs a host to its end."""
    command = host_command(data, port)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
