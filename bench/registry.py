"""All measurements, in the order in which `scripts/bench` runs them: the quick ones first."""

from __future__ import annotations

from bench.figure import Figure, Measurement
from bench.figures import (
    arrival,
    fetch_cpu,
    idle_poll,
    imports,
    linking,
    package_size,
    tab_pages,
    tick_growth,
    whole_sync,
    worker_memory,
)

MEASUREMENTS: tuple[Measurement, ...] = tuple(
    module.MEASUREMENT
    for module in (
        package_size,
        imports,
        fetch_cpu,
        idle_poll,
        tick_growth,
        linking,
        tab_pages,
        whole_sync,
        worker_memory,
        arrival,
    )
)


def figures() -> list[Figure]:
    """Every figure, in the order of the table."""
    return [figure for measurement in MEASUREMENTS for figure in measurement.figures]


def choose(names: list[str]) -> list[Measurement]:
    """The measurements that give these figures; without names, all. Raises `LookupError` with a wrong name.

    A name may be the start of several, such as `sync.idle`.
    """
    for name in names:
        if not any(_named(figure, name) for figure in figures()):
            raise LookupError(name)
    return [
        measurement
        for measurement in MEASUREMENTS
        if not names or any(_named(figure, name) for figure in measurement.figures for name in names)
    ]


def _named(figure: Figure, name: str) -> bool:
    return figure.name == name or figure.name.startswith(f"{name}.")
