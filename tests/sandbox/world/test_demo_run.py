"""`scripts/run` without options: the demo's mails go in at the mail system and come out of the app's API."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from sandbox.control.client import ControlClient
from sandbox.demo.seed import MARKER
from sandbox.state import load
from tests.sandbox.world.conftest import ROOT


def get(data: Path, path: str) -> Any:
    state = load(data)
    token = ControlClient(state).run("sign-in", role="viewer")
    address = f"http://127.0.0.1:{state.port}{path}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def start(data: Path) -> tuple["subprocess.Popen[str]", list[str]]:
    """Starts a sandbox with demo data and waits for `ready …`; what it printed until then."""
    command = [sys.executable, "-P", "-m", "sandbox", "run", "--port", "0", "--data", str(data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("ready "):
            return process, printed
    raise AssertionError("".join(printed))


def stop(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


def test_demo_mails_are_shown_once_it_says_ready_and_are_not_made_twice(
    tmp_path: Path,
) -> None:
    process, printed = start(tmp_path)
    try:
        mails = get(tmp_path, "/api/triage?limit=100")["items"]
        kinds = Counter(mail["kind"] for mail in mails)
        units = {mail["businessUnit"] for mail in mails}
        names = {unit["name"] for unit in get(tmp_path, "/api/config/business-units")["items"]}
    finally:
        stop(process)

    assert any(line.startswith("demo data: ") for line in printed)
    assert names == {"Finance", "Human Resources", "Sales"}
    assert len(mails) == 33
    assert len(units) == 3
    assert kinds["autoReply"] == kinds["bounce"] == kinds["meeting"] == kinds["signed"] == 1
    assert (tmp_path / MARKER).exists()

    process, printed = start(tmp_path)
    try:
        again = get(tmp_path, "/api/triage?limit=100")["items"]
    finally:
        stop(process)

    assert not any(line.startswith("demo data: ") for line in printed)
    assert [mail["id"] for mail in again] == [mail["id"] for mail in mails]
