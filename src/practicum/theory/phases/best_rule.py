"""The learning rate and inverse temperature that leave the plateau, converge, or do both, soonest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.phases._problems import Problem, Range, convergence_problem, plateau_problem, total_problem
from practicum.theory.phases._search import Axis, Found, Objective, minimise
from practicum.theory.phases.convergence import best_learning_rate
from practicum.values import nearest, threads

if TYPE_CHECKING:
    import xarray as xr

Phase = Literal["plateau", "convergence", "total"]
_PHASES = ("plateau", "convergence", "total")


@dataclass(frozen=True)
class BestRule:
    """The best rule of a phase. See :func:`best_rule`.

    Attributes:
        machine, phase, adaptive: what was asked for.
        rule: the best rule; ``rule.learning_rate`` and ``rule.inverse_temperature`` are what was optimised.
        rate: of escape (plateau) or of convergence per unit alpha; ``1 / alpha`` for the total time.
        alpha: the alpha at which the target is reached; None but for the total time.
        precision: by how much two refinements of the optimum differ: ``learning_rate`` and ``inverse_temperature`` as
            far as they were searched, and ``rate`` or ``alpha`` (there also: what a finer integration changes).
        at_bound: names of parameters whose best value lies on the edge of the range searched, so that a better one may
            lie beyond.
        landscape: the values on the grid of the search (``rate`` or ``alpha`` over ``learning_rate`` and
            ``inverse_temperature``), if asked for. NaN where the phase does not exist; infinite where the target was
            not reached, or not within 4 times the alpha of a better point.
    """

    machine: Committee
    phase: Phase
    adaptive: bool
    rule: LearningRule
    rate: float
    alpha: float | None
    precision: dict[str, float]
    at_bound: tuple[str, ...] = ()
    landscape: xr.Dataset | None = field(default=None, repr=False, compare=False)


def best_rule(
    machine: Committee,
    phase: Phase = "plateau",
    adaptive: bool = True,
    *,
    learning_rate: float | None = None,
    start: OrderParameters | None = None,
    target: float | None = None,
    learning_rates: tuple[float, float] | None = None,
    inverse_temperatures: tuple[float, float] | None = None,
    points: tuple[int, int] | None = None,
    max_alpha: float = 1e5,
    landscape: bool = False,
    workers: int | None = None,
) -> BestRule:
    """The learning rate and inverse temperature of the fastest escape, convergence, or whole training.

    Main arguments:
        machine: erf; K = M >= 2 for "convergence", K, M >= 2 for "plateau" (T = I), any for "total".
        phase: ``"plateau"`` maximises the escape rate of :func:`plateau`, ``"convergence"`` the rate of
            :func:`convergence`, ``"total"`` minimises the alpha at which the flow from `start` first has a
            generalization error below `target`: an optimum over both phases and the way between them.
        adaptive: False keeps the inverse temperature at 1, plain gradient descent.

    Other arguments:
        learning_rate: fix it, and optimise the inverse temperature alone. On the plateau the best one at small learning
            rates is 4K.
        start, target: for "total" only, and needed there.
        learning_rates, inverse_temperatures: ranges to search; the defaults are wide, `at_bound` tells if too narrow.
        points: grid of the search before refinement, (learning rates, inverse temperatures).
        max_alpha: for "total", where a run that does not reach the target is given up.
        landscape: also return the grid.
        workers: threads for "total"; as many as processors if not given. The numbers do not depend on it.

    Raises:
        ParameterError: a machine without that phase, an unknown phase, start or target missing or out of place, a
            range that is not two increasing positive numbers, or no rule in the range that has the phase.

    Source: West & Saad, NIPS 8 (1995) p. 323 and Phys. Rev. E 56, 3426 (1997) (both phases by themselves). The optimum
    of the total time is this module's.
    """
    if phase not in _PHASES:
        raise ParameterError(
            f"The 'phase' parameter of best_rule must be one of {', '.join(_PHASES)}. Got {phase!r} instead."
            f"{nearest(str(phase), list(_PHASES))}"
        )
    if learning_rate is not None and not adaptive:
        raise ParameterError(
            "best_rule has nothing to optimise with both 'learning_rate' given and adaptive=False; leave one out."
        )
    if learning_rate is not None and not (np.isfinite(learning_rate) and learning_rate > 0):
        raise ParameterError(
            f"The 'learning_rate' parameter of best_rule must be a finite number > 0. Got {learning_rate!r} instead; "
            "plateau_limit() is the limit of small rates."
        )
    if phase != "total" and (start is not None or target is not None):
        raise ParameterError(f"'start' and 'target' belong to phase='total'; the phase {phase!r} has neither.")
    problem = _problem(machine, phase, start, target, max_alpha)
    eta_range = _range("learning_rates", learning_rates, problem.learning_rates)
    beta_range = _range("inverse_temperatures", inverse_temperatures, problem.inverse_temperatures)
    grid = problem.points if points is None else points
    if len(grid) != 2 or any(int(n) != n or n < 2 for n in grid):
        raise ParameterError(
            f"The 'points' parameter of best_rule must be two whole numbers >= 2. Got {points!r} instead."
        )

    # With the best learning rate of each temperature known exactly, only the temperature needs a search.
    nested = phase == "convergence" and learning_rate is None and learning_rates is None and not landscape
    axes = []
    if learning_rate is None and not nested:
        axes.append(Axis("learning_rate", *eta_range, int(grid[0])))
    if adaptive:
        axes.append(Axis("inverse_temperature", *beta_range, int(grid[1])))

    def full(point: tuple[float, ...]) -> tuple[float, float]:
        named = dict(zip((axis.name for axis in axes), point, strict=True))
        beta = named.get("inverse_temperature", 1.0)
        if nested:
            return best_learning_rate(machine.students, beta)[0], beta
        return named.get("learning_rate", learning_rate or 0.0), beta

    def cost(point: tuple[float, ...], cap: float) -> float:
        return problem.cost(full(point), cap)

    if not axes:
        eta, best_rate = best_learning_rate(machine.students, 1.0)
        found = Found((), -best_rate, (0.0,), (), np.array(-best_rate))
    else:
        found = _search(cost, axes, phase, workers)
    if found is None:
        raise ParameterError(
            f"best_rule found no rule for phase={phase!r} with learning_rate in {eta_range} and inverse_temperature in "
            f"{beta_range if adaptive else 1.0}" + (f" before alpha={max_alpha:g}" if phase == "total" else "") + "; "
            "widen the ranges" + (", raise 'max_alpha' or 'target'." if phase == "total" else ".")
        )
    eta, beta = full(found.point)
    rule = LearningRule(learning_rate=eta, inverse_temperature=beta)
    name, value, spread = "rate", -found.value, found.spread[-1]
    if start is not None and target is not None:
        name, value, spread = "alpha", *_confirmed(machine, rule, start, target, found)
    return BestRule(
        machine=machine,
        phase=phase,
        adaptive=adaptive,
        rule=rule,
        rate=1 / value if phase == "total" else value,
        alpha=value if phase == "total" else None,
        precision=dict(zip([*(axis.name for axis in axes), name], [*found.spread[:-1], spread], strict=True)),
        at_bound=found.at_bound,
        landscape=_landscape(found, axes, phase, machine, learning_rate) if landscape else None,
    )


def _problem(
    machine: Committee, phase: Phase, start: OrderParameters | None, target: float | None, max_alpha: float
) -> Problem:
    if phase == "total":
        return total_problem(machine, start, target, max_alpha)
    return plateau_problem(machine) if phase == "plateau" else convergence_problem(machine)


def _search(cost: Objective, axes: list[Axis], phase: Phase, workers: int | None) -> Found | None:
    if phase != "total":
        return minimise(cost, axes)
    from concurrent.futures import ThreadPoolExecutor

    # A time is known to about 1e-7 of itself: the tolerance of the integrator. Below that a refinement sees noise.
    with ThreadPoolExecutor(threads(workers)) as pool:
        return minimise(cost, axes, slack=4.0, xtol=1e-4, ftol=1e-7, run=pool.map)


def _confirmed(
    machine: Committee, rule: LearningRule, start: OrderParameters, target: float, found: Found
) -> tuple[float, float]:
    """The time at the optimum by a finer integration, and the larger of what that and the search change."""
    from practicum.theory.flow import time_to_target

    alpha = time_to_target(machine, rule, start, target, max_alpha=2 * found.value, rtol=1e-11, atol=1e-17)
    return alpha, max(abs(alpha - found.value), found.spread[-1])


def _range(name: str, given: Range | None, default: Range) -> Range:
    if given is None:
        return default
    low, high = given if len(given) == 2 else (0.0, 0.0)
    if not (np.isfinite([low, high]).all() and 0 < low < high):
        raise ParameterError(
            f"The '{name}' parameter of best_rule must be two numbers 0 < low < high. Got {given!r} instead."
        )
    return float(low), float(high)


def _landscape(
    found: Found, axes: list[Axis], phase: Phase, machine: Committee, learning_rate: float | None
) -> xr.Dataset:
    import xarray as xr

    values = found.grid if phase == "total" else np.where(np.isfinite(found.grid), -found.grid, np.nan)
    coordinates = {axis.name: axis.values for axis in axes}
    attributes = {"phase": phase, "students": machine.students, "teachers": machine.teachers}
    if phase == "total":
        attributes["infinite"] = "not reached, or not within 4 times the alpha of a better point"
    if learning_rate is not None:
        attributes["learning_rate"] = learning_rate
    name = "alpha" if phase == "total" else "rate"
    return xr.Dataset({name: ([axis.name for axis in axes], values)}, coords=coordinates, attrs=attributes)
