"""(d) Convergence: the best rules of the last phase, for three students and for infinitely many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from practicum import phases
from practicum.studies.west_saad.settings import committee
from practicum.theory.flow import solve
from practicum.theory.machines import LearningRule
from practicum.theory.overlaps import OrderParameters


def flow_convergence_rate(students: int, rule: LearningRule) -> tuple[float, float]:
    """Decay rate of the generalization error near the perfect student, read off a trajectory; units of 1 / alpha.

    The slope of log(error) while that is between 1e-7 and 1e-11, far above rounding; with it, as its uncertainty, by
    how much the slopes of the two halves differ, since a decay that is no pure exponential has no one rate.
    """
    machine = committee(students)
    rate = phases.convergence(machine, rule).rate
    # Both kinds of modes, those that enter the error linearly and those that enter it squared, start alike.
    shift = np.eye(students) + 1e-2 * (0.5 - np.eye(students))
    start = OrderParameters(Q=shift @ shift.T + 1e-4 * np.eye(students), R=shift)
    end = 15.0 / rate
    path = solve(machine, rule, start, end, save_at=[0.5 * end, 0.75 * end, end], rtol=1e-12, atol=1e-18)
    slopes = -np.diff(np.log(path.generalization_error.values)) / (end / 4)
    return float(slopes.mean()), float(np.abs(np.diff(slopes)).item())


def convergence_optimum(students: int) -> xr.Dataset:
    """Best rules of the convergence phase, and rates of the flow near them over those of the spectrum."""
    best = phases.best_rule(committee(students), "convergence")
    descent = phases.best_rule(committee(students), "convergence", adaptive=False)
    beta = best.rule.inverse_temperature
    variables = {
        "beta": beta,
        "beta_uncertainty": best.precision["inverse_temperature"],
        "learning_rate": best.rule.learning_rate,
        "rate": best.rate,
        "gd_learning_rate": descent.rule.learning_rate,
        "gd_rate": descent.rate,
    }
    # Slightly above the optimum one mode is slowest; at the optimum it is in resonance with the square of another.
    ratios, errors = [], []
    for rule in (best.rule, descent.rule):
        faster = rule.replace(learning_rate=1.15 * rule.learning_rate)
        expected = phases.convergence(committee(students), faster).rate
        seen, error = flow_convergence_rate(students, faster)
        ratios.append(seen / expected)
        errors.append(error / expected)
    return xr.Dataset(
        {name: ("students", [v]) for name, v in variables.items()}
        | {
            "flow_ratio": (("students", "rule"), [ratios]),
            "flow_ratio_uncertainty": (("students", "rule"), [errors]),
        },
        coords={"students": [students], "rule": ["adaptive", "gradient descent"]},
    )


def large_committees(students: Iterable[int]) -> xr.Dataset:
    """Optima of the convergence phase for K -> infinity, extrapolated from doubling K, with the last correction."""
    students = list(students)
    rows = []
    for K in students:
        best = phases.best_rule(committee(K), "convergence")
        descent = phases.best_rule(committee(K), "convergence", adaptive=False)
        rows.append(
            {
                "beta": best.rule.inverse_temperature,
                "tau": 1 / (K * best.rate),
                "gd_tau": 1 / (K * descent.rate),
                "learning_rate": K * best.rule.learning_rate,
                "time_saved": 1 - descent.rate / best.rate,
            }
        )
    variables: dict[str, Any] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        variables[name] = ("students", values)
        # Corrections are powers of 1 / K: Richardson's table, its last two entries.
        table = [values]
        for order in range(1, len(values)):
            before = table[-1]
            table.append((2**order * before[1:] - before[:-1]) / (2**order - 1))
        variables[name + "_limit"] = table[-1][-1]
        variables[name + "_uncertainty"] = abs(table[-1][-1] - table[-2][-1])
    return xr.Dataset(variables, coords={"students": students})
