"""Stored runs that Explore can show: the settings of the page that give the same run.

A stored configuration holds the overlaps it starts from and not the recipe they were made by. For each recipe of the
page the numbers can be read off; whether they were meant is decided by making the start again and comparing all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from practicum.errors import PracticumError
from practicum.runs.config import SimulateConfig, SolveConfig, config_from_json
from practicum.theory.overlaps import OrderParameters
from practicum.web.problems import Problem

_SEEDS = 100
"""Seeds of a random start that are tried: the slider has twenty."""
_DIGITS = (3, 4, 6, 9, 12, 15, 17)


def explorable(text: str) -> dict[str, Any] | None:
    """The values of Explore's controls that differ from its defaults; None for a run that Explore cannot show.

    Main arguments:
        text: the canonical configuration of a run. Which points it keeps does not matter.
    """
    try:
        config = config_from_json(text)
    except PracticumError:
        return None
    if not isinstance(config, SolveConfig | SimulateConfig) or not isinstance(config.until, int | float):
        return None
    if not isinstance(config.start, OrderParameters):
        return None
    shared = {"until": float(config.until), **config.machine.model_dump(), **config.rule.model_dump()}
    if isinstance(config, SimulateConfig):
        shared |= {"dimension": config.dimension, "seeds": config.seeds.count}
    shared = {name: value for name, value in shared.items() if name in Problem.model_fields}
    try:
        Problem(**shared)
    except PracticumError:  # larger than the page takes
        return None
    for recipe in _recipes(config.start):
        try:
            problem = Problem(**shared, **recipe)
            same = problem.simulate_config() if isinstance(config, SimulateConfig) else problem.solve_config()
        except PracticumError:
            continue
        if same == config.replace(save_at=None):
            return problem.model_dump(exclude_defaults=True)
    return None


def _recipes(start: OrderParameters) -> Iterator[dict[str, Any]]:
    """Recipes of the page that may have made a start."""
    Q, R = start.Q, start.R
    yield {"start": "near-symmetric", "norm": float(Q[0, 0]), "overlap": float(R[0, 0])}
    for seed in range(_SEEDS):
        # The first numbers of a random start are uniform from 0 to its norm, the next from 0 to its overlap.
        drawn = OrderParameters.random(start.students, start.teachers, seed=seed, norm=1.0, overlap=1e-3)
        norm, overlap = Q[0, 0] / drawn.Q[0, 0], 1e-3 * R[0, 0] / drawn.R[0, 0]
        if not np.allclose(norm * np.diag(drawn.Q), np.diag(Q), rtol=1e-9, atol=0):
            continue
        for digits in _DIGITS:  # the rounded number that was typed, or the number itself
            rounded = {"norm": float(f"{norm:.{digits}g}"), "overlap": float(f"{overlap:.{digits}g}")}
            yield {"start": "random", "start_seed": seed, **rounded}
