"""Keeps results in bench/results/latest.json and writes the table docs/figures.md from them.

Both files are replaced as a whole. A run of some figures leaves the others as they were measured before; a
crash between the two files leaves a table that the next run writes anew.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figure import Figure, Result
from bench.registry import figures

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "latest.json"
TABLE = ROOT / "docs" / "figures.md"

_HEAD = """\
# Figures

Written by `scripts/bench` from `bench/results/latest.json`; not edited by hand. `scripts/bench` measures all
in some ten minutes, `scripts/bench --full` with more mails and runs, `scripts/bench NAME` that one alone.
Most are counts, or ratios to something that is measured in the same run, so that a slow or busy machine
changes them little. The sandbox stands for Exchange, Entra ID, Key Vault and Azure Storage; samples are in
the JSON.
"""


def record(results: Mapping[str, Result], *, full: bool) -> dict[str, Any]:
    """Takes these results into the file; what the file then holds."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    kept: dict[str, Any] = json.loads(RESULTS.read_text()).get("figures", {}) if RESULTS.exists() else {}
    for figure in figures():
        if (result := results.get(figure.name)) is not None:
            kept[figure.name] = _entry(figure, result, now, full)
    names = [figure.name for figure in figures() if figure.name in kept]
    whole = {"machine": _machine(), "date": now, "figures": {name: kept[name] for name in names}}
    RESULTS.parent.mkdir(exist_ok=True)
    _replace(RESULTS, json.dumps(whole, indent=1) + "\n")
    _replace(TABLE, table(whole))
    return whole


def table(whole: Mapping[str, Any]) -> str:
    """The page of all figures, those not yet measured included."""
    machine = whole["machine"]
    lines = [
        _HEAD,
        f"Last run: {whole['date'][:10]}, {machine['cpus']} CPUs, Python {machine['python']}, "
        f"{machine['platform']}.\n",
        "| figure | result | limit | holds | spread | run |",
        "|---|---|---|---|---|---|",
    ]
    measured = whole["figures"]
    for figure in figures():
        entry = measured.get(figure.name)
        lines.append(f"| `{figure.name}` | {_cells(entry)[0]} | {figure.limit} | {_cells(entry)[1]} |")
    lines.append("\n## How each is measured\n")
    for figure in figures():
        lines += [
            f"**`{figure.name}`** ({figure.unit}). {figure.how} Compared with: {figure.compared_with}."
            f"{_details(measured.get(figure.name))}\n"
        ]
    return "\n".join(lines).rstrip() + "\n"


def _cells(entry: Mapping[str, Any] | None) -> tuple[str, str]:
    if entry is None:
        return "not measured", "? |  | "
    samples = entry["samples"]
    spread = f"{_short(min(samples))} to {_short(max(samples))} in {len(samples)}"
    run = f"{'full' if entry['full'] else 'quick'}, {entry['date'][:10]}"
    return _short(entry["value"]), f"{'yes' if entry['holds'] else '**no**'} | {spread} | {run}"


def _details(entry: Mapping[str, Any] | None) -> str:
    if entry is None or not entry.get("details"):
        return ""
    named = ", ".join(f"`{name}` {_short(value)}" for name, value in entry["details"].items())
    return f" In that run: {named}."


def _entry(figure: Figure, result: Result, date: str, full: bool) -> dict[str, Any]:
    value = round(result.value, 4)
    return {
        "value": value,
        "unit": figure.unit,
        "limit": str(figure.limit),
        "holds": figure.limit.holds(value),
        "samples": [round(sample, 4) for sample in result.samples],
        "details": {name: round(number, 4) for name, number in (result.details or {}).items()},
        "date": date,
        "full": full,
    }


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
    }


def _short(number: float) -> str:
    return f"{number:.3g}" if abs(number) < 1_000 else f"{number:,.0f}"


def _replace(path: Path, text: str) -> None:
    half = path.with_name(f"{path.name}.half")
    half.write_text(text)
    half.replace(path)
