"""Puts the demo data in through the front door: mailbox, units and incidents over the API, mails by the mail
system; then an analyst decides about some of them.

Each step looks first what is there, and the marker `demo-seeded` is written last, so a process that dies in
between is made good by the next start.
"""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sandbox.control.client import ControlClient
from sandbox.demo.building import DemoMail
from sandbox.demo.cases import CASES, DISMISSED, LINKED_BY_HAND
from sandbox.demo.front_door import FrontDoor, FrontDoorError
from sandbox.demo.mails import demo_mails
from sandbox.demo.people import UNITS
from sandbox.state import MAILBOX, SandboxState

MARKER = "demo-seeded"
MAILBOX_PATH = "/api/config/mailboxes/default"
UNITS_PATH = "/api/config/business-units"
INCIDENTS_PATH = "/api/incidents"
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
    mails = demo_mails(datetime.now(UTC), _tell_incidents(front))
    _deliver(control, mails)
    _wait_until_shown(front, {mail.message_id.strip("<>") for mail in mails if mail.expected})
    _decide(front)
    marker.touch()


def _make_units(front: FrontDoor) -> None:
    known = {unit["name"] for unit in front.get(f"{UNITS_PATH}?limit=100").body["items"]}
    for unit in UNITS:
        if unit["name"] not in known:
            front.post(UNITS_PATH, unit)
    _say(f"{len(UNITS)} business units")


def _tell_incidents(front: FrontDoor) -> dict[str, str]:
    """The incidents' subject tokens."""
    units = {unit["name"]: unit["id"] for unit in front.get(f"{UNITS_PATH}?limit=100").body["items"]}
    for case in CASES:
        path = f"{INCIDENTS_PATH}/{case.id}"
        if front.find(path) is None:
            told = {
                "title": case.title,
                "type": case.type,
                "severity": case.severity,
                "status": "open",
                "url": f"https://respond.corp.example/incidents/{case.id}",
                "businessUnits": [units[name] for name in case.units],
            }
            front.put(path, told, etag=None)
    for case in CASES:
        if case.merged_into:
            front.post(f"{INCIDENTS_PATH}/{case.id}/merge", {"into": case.merged_into})
    _say(f"{len(CASES)} incidents")
    return {case.id: front.get(f"{INCIDENTS_PATH}/{case.id}").body["subjectToken"] for case in CASES}


def _decide(front: FrontDoor) -> None:
    """What an analyst decides about mails that wait in triage."""
    waiting = {mail["subject"]: mail["id"] for mail in _listed(front, "/api/triage?limit=100")}
    for subject, incident in LINKED_BY_HAND:
        if subject in waiting:
            front.post(f"/api/triage/{waiting[subject]}", {"action": "link", "incident": incident})
    for subject in DISMISSED:
        if subject in waiting:
            front.post(f"/api/triage/{waiting[subject]}", {"action": "dismiss"})


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
    """Of everything that the app shows: in triage, dismissed, in an incident."""
    lists = (
        *(f"/api/triage?limit=100&view={view}" for view in ("waiting", "dismissed")),
        *(f"{INCIDENTS_PATH}/{case.id}/mails?view=flat&limit=100" for case in CASES),
    )
    return {(mail["internetMessageId"] or "").strip("<>") for path in lists for mail in _listed(front, path)}


def _listed(front: FrontDoor, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = front.get(f"{path}{cursor}").body
        found += page["items"]
        if not page["nextCursor"]:
            return found
        cursor = f"&cursor={quote(page['nextCursor'], safe='')}"


def _status(front: FrontDoor) -> str:
    return f"GET {MAILBOX_PATH}/status says {front.get(f'{MAILBOX_PATH}/status').body}"


def _say(line: str) -> None:
    print(f"demo data: {line}", flush=True)
