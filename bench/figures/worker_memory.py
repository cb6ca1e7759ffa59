"""Peak memory of a worker that syncs many small mails, ten of 25 MB and one of 100 MB."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bench.figure import Figure, Limit, Measurement, Result
from bench.world import deliver, mail, world
from tests.support.mails import large_mail
from tests.support.running_sandbox import RunningSandbox

LARGE_BYTES = 25_000_000
LARGEST_BYTES = 100_000_000
_SYNC_SECONDS = 900.0
PEAK = Figure(
    "worker.peak_mb",
    "MB",
    Limit("<=", 300),
    "`VmHWM` of the worker process (Microsoft's worker library, the app's own environment, its HTTP side "
    "loaded) after "
    "a first sync of 2,000 mails of 37 KB (quick: 300), ten of 25 MB and one of 100 MB, started through "
    "the API.",
    "a 512 MB instance",
)


def run(full: bool) -> dict[str, Result]:
    """One sync."""
    small = 2_000 if full else 300
    with world() as sandbox:
        deliver(sandbox, (mail(number) for number in range(small)))
        deliver(sandbox, (large_mail(f"{n}.large@fin.example", LARGE_BYTES) for n in range(10)))
        deliver(sandbox, [large_mail("largest@fin.example", LARGEST_BYTES)])
        sandbox.add_unit("Finance", domains=["fin.example"])
        before = _workers(sandbox)
        sandbox.configure()
        sandbox.until(lambda: _stored(sandbox) == small + 11, _SYNC_SECONDS)
        after = _workers(sandbox)
        if before != after:
            raise RuntimeError("a worker was replaced while it synced")
        peaks = [_peak_mb(pid) for pid in after]
    return {PEAK.name: Result(max(peaks), peaks, {"mails": float(small + 11)})}


def _workers(sandbox: RunningSandbox) -> list[int]:
    return [one["pid"] for one in json.loads((sandbox.data / "run" / "workers.json").read_text())]


def _stored(sandbox: RunningSandbox) -> int:
    return sum(folder["counts"]["tracked"] for folder in sandbox.status()["folders"])


def _peak_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise RuntimeError("this system does not tell a process's peak memory")
    return int(found[1]) * 1024 / 1_000_000


MEASUREMENT = Measurement((PEAK,), run)
