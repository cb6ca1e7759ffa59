"""Measures figures and records them; see `--help`. Exit status 1 where one falls short."""

from __future__ import annotations

import argparse
import sys
import time

from bench.figure import Measurement
from bench.registry import choose, figures
from bench.results_file import record


def main(arguments: list[str]) -> int:
    """0: all that were measured hold."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures the project's figures: bench/results/latest.json and docs/figures.md.",
        epilog="names: " + ", ".join(figure.name for figure in figures()),
    )
    parser.add_argument("--full", action="store_true", help="more mails and more runs; takes about an hour")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a figure, or the start of several (sync.idle)"
    )
    options = parser.parse_args(arguments)
    try:
        chosen = choose(options.names)
    except LookupError as error:
        parser.error(f"there is no figure {error.args[0]}")
    return max([_measure(one, options.full) for one in chosen])


def _measure(measurement: Measurement, full: bool) -> int:
    print(", ".join(figure.name for figure in measurement.figures), "...", flush=True)
    began = time.monotonic()
    results = measurement.run(full)
    whole = record(results, full=full)
    failed = 0
    for figure in measurement.figures:
        entry = whole["figures"][figure.name]
        failed |= not entry["holds"]
        word = "holds" if entry["holds"] else "FALLS SHORT of"
        print(f"  {figure.name} = {entry['value']:g} {figure.unit}, {word} {figure.limit}")
    print(f"  in {time.monotonic() - began:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
