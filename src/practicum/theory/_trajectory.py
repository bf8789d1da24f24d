"""One trajectory of the flow: the compiled integrator first, one of SciPy's implicit ones where it turns stiff."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numba import njit

from practicum.memory import require
from practicum.theory import _dop853 as compiled
from practicum.theory import _needs
from practicum.theory._derivative import KINDS, derivative, make_problem, make_work, pack, unpack
from practicum.theory._error import CODES, covariance_error
from practicum.theory._until import Until
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters

_MAX_STEPS = 100_000_000
_STIFF_AFTER = 200_000
_STATUS = {
    compiled.REACHED: "ok",
    compiled.STOPPED: "stopped",
    compiled.DIVERGED: "diverged",
    compiled.EXHAUSTED: "unfinished",
}
# LSODA kept its state in Fortran common blocks before SciPy 1.17; its threads would only wait for the GIL anyway.
_ONE_AT_A_TIME = Lock()


class _Halted(Exception):
    """Another thread wants no more of this trajectory."""


@dataclass
class Path:
    """One integrated trajectory: packed states at the points asked for, and how it ended."""

    states: np.ndarray
    status: str
    alpha_end: float
    steps: int


def integrate(
    machine: Committee,
    rule: LearningRule,
    start: OrderParameters,
    until: Until,
    save_at: np.ndarray,
    rtol: float,
    atol: float,
    method: str,
    largest_norm: float,
    fixed: float = 0.0,
    halt: np.ndarray | None = None,
) -> Path:
    halt = np.zeros(1, dtype=np.bool_) if halt is None else halt
    problem = make_problem(machine.students, machine.teachers, CODES[machine.activation], rule, machine.noise)
    work, y = make_work(start), pack(start)
    saved = np.full((save_at.size, y.size), np.nan)
    alpha, steps, code = 0.0, 0, compiled.STIFF
    done = int(np.searchsorted(save_at, alpha, side="right"))
    saved[:done] = y
    # Floats, since the compiled code would be compiled anew for whole numbers.
    rtol, atol, largest_norm, fixed = float(rtol), float(atol), float(largest_norm), float(fixed)
    if method in ("auto", "dop853"):
        code, alpha, done, steps, _ = compiled.integrate(
            compiled.tableau(), y, KINDS[problem[2]], problem, work, 0.0, until.alpha, save_at, saved, rtol, atol,
            until.target, until.below, largest_norm, _MAX_STEPS,
            _STIFF_AFTER if method == "auto" else _MAX_STEPS, fixed, halt,
        )  # fmt: skip
    if code == compiled.STIFF:
        K, M = machine.students, machine.teachers
        require("An implicit integrator", _needs.implicit, students=K, teachers=M, save_at=save_at.size)
        code, alpha = _continue_stiff(
            "LSODA" if method == "auto" else method,
            y, problem, work, alpha, until, save_at, saved, done, rtol, atol, largest_norm, halt,
        )  # fmt: skip
    return Path(saved, _STATUS[code], float(alpha), int(steps))


def _continue_stiff(
    method: str,
    y: np.ndarray,
    problem: tuple,
    work: tuple,
    alpha: float,
    until: Until,
    save_at: np.ndarray,
    saved: np.ndarray,
    done: int,
    rtol: float,
    atol: float,
    largest_norm: float,
    halt: np.ndarray,
) -> tuple[int, float]:
    """Go on from `alpha` with one of SciPy's implicit integrators; fills `saved` from point `done` on."""
    from scipy.integrate import solve_ivp

    K, M = problem[:2]
    diagonal = np.cumsum([0, *range(K, 1, -1)])

    def slope(_: float, state: np.ndarray) -> np.ndarray:
        if halt[0]:
            raise _Halted
        out = np.empty_like(state)
        derivative(np.ascontiguousarray(state), out, KINDS[problem[2]], problem, work)
        return out

    def passes(_: float, state: np.ndarray) -> float:
        unpack(np.ascontiguousarray(state), work[0], work[1], K, M)
        return covariance_error(work[0], work[1], problem[2]) - until.target

    def runs_away(_: float, state: np.ndarray) -> float:
        return largest_norm - state[diagonal].max()

    events: list[Any] = [runs_away]
    runs_away.terminal = True  # type: ignore[attr-defined]
    if not runs_away(alpha, y) > 0:
        return compiled.DIVERGED, alpha
    if until.target >= 0:
        passes.terminal, passes.direction = True, -1.0 if until.below else 1.0  # type: ignore[attr-defined]
        if (passes(alpha, y) < 0) == until.below:
            return compiled.STOPPED, alpha
        events.append(passes)
    # LSODA crawls where it is asked for less than the rounding of large norms.
    atol = max(atol, 1e-14 * float(np.abs(y).max()))
    remaining = save_at[done:]
    try:
        with _ONE_AT_A_TIME:
            solution = solve_ivp(
                slope, (alpha, until.alpha), y, method=method, t_eval=remaining, events=events, rtol=max(rtol, 1e-12),
                atol=atol,
            )  # fmt: skip
    except _Halted:  # SciPy gives nothing of what it has done so far
        return compiled.EXHAUSTED, alpha
    if len(solution.t):
        saved[done : done + len(solution.t)] = solution.y.T
    if solution.status == 1:
        code = compiled.DIVERGED if len(solution.t_events[0]) else compiled.STOPPED
        return code, float(max(times[-1] for times in solution.t_events if len(times)))
    if solution.status < 0:
        return compiled.DIVERGED, float(solution.t[-1]) if len(solution.t) else alpha
    return compiled.REACHED, until.alpha


def unpack_states(states: np.ndarray, K: int, M: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Q, R, v with leading dimensions from packed states of shape (..., n)."""
    upper = np.triu_indices(K)
    Q = np.empty((*states.shape[:-1], K, K))
    pairs = len(upper[0])
    Q[..., upper[0], upper[1]] = states[..., :pairs]
    Q[..., upper[1], upper[0]] = states[..., :pairs]
    R = states[..., pairs : pairs + K * M].reshape(*states.shape[:-1], K, M)
    return Q, R, states[..., pairs + K * M :].copy()


@njit(cache=True, error_model="numpy", nogil=True)
def _fill_errors(states, errors, C, s, K, M, activation):
    for n in range(len(states)):
        unpack(states[n], C, s, K, M)
        errors[n] = covariance_error(C, s, activation)


def state_errors(states: np.ndarray, start: OrderParameters, activation: int) -> np.ndarray:
    """Generalization error of packed states of shape (..., n)."""
    C, s = make_work(start)[:2]
    flat = np.ascontiguousarray(states.reshape(-1, states.shape[-1]))
    errors = np.empty(len(flat))
    _fill_errors(flat, errors, C, s, start.students, start.teachers, activation)
    return errors.reshape(states.shape[:-1])
