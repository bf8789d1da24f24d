"""A worker that is ready before its first cell: what takes seconds only once is loaded while the cluster starts."""

from __future__ import annotations

from contextlib import suppress

from practicum.runs.execute import execute
from practicum.runs.settings import configuration

_SMALL = ["students=1", "teachers=1", "learning_rate=0.1", "until=0.01", "save_at=[0.01]"]


def start_warm(kind: str) -> None:
    """Warm up if that is possible; a cell that cannot be computed says better why."""
    with suppress(Exception):
        warm(kind)


def warm(kind: str) -> None:
    """Import and load what cells of a kind need, compiled kernels included; the first cell would do the same."""
    if kind == "train":
        import torch  # noqa: F401  # a second by itself

        import practicum.specialization.learning  # noqa: F401
    elif kind == "solve":
        execute(configuration("solve", None, _SMALL), workers=1)
    elif kind == "simulate":
        execute(configuration("simulate", None, [*_SMALL, "dimension=100"]), workers=1)
