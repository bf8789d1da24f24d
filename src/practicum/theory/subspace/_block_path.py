"""One trajectory of the flow on block-isotropic inputs, by SciPy's integrators over the compiled right-hand side."""

from __future__ import annotations

from typing import Any

import numpy as np

from practicum.theory._derivative import KINDS, unpack
from practicum.theory._error import CODES, covariance_error
from practicum.theory._trajectory import _ONE_AT_A_TIME, Path
from practicum.theory._until import Until
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.subspace._block_derivative import block_derivative, make_blocks, pack_blocks
from practicum.theory.subspace.blocks import Blocks


def integrate_blocks(
    machine: Committee,
    rule: LearningRule,
    blocks: Blocks,
    share: float,
    scale: float,
    until: Until,
    save_at: np.ndarray,
    *,
    rtol: float,
    atol: float,
    method: str,
    largest_norm: float,
) -> Path:
    """Packed states (Q, R inside; Q, R outside; v) at `save_at`, NaN where the run did not come, and how it ended."""
    from scipy.integrate import solve_ivp

    K, M = machine.students, machine.teachers
    code = CODES[machine.activation]
    kind, n = KINDS[code], K * (K + 1) // 2 + K * M
    problem, shares, work = make_blocks(blocks, code, rule, machine.noise, share, scale)
    square = scale * scale
    C, s = work[-1][0].copy(), work[-1][1].copy()
    norms = np.cumsum([0, *range(K, 1, -1)])

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        out = np.empty_like(y)
        block_derivative(np.ascontiguousarray(y), out, kind, problem, shares, work)
        return out

    def passes(_: float, y: np.ndarray) -> float:
        unpack(np.concatenate([y[:n] + square * y[n : 2 * n], y[2 * n :]]), C, s, K, M)
        return covariance_error(C, s, code) - until.target

    def runs_away(_: float, y: np.ndarray) -> float:
        return largest_norm - (y[norms] + y[n + norms]).max()

    y = pack_blocks(blocks)
    saved = np.full((save_at.size, y.size), np.nan)
    saved[save_at == 0.0] = y
    if not runs_away(0.0, y) > 0:
        return Path(saved, "diverged", 0.0, 0)
    events: list[Any] = [runs_away]
    runs_away.terminal = True  # type: ignore[attr-defined]
    if until.target >= 0:
        if (passes(0.0, y) < 0) == until.below:
            return Path(saved, "stopped", 0.0, 0)
        passes.terminal, passes.direction = True, -1.0 if until.below else 1.0  # type: ignore[attr-defined]
        events.append(passes)
    # SciPy's integrators refuse or crawl where they are asked for less than rounding.
    with _ONE_AT_A_TIME:
        solution = solve_ivp(
            slope, (0.0, until.alpha), y, method=method, t_eval=save_at, events=events, rtol=max(rtol, 1e-12),
            atol=max(atol, 1e-14 * float(np.abs(y).max())),
        )  # fmt: skip
    reached = np.reshape(solution.y.T, (-1, y.size))
    saved[: len(reached)] = reached
    steps = int(solution.nfev)
    if solution.status == 0:
        return Path(saved, "ok", until.alpha, steps)
    if solution.status == 1:
        status = "diverged" if len(solution.t_events[0]) else "stopped"
        return Path(saved, status, float(max(times[-1] for times in solution.t_events if len(times))), steps)
    return Path(saved, "diverged", float(solution.t[-1]) if len(solution.t) else 0.0, steps)
