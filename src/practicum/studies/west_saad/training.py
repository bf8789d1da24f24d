"""(e) The whole training: rules that reach a target soonest, and how the time depends on them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr

from practicum import phases
from practicum.studies.west_saad.settings import committee
from practicum.theory.flow import time_to_target
from practicum.theory.machines import LearningRule
from practicum.theory.overlaps import OrderParameters


def total_time(students: int, seed: int, overlap: float, target: float) -> xr.Dataset:
    """The rules that bring the error below `target` soonest from a random start, adaptive and not."""
    start = OrderParameters.random(students, students, seed=seed, overlap=overlap)
    best, descent = (
        phases.best_rule(committee(students), "total", adaptive, start=start, target=target)
        for adaptive in (True, False)
    )
    variables = {
        "beta": best.rule.inverse_temperature,
        "beta_precision": best.precision["inverse_temperature"],
        "learning_rate": best.rule.learning_rate,
        "alpha": best.alpha,
        "gd_learning_rate": descent.rule.learning_rate,
        "gd_alpha": descent.alpha,
    }
    return xr.Dataset(
        {name: (("students", "start"), [[v]]) for name, v in variables.items()},
        coords={"students": [students], "start": [seed]},
    )


def total_map(students: int, seed: int, overlap: float, target: float) -> xr.Dataset:
    """alpha at which the error falls below `target` from a random start, over learning rate and inverse temperature."""
    start = OrderParameters.random(students, students, seed=seed, overlap=overlap)
    etas = np.geomspace(0.6, 6.0, 25) / students
    betas = np.geomspace(0.5, 24.0, 21)

    def cell(rule: LearningRule) -> float:
        return time_to_target(committee(students), rule, start, target, max_alpha=2000.0 * students)

    rules = [LearningRule(learning_rate=eta, inverse_temperature=beta) for beta in betas for eta in etas]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        value = np.reshape(list(pool.map(cell, rules)), (betas.size, etas.size))
    return xr.Dataset(
        {"value": (("inverse_temperature", "learning_rate"), value)},
        coords={"inverse_temperature": betas, "learning_rate": etas},
        attrs={"value_name": f"α at which ε_g < {target:g}", "units": "updates / N"},
    )
