"""CPU to sync and fetch mails of 37 KB over EWS, against exchangelib with the same mails and server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench.figure import Figure, Limit, Measurement, Result
from bench.sync_fetch_cpu import make_mail, measure
from sandbox.state import MAILBOX
from tests.exchange.world import start_world

CPU = Figure(
    "sync.fetch.cpu_vs_exchangelib",
    "ratio of CPU time",
    Limit("<=", 0.1),
    "User and system time of a process that lists a folder and fetches every mail (37 KB each), the "
    "server being "
    "in another process; runs alternate, medians. exchangelib reads answers a byte at a time; with that "
    "mended "
    "the ratio is `vs_exchangelib_in_blocks`.",
    "exchangelib 5.6.0: `sync_items` and `fetch` of `mime_content`",
)


def run(full: bool) -> dict[str, Result]:
    """500 mails and 5 runs, or 300 and 3."""
    mails, runs = (500, 5) if full else (300, 3)
    with tempfile.TemporaryDirectory() as folder:
        world = start_world(Path(folder))
        try:
            for number in range(mails):
                world.control.deliver(make_mail(number), mailbox=MAILBOX, folder="Inbox")
            measured: dict[str, Any] = measure(world, mails, runs, None)
        finally:
            world.stop()
    ours, theirs = measured["adapter_runs"], measured["exchangelib_runs"]
    samples = [one / other for one, other in zip(ours, theirs, strict=True)]
    details = {
        "cpu_ms_a_mail": median(ours),
        "exchangelib_cpu_ms_a_mail": median(theirs),
        "vs_exchangelib_in_blocks": measured["ratio_to_exchangelib_in_blocks"],
    }
    return {CPU.name: Result(median(ours) / median(theirs), samples, details)}


MEASUREMENT = Measurement((CPU,), run)
