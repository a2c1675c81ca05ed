"""Figures: named values with their unit, their floor and the goal they are held to."""

import json
import statistics
import sys
from collections.abc import Sequence
from random import Random
from typing import NamedTuple


class Figure(NamedTuple):
    """One measured value.

    Attributes:
        what: what was measured, as a row's name.
        floor: the least that must be done, measured in the same run; None without one.
        goal: the most it may be, as a multiple of the floor where there is one; None where the
            figure is for information. `at_least` turns it round.
    """

    what: str
    value: float
    unit: str
    floor: float | None = None
    goal: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times the floor."""
        return self.value / self.floor if self.floor else None

    @property
    def held(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.goal is None:
            return None
        measured = self.value if self.ratio is None else self.ratio
        return measured >= self.goal if self.at_least else measured <= self.goal


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def middle(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def tell(figure: Figure) -> None:
    """Print a figure as a line of JSON."""
    line = {**figure._asdict(), "ratio": figure.ratio, "held": figure.held}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def table(figures: Sequence[Figure]) -> str:
    """Markdown rows for docs/performance.md."""
    rows = ["| measured | value | floor | ratio | goal | held |", "|---|---|---|---|---|---|"]
    for figure in figures:
        floor = "" if figure.floor is None else f"{figure.floor:.3g} {figure.unit}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
        unit = "x floor" if figure.ratio is not None else figure.unit
        sign = "≥" if figure.at_least else "≤"
        goal = "" if figure.goal is None else f"{sign} {figure.goal:g} {unit}"
        held = {None: "", True: "yes", False: "**no**"}[figure.held]
        value = f"{figure.value:.4g} {figure.unit}"
        rows.append(f"| {figure.what} | {value} | {floor} | {ratio} | {goal} | {held} |")
    return "\n".join(rows) + "\n"


NEWEST = "the newest message of them all"
"""The last message of a long history; a screen that shows it has painted its newest page."""

_WORDS = (
    "cat paw build green deploy friday coffee review merge branch treat purr window lunch test "
    "failing passing why because sleeping keyboard again ship wait done meow issue screenshot log"
).split()


def words(lot: Random) -> str:
    """A message of about a hundred characters."""
    return " ".join(lot.choice(_WORDS) for _ in range(18))
