"""How long the rest of a sweep takes, from the cells that are done, and in words no surer than that."""

from __future__ import annotations

import math
from dataclasses import dataclass

_FEWEST = 3
"""Cells before anything is said: the first one of a worker pays for compilation."""

_UNITS = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"))


@dataclass
class Clock:
    """Durations of cells, summed up. Cells are computed in random order, so that those done stand for those left."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, seconds: float) -> None:
        """One more cell."""
        self.count += 1
        self.total += seconds
        self.squares += seconds * seconds

    def bounds(self, left: int, workers: int) -> tuple[float, float] | None:
        """Seconds until `left` more cells are done by `workers`, two standard errors less and more; None before a few
        cells are done."""
        if self.count < max(_FEWEST, workers + 1) or left <= 0:
            return None
        mean = self.total / self.count
        variance = max(self.squares / self.count - mean * mean, 0.0) * self.count / (self.count - 1)
        # The mean is uncertain, and so is the sum of those that are left.
        spread = 2 * math.sqrt(variance * (left * left / self.count + left))
        busy = min(workers, left)
        return max(left * mean - spread, 0.0) / busy, (left * mean + spread) / busy

    def words(self, left: int, workers: int) -> str:
        """``"about 4 min left"``, ``"2 to 5 min left"``, or nothing while nothing is known."""
        found = self.bounds(left, workers)
        if found is None:
            return ""
        low, high = found
        if high - low <= 0.2 * high or high < 10:
            return f"about {_duration((low + high) / 2)} left"
        unit = _unit(high)
        first, last = _round(low / unit[0]), _round(high / unit[0])
        return f"{first} to {last} {unit[1]} left" if first != last else f"about {last} {unit[1]} left"


def _unit(seconds: float) -> tuple[float, str]:
    return next((unit for unit in _UNITS if seconds >= 2 * unit[0]), (1.0, "s"))


def _duration(seconds: float) -> str:
    size, name = _unit(seconds)
    return f"{_round(seconds / size)} {name}"


def _round(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0") if number < 3 else f"{number:.0f}"
