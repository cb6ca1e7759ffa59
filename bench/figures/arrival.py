"""New mails during a back-fill: how long after its arrival each is in the app."""

from __future__ import annotations

import math
import time

from bench.figure import Figure, Limit, Measurement, Result
from bench.world import deliver, mail, select_folders, world
from sandbox.preparation import POLL_SECONDS
from tests.support.running_sandbox import RunningSandbox

EVERY_SECONDS = 4.7
"""No part of the poll interval, so that mails arrive in all its phases."""
_ASK_EVERY_SECONDS = 0.4
_LONGEST_SECONDS = 900.0
ARRIVAL = Figure(
    "arrival.p99_s_over_interval",
    "s",
    Limit("<=", 5),
    "10,000 mails of 37 KB (quick: 2,000) are back-filled through the API's settings while every 5 s a "
    "new mail comes "
    "into the same folder and one into another; seconds until triage shows it, less the poll interval (10 s "
    "there); the 99th percentile.",
    "the poll interval",
)


def run(full: bool) -> dict[str, Result]:
    """One back-fill."""
    count = 10_000 if full else 2_000
    with world() as sandbox:
        sandbox.command("create-folder", "Invoices")
        deliver(sandbox, (mail(number) for number in range(count)))
        sandbox.add_unit("Finance", domains=["fin.example"])
        sandbox.configure(enabled=False)
        select_folders(sandbox, "Inbox", "Invoices")
        began = time.monotonic()
        sandbox.configure()
        delays = _arrivals(sandbox, count)
        seconds = time.monotonic() - began
    over = sorted(delay - POLL_SECONDS for delay in delays)
    details = {"mails": float(count), "arrivals": float(len(over)), "back_fill_s": seconds}
    return {ARRIVAL.name: Result(over[math.ceil(0.99 * len(over)) - 1], over, details)}


def _arrivals(sandbox: RunningSandbox, count: int) -> list[float]:
    """Seconds each new mail took, for as long as the back-fill lasts."""
    arrived_at: dict[str, float] = {}
    delays: dict[str, float] = {}
    end = time.monotonic() + _LONGEST_SECONDS
    next_at, filled = time.monotonic() + EVERY_SECONDS, False
    while not filled or len(delays) < len(arrived_at):
        now = time.monotonic()
        if now > end:
            raise RuntimeError(
                f"{len(delays)} of {len(arrived_at)} new mails came within {_LONGEST_SECONDS:.0f} s"
            )
        if now >= next_at and not filled:
            next_at += EVERY_SECONDS
            for folder in ("Inbox", "Invoices"):
                subject = f"New {len(arrived_at)}"
                arrived_at[subject] = time.monotonic()
                deliver(sandbox, [_new_mail(subject)], folder=folder)
        _note(sandbox, arrived_at, delays)
        if not filled:
            filled = _stored(sandbox) >= count
        time.sleep(_ASK_EVERY_SECONDS)
    return list(delays.values())


def _note(sandbox: RunningSandbox, arrived_at: dict[str, float], delays: dict[str, float]) -> None:
    shown = sandbox.call("GET", "/api/triage?limit=100").json["items"]
    now = time.monotonic()
    for one in shown:
        if one["subject"] in arrived_at and one["subject"] not in delays:
            delays[one["subject"]] = now - arrived_at[one["subject"]]


def _stored(sandbox: RunningSandbox) -> int:
    return sum(folder["counts"]["tracked"] for folder in sandbox.status()["folders"])


def _new_mail(subject: str) -> bytes:
    head = f"From: ann@fin.example\r\nTo: soc@corp.example\r\nSubject: {subject}\r\n"
    return f"{head}Message-ID: <{subject.replace(' ', '')}@fin.example>\r\n\r\nDone.\r\n".encode()


MEASUREMENT = Measurement((ARRIVAL,), run)
