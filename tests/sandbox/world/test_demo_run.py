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
from sandbox.demo.cases import CASES
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


INCIDENTS = [case.id for case in CASES]


def shown(data: Path) -> dict[str, list[dict[str, Any]]]:
    """All mails by the list that shows them."""
    lists = {view: get(data, f"/api/triage?limit=100&view={view}") for view in ("waiting", "dismissed")}
    tabs = {one: get(data, f"/api/incidents/{one}/mails?view=flat&limit=100") for one in INCIDENTS}
    return {name: listed["items"] for name, listed in (lists | tabs).items()}


def test_demo_mails_are_shown_once_it_says_ready_and_are_not_made_twice(
    tmp_path: Path,
) -> None:
    process, printed = start(tmp_path)
    try:
        lists = shown(tmp_path)
        names = {unit["name"] for unit in get(tmp_path, "/api/config/business-units")["items"]}
    finally:
        stop(process)

    assert any(line.startswith("demo data: ") for line in printed)
    assert names == {"Finance", "Human Resources", "Sales"}
    mails = [mail for listed in lists.values() for mail in listed]
    assert len(mails) == len({mail["id"] for mail in mails}) == 34
    assert len({mail["businessUnit"] for mail in mails}) == 3
    kinds = Counter(mail["kind"] for mail in mails)
    assert kinds["autoReply"] == kinds["bounce"] == kinds["meeting"] == kinds["signed"] == 1
    assert (tmp_path / MARKER).exists()

    rules = {mail["link"]["rule"] for mail in mails if mail["link"]}
    assert rules == {"person", "reference", "token", "conversation", "businessUnit"}
    marks = {mark for mail in mails for mark in mail["marks"]}
    assert marks >= {"unverifiedSender", "suggested", "contradicted", "autoReply", "bounce", "meeting"}
    assert all(lists[name] for name in ("waiting", "dismissed", *INCIDENTS[:-1]))
    assert lists[INCIDENTS[-1]] == []  # merged into the first one
    assert any(mail["link"]["incident"] == INCIDENTS[-1] for mail in lists[INCIDENTS[0]])
    assert any(len(mail["candidates"]) > 1 for mail in lists["waiting"])

    process, printed = start(tmp_path)
    try:
        again = shown(tmp_path)
    finally:
        stop(process)

    assert not any(line.startswith("demo data: ") for line in printed)
    assert {name: [mail["id"] for mail in listed] for name, listed in again.items()} == {
        name: [mail["id"] for mail in listed] for name, listed in lists.items()
    }
