"""What :func:`best_rule` minimises in each phase, and where it looks.

A :class:`Problem` is a function of (learning rate, inverse temperature) with the ranges of both and the points of the
first grid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.phases._ansatz import PlateauAnsatz
from practicum.theory.phases._checks import check_convergence, check_machine, check_plateau
from practicum.theory.phases._continuation import follow
from practicum.theory.phases._irreps import specialization
from practicum.theory.phases.convergence import critical_learning_rate, rate
from practicum.theory.phases.plateau import small_rate_point

Range = tuple[float, float]


class Problem(NamedTuple):
    """`cost` of (eta, beta), which may be infinite where it exceeds its second argument; smaller is better."""

    cost: Callable[[tuple[float, float], float], float]
    learning_rates: Range
    inverse_temperatures: Range
    points: tuple[int, int]


def plateau_problem(machine: Committee) -> Problem:
    """The escape rate of the plateau."""
    check_plateau(machine, "best_rule(phase='plateau')")
    K = machine.students
    return Problem(_EscapeRate(machine), (0.02 / K, 8 / K), (0.25, 16.0 * K), (16, 10))


class _EscapeRate:
    """Minus the escape rate at (eta, beta); infinite where the plateau does not exist.

    A plateau is defined by continuation in the learning rate at fixed temperature. To follow it from the nearest point
    already known is cheaper and stays on the same branch; where that fails, the definition decides.
    """

    def __init__(self, machine: Committee) -> None:
        self.machine = machine
        self.ansatz = PlateauAnsatz(machine.students, machine.teachers)
        self.known: list[tuple[LearningRule, np.ndarray]] = []
        self.ends: list[LearningRule] = []

    def __call__(self, point: tuple[float, float], cap: float) -> float:
        rule = LearningRule(learning_rate=point[0], inverse_temperature=point[1])
        y = self._branch(rule)
        if y is None:
            return np.inf
        self.known.append((rule, y))
        return -specialization(self.ansatz, np.array([y[0] + y[1], y[1], y[2]]), self.machine, rule)

    def _branch(self, rule: LearningRule) -> np.ndarray | None:
        eta, beta = rule.learning_rate, rule.inverse_temperature
        if any(end.inverse_temperature == beta and end.learning_rate <= eta for end in self.ends):
            return None
        if self.known:
            near, y = min(self.known, key=lambda pair: _distance(pair[0], rule))
            y, reached = follow(self.ansatz.distinct, y, self.machine, [near, rule], self.ansatz.possible)
            if reached == rule:
                return y
        y, seed = small_rate_point(self.ansatz, self.machine, rule)
        y, reached = follow(self.ansatz.distinct, y, self.machine, [seed, rule], self.ansatz.possible)
        if reached == rule:
            return y
        self.ends.append(reached)
        return None


def _distance(a: LearningRule, b: LearningRule) -> float:
    return abs(np.log(a.learning_rate / b.learning_rate)) + abs(np.log(a.inverse_temperature / b.inverse_temperature))


def convergence_problem(machine: Committee) -> Problem:
    """The rate of the convergence phase."""
    check_convergence(machine, "best_rule(phase='convergence')")
    if machine.noise > 0:
        raise ParameterError(
            "The 'machine' parameter of best_rule(phase='convergence') must have noise=0, because with output noise "
            "the error ends at a floor that falls with the learning rate. "
            f"Got noise={machine.noise:g} instead; convergence() gives that floor."
        )
    K = machine.students
    critical = critical_learning_rate(K)

    def cost(point: tuple[float, float], cap: float) -> float:
        return -rate(K, point[1], point[0])

    return Problem(cost, (critical / 50, 2 * critical), (0.1, 100.0), (24, 24))


def total_problem(machine: Committee, start: OrderParameters | None, target: float | None, max_alpha: float) -> Problem:
    """The alpha at which the flow from `start` reaches `target`."""
    check_machine(machine, "best_rule(phase='total')")
    if start is None or target is None:
        raise ParameterError(
            "best_rule(phase='total') needs 'start' (OrderParameters) and 'target' (a generalization error), because "
            "the total time depends on both; OrderParameters.random(K, M, seed=0) is a start."
        )
    from practicum.theory.flow import time_to_target

    K = machine.students
    critical = critical_learning_rate(K)

    def alpha(point: tuple[float, float], cap: float) -> float:
        rule = LearningRule(learning_rate=point[0], inverse_temperature=point[1])
        return time_to_target(machine, rule, start, target, max_alpha=min(max_alpha, cap))

    alpha((0.1 * critical, 1.0), 1e-6)  # one short run: a start or target that does not fit is said before the threads
    return Problem(alpha, (0.03 * critical, 1.2 * critical), (0.4, 8.0 * K), (14, 12))
