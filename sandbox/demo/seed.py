"""Puts the demo data in through the front door: mailbox and units over the API, mails by the mail system.

Each step looks first what is there, and the marker `demo-seeded` is written last, so a process that dies in
between is made good by the next start.
"""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sandbox.control.client import ControlClient
from sandbox.demo.building import DemoMail
from sandbox.demo.front_door import FrontDoor, FrontDoorError
from sandbox.demo.mails import demo_mails
from sandbox.demo.people import UNITS
from sandbox.state import MAILBOX, SandboxState

MARKER = "demo-seeded"
MAILBOX_PATH = "/api/config/mailboxes/default"
UNITS_PATH = "/api/config/business-units"
LOOK_EVERY_S = 1.0
PATIENCE_S = 180.0  # without any new mail


def seed(state: SandboxState) -> None:
    """Makes the demo data and waits until the app shows it. Raises FrontDoorError, ControlError."""
    marker = state.data / MARKER
    if marker.exists():
        return
    control = ControlClient(state)
    front = FrontDoor(f"http://127.0.0.1:{state.port}", control.run("sign-in", role="admin"))
    _make_units(front)
    _configure_mailbox(front, control.run("settings"))
    mails = demo_mails(datetime.now(UTC))
    _deliver(control, mails)
    _wait_until_shown(front, {mail.message_id.strip("<>") for mail in mails if mail.expected})
    marker.touch()


def _make_units(front: FrontDoor) -> None:
    known = {unit["name"] for unit in front.get(f"{UNITS_PATH}?limit=100").body["items"]}
    for unit in UNITS:
        if unit["name"] not in known:
            front.post(UNITS_PATH, unit)
    _say(f"{len(UNITS)} business units")


def _configure_mailbox(front: FrontDoor, settings: dict[str, Any]) -> None:
    there = front.find(MAILBOX_PATH)
    front.put(MAILBOX_PATH, settings, etag=there.etag if there else None)
    _say(f"mailbox {MAILBOX} configured")


def _deliver(control: ControlClient, mails: list[DemoMail]) -> None:
    there = {
        item["message_id"]
        for folder in sorted({mail.folder for mail in mails})
        for item in control.run("items", mailbox=MAILBOX, folder=folder)
    }
    missing = [mail for mail in mails if mail.message_id not in there]
    for mail in missing:
        control.deliver(mail.raw, mailbox=MAILBOX, folder=mail.folder, envelope_from=mail.envelope_from)
    expected = sum(mail.expected for mail in mails)
    _say(f"{len(missing)} mails delivered; {expected} of the mailbox's are from business units")


def _wait_until_shown(front: FrontDoor, expected: set[str]) -> None:
    shown: set[str] = set()
    last_news = time.monotonic()
    while True:
        now_shown = expected & _message_ids(front)
        if now_shown - shown:
            last_news = time.monotonic()
            shown = now_shown
            _say(f"{len(shown)} of {len(expected)} mails have come in")
        missing = len(expected - shown)
        if not missing:
            return
        if time.monotonic() - last_news > PATIENCE_S:
            raise FrontDoorError(f"{missing} demo mails have not come in: {_status(front)}")
        time.sleep(LOOK_EVERY_S)


def _message_ids(front: FrontDoor) -> set[str]:
    found: set[str] = set()
    path: str | None = "/api/triage?limit=100"
    while path:
        page = front.get(path).body
        found |= {(mail["internetMessageId"] or "").strip("<>") for mail in page["items"]}
        cursor = page["nextCursor"]
        path = f"/api/triage?limit=100&cursor={quote(cursor, safe='')}" if cursor else None
    return found


def _status(front: FrontDoor) -> str:
    return f"GET {MAILBOX_PATH}/status says {front.get(f'{MAILBOX_PATH}/status').body}"


def _say(line: str) -> None:
    print(f"demo data: {line}", flush=True)
