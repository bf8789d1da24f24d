"""How a study tells how far it is: called with the name of the step and the fraction of the whole that is done."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]


def silent(step: str, fraction: float) -> None:
    """Tell nobody."""
