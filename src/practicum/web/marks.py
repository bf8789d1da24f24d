"""What stands out in a picture: the plateau and how fast it is left, the critical learning rate, the best rule.

What does not exist, or takes too long, is null with a sentence that says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.machines import Committee
from practicum.web.cache import Cache
from practicum.web.flows import flow
from practicum.web.problems import Problem

_NEAR = 0.1
"""A curve is on the plateau where its error differs by no more than this share from the plateau's own."""
_LONGEST = 2.0
"""A plateau spans at least this factor in alpha; what is shorter is a bend."""
_MOST_NODES = 12
"""K + M up to which the best rule is searched; it takes seconds there and minutes beyond."""


def marks(problem: Problem, halt: np.ndarray | None = None) -> dict[str, Any]:
    """Everything but the best rule."""
    curve = flow(problem, halt)
    alpha, error = curve["alpha"].values, curve["generalization_error"].values
    plateau, escape = _plateau(problem)
    begin, end = resting(alpha, error, plateau["generalization_error"])
    critical, rate, why = _convergence(problem)
    return {
        "plateau": {**plateau, "from": begin, "to": end, "problem": escape},
        "critical_learning_rate": critical,
        "convergence_rate": rate,
        "problems": {} if why is None else {"critical_learning_rate": why, "convergence_rate": why},
    }


def _plateau(problem: Problem) -> tuple[dict[str, float | None], str | None]:
    from practicum.theory.phases import plateau

    try:
        found = plateau(problem.machine, problem.rule)
    except ParameterError as error:
        return {"generalization_error": None, "escape_rate": None}, str(error)
    return {"generalization_error": found.generalization_error, "escape_rate": found.escape_rate}, None


def _convergence(problem: Problem) -> tuple[float | None, float | None, str | None]:
    from practicum.theory.phases import convergence

    try:
        found = convergence(problem.machine, problem.rule)
    except ParameterError as error:
        return None, None, str(error)
    return found.critical_learning_rate, found.rate, None


def resting(alpha: np.ndarray, error: np.ndarray, level: float | None) -> tuple[float | None, float | None]:
    """Where a curve rests near `level`, as ``(from, to)``; `to` is None where it rests there to its end.

    The longest stretch that counts, in log alpha; ``(None, None)`` where there is none, or no level is known.
    """
    if level is None:
        return None, None
    known = np.isfinite(error) & (alpha > 0)
    alpha, near = alpha[known], np.abs(error[known] - level) <= _NEAR * level
    edges = np.flatnonzero(np.diff(np.concatenate([[False], near, [False]]).astype(int)))
    stretches = [(first, last - 1) for first, last in edges.reshape(-1, 2)]
    first, last = max(stretches, key=lambda s: alpha[s[1]] / alpha[s[0]], default=(0, 0))
    if not stretches or alpha[last] / alpha[first] < _LONGEST:
        return None, None
    return float(alpha[first]), None if last == alpha.size - 1 else float(alpha[last])


class BestRules:
    """The rules that leave the plateau soonest, searched one at a time in the background and kept."""

    def __init__(self, cached: int, search: Callable[[Committee], dict[str, Any]] | None = None) -> None:
        self._search = search or best_rule
        self._found: Cache[Committee, dict[str, Any]] = Cache(cached)
        self._under_way: dict[Committee, asyncio.Future[dict[str, Any]]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="practicum-best-rule")

    async def of(self, machine: Committee, patience: float) -> dict[str, Any]:
        """``{learning_rate, inverse_temperature, rate, problem, pending}``, after `patience` seconds at most.

        `pending` means that the search goes on: who asks again later finds its result.
        """
        found = self._found.get(machine)
        if found is not None:
            return found
        if (why := _why_not(machine)) is not None:
            return _none(why)
        future = self._under_way.get(machine)
        if future is None:
            if len(self._under_way) >= _SEARCHES:
                return _none("Other searches for the best rule come first.", pending=True)
            future = asyncio.get_running_loop().run_in_executor(self._pool, self._search, machine)
            self._under_way[machine] = future
            future.add_done_callback(lambda done: self._keep(machine, done))
        done, _ = await asyncio.wait([future], timeout=patience)
        return future.result() if done else _none("The best rule is still being searched.", pending=True)

    def _keep(self, machine: Committee, done: asyncio.Future[dict[str, Any]]) -> None:
        del self._under_way[machine]
        if not done.cancelled() and done.exception() is None:
            self._found.put(machine, done.result())

    def close(self) -> None:
        """Let no further search begin."""
        self._pool.shutdown(wait=False, cancel_futures=True)


_SEARCHES = 4
"""Machines whose best rule is searched or waits for it."""


def best_rule(machine: Committee) -> dict[str, Any]:
    """The rule of fastest escape from the plateau, by :func:`practicum.phases.best_rule`."""
    from practicum.theory import phases

    try:
        found = phases.best_rule(machine, "plateau")
    except ParameterError as error:
        return _none(str(error))
    rule = {"learning_rate": found.rule.learning_rate, "inverse_temperature": found.rule.inverse_temperature}
    return {**rule, "rate": found.rate, "problem": None, "pending": False}


def _why_not(machine: Committee) -> str | None:
    """Why the best rule of a machine is not searched, as far as that is known beforehand."""
    from practicum.theory.phases._checks import check_plateau

    try:
        check_plateau(machine, "best_rule")
    except ParameterError as error:
        return str(error)
    if machine.students + machine.teachers > _MOST_NODES:
        return f"The search for the best rule of more than {_MOST_NODES} nodes takes minutes; practicum.phases has it."
    return None


def _none(sentence: str, *, pending: bool = False) -> dict[str, Any]:
    nothing = dict.fromkeys(("learning_rate", "inverse_temperature", "rate"))
    return {**nothing, "problem": sentence, "pending": pending}
