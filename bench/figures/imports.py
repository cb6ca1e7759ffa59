"""What a timer or queue invocation imports, against `import exchangelib`, in CPU time of fresh processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median

from bench.figure import Figure, Limit, Measurement, Result
from bench.world import HELD_QUEUES, HELD_TIMERS, ROOT, configure_mailbox, fill, world

_FRAMEWORKS = ("fastapi", "starlette", "pydantic")
_PRELOAD = "azure.functions"
_RUN_ALL = """
import json, sys
import azure.functions
before = set(sys.modules)
import function_app, wiring
wiring.poll_due_mailboxes()
wiring.sync_mailbox(json.dumps({"mailboxId": "default", "claimedUntil": None}))
for row in wiring._poll_context().folder_syncs.read_all("default"):
    wiring.sync_folder(json.dumps({"mailboxId": "default", "folderId": row.value.folder_id}))
assert wiring._poll_context().mails.triage(limit=1, cursor=None).mails, "no mail was stored"
loaded = [name for name, module in sys.modules.items() if getattr(module, "__spec__", None)]
print(json.dumps([name for name in loaded if name not in before]))
"""
"""Every timer and queue function once, with a mail to fetch, in the order in which a worker calls them."""
_TIME = """
import importlib, json, sys, time
preload, names = json.loads(sys.argv[1])
for name in preload:
    importlib.import_module(name)
began = time.process_time()
for name in names:
    importlib.import_module(name)
print(time.process_time() - began)
"""
IMPORT = Figure(
    "poll.import_ms_vs_exchangelib",
    "ratio of CPU time",
    Limit("<", 1),
    "A process runs every timer and queue function against the sandbox, one mail being fetched and "
    "stored, and lists "
    "the modules that this loaded; fresh processes of the app's environment import just those. No web "
    "framework may "
    f"be among them. `{_PRELOAD}` is loaded before the clock starts in both, as Azure's worker does.",
    "`import exchangelib` in a fresh process right after; the median of the pairs",
)


def run(full: bool) -> dict[str, Result]:
    """31 pairs of processes, or 11."""
    names = modules()
    found = [name for name in names if name.split(".")[0] in _FRAMEWORKS]
    if found:
        raise RuntimeError(f"a timer or queue invocation loads {', '.join(found)}")
    app, dev = os.environ["APP_PYTHON"], sys.executable
    without_blobs = [name for name in names if not name.startswith("azure.storage.blob")]
    ours, theirs, idle, bare, bare_theirs = [], [], [], [], []
    for _ in range(31 if full else 11):
        ours.append(_cpu_ms(app, [_PRELOAD], names))
        theirs.append(_cpu_ms(dev, [_PRELOAD], ["exchangelib"]))
        idle.append(_cpu_ms(app, [_PRELOAD], without_blobs))
        bare.append(_cpu_ms(app, [], [_PRELOAD, *names]))
        bare_theirs.append(_cpu_ms(dev, [], ["exchangelib"]))
    details = {
        "modules": float(len(names)),
        "import_ms": median(ours),
        "exchangelib_ms": median(theirs),
        "ratio_without_blobs": median(idle) / median(theirs),
        "ratio_without_preload": median(bare) / median(bare_theirs),
    }
    samples = [one / other for one, other in zip(ours, theirs, strict=True)]
    return {IMPORT.name: Result(median(samples), samples, details)}


def modules() -> list[str]:
    """What the timer and queue functions load, in order, beyond `azure.functions`."""
    with world(*HELD_TIMERS, *HELD_QUEUES) as sandbox:
        fill(sandbox, 1)
        configure_mailbox(sandbox)
        done = subprocess.run(
            [os.environ["APP_PYTHON"], "-P", "-c", _RUN_ALL],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [str(name) for name in json.loads(done.stdout)]


def _cpu_ms(python: str, preload: list[str], names: list[str]) -> float:
    command = [python, "-P", "-c", _TIME, json.dumps([preload, names])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1]) * 1000


MEASUREMENT = Measurement((IMPORT,), run)
