"""Many runs from one configuration: a grid of cells, computed by Dask, stored as runs, opened as one dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "Axis": "axes",
    "Outcome": "engine",
    "Place": "cluster",
    "Plan": "plan",
    "Progress": "dealer",
    "Sweep": "plan",
    "from_config": "plan",
    "from_tables": "plan",
    "open_runs": "results",
    "open_sweep": "results",
    "run_cells": "engine",
    "sweep": "sweeping",
}

__all__ = [
    "Axis",
    "Outcome",
    "Place",
    "Plan",
    "Progress",
    "Sweep",
    "from_config",
    "from_tables",
    "open_runs",
    "open_sweep",
    "run_cells",
    "sweep",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.runs.sweeps' has no attribute '{name}'")
    return getattr(import_module(f"practicum.runs.sweeps.{_HOMES[name]}"), name)


if TYPE_CHECKING:
    from practicum.runs.sweeps.axes import Axis as Axis
    from practicum.runs.sweeps.cluster import Place as Place
    from practicum.runs.sweeps.dealer import Progress as Progress
    from practicum.runs.sweeps.engine import Outcome as Outcome
    from practicum.runs.sweeps.engine import run_cells as run_cells
    from practicum.runs.sweeps.plan import Plan as Plan
    from practicum.runs.sweeps.plan import Sweep as Sweep
    from practicum.runs.sweeps.plan import from_config as from_config
    from practicum.runs.sweeps.plan import from_tables as from_tables
    from practicum.runs.sweeps.results import open_runs as open_runs
    from practicum.runs.sweeps.results import open_sweep as open_sweep
    from practicum.runs.sweeps.sweeping import sweep as sweep
