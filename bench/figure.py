"""What a figure is: its name, its limit, how it is measured; and what a measurement answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Comparison = Literal["<=", "<", ">=", "=="]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value must satisfy, such as `<= 0.1`."""

    comparison: Comparison
    bound: float

    def holds(self, value: float) -> bool:
        """Does the value satisfy it?"""
        match self.comparison:
            case "<=":
                return value <= self.bound
            case "<":
                return value < self.bound
            case ">=":
                return value >= self.bound
            case "==":
                return value == self.bound

    def __str__(self) -> str:
        return f"{self.comparison} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One promise. `how` and `compared_with` are sentences of its row in docs/figures.md."""

    name: str
    unit: str
    limit: Limit
    how: str
    compared_with: str


@dataclass(frozen=True, slots=True)
class Result:
    """A figure's value with the samples it comes from, and what else the run showed."""

    value: float
    samples: Sequence[float]
    details: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run that gives the results of `figures` by their names. `run(full)`: full is the long form."""

    figures: tuple[Figure, ...]
    run: Callable[[bool], dict[str, Result]]
