"""One trajectory of the flow on block-isotropic inputs: SciPy's steps over the compiled right-hand side.

The steps are taken one by one, so that another integrator can take over, and so that a run which does not come to its
end says so. DOP853 keeps students that have merged exactly equal. LSODA turns implicit where extra students run away
and the flow is stiff, but can lose its way where the flow has kinks, and then DOP853 goes on.
"""

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

# Usual runs take some hundred steps, of 0.1 ms each. What does not come to its end in all of these is given up.
_STAGES = {
    "auto": (("DOP853", 3_000), ("LSODA", 10_000), ("DOP853", 60_000)),
    "DOP853": (("DOP853", 60_000),),
    "LSODA": (("LSODA", 60_000),),
}
_ROUNDING = 2.2e-16


class _Flow:
    """The flow of one machine: its right-hand side, and what is read off a packed state."""

    def __init__(
        self, machine: Committee, rule: LearningRule, blocks: Blocks, share: float, scale: float, until: Until
    ) -> None:
        self.K, self.M = machine.students, machine.teachers
        self.code, self.until, self.square = CODES[machine.activation], until, scale * scale
        self.kind, self.count = KINDS[self.code], self.K * (self.K + 1) // 2 + self.K * self.M
        self.arguments = make_blocks(blocks, self.code, rule, machine.noise, share, scale)
        C, s = self.arguments[-1][-1][:2]
        self.fields = C.copy(), s.copy()
        self.diagonal = np.cumsum([0, *range(self.K, 1, -1)])

    def slope(self, _: float, y: np.ndarray) -> np.ndarray:
        out = np.empty_like(y)
        block_derivative(np.ascontiguousarray(y), out, self.kind, *self.arguments)
        return out

    def largest_norm(self, y: np.ndarray) -> float:
        """The largest squared length of a student, inside plus outside; NaN if the state is not finite."""
        norms = y[self.diagonal] + y[self.count + self.diagonal]
        return float(norms.max()) if np.isfinite(y).all() else np.nan

    def passed(self, y: np.ndarray) -> bool:
        """Whether the error is on the far side of the condition at which to stop."""
        if self.until.target < 0:
            return False
        total = y[: self.count] + self.square * y[self.count : 2 * self.count]
        C, s = self.fields
        unpack(np.concatenate([total, y[2 * self.count :]]), C, s, self.K, self.M)
        return (covariance_error(C, s, self.code) < self.until.target) == self.until.below


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
    flow = _Flow(machine, rule, blocks, share, scale, until)
    alpha, y, steps = 0.0, pack_blocks(blocks), 0
    saved = np.full((save_at.size, y.size), np.nan)
    done = int(np.searchsorted(save_at, alpha, side="right"))
    saved[:done] = y
    if not flow.largest_norm(y) <= largest_norm:
        return Path(saved, "diverged", alpha, steps)
    if flow.passed(y):
        return Path(saved, "stopped", alpha, steps)
    with _ONE_AT_A_TIME:
        for name, most in _STAGES[method]:
            solver = _solver(name, flow, alpha, y, rtol, atol)
            for _ in range(most):
                if name == "DOP853":
                    # Errors below the rounding of the slope are noise, which would cut the steps for nothing.
                    noise = _ROUNDING * solver.h_abs * rule.learning_rate * flow.largest_norm(y)
                    solver.atol = max(atol, noise)
                solver.step()
                steps += 1
                norm = flow.largest_norm(solver.y)
                if solver.status == "failed" or np.isnan(norm):
                    break  # the next integrator goes on from the last good state
                stop, alpha, y = flow.passed(solver.y), solver.t, solver.y
                if stop or (done < save_at.size and save_at[done] <= alpha):
                    inside = solver.dense_output()
                    if stop:
                        alpha = _crossing(flow, inside)
                    upto = int(np.searchsorted(save_at, alpha, side="right"))
                    for point in range(done, upto):
                        saved[point] = inside(save_at[point])
                    done = upto
                if stop or not norm <= largest_norm:
                    return Path(saved, "stopped" if stop else "diverged", float(alpha), steps)
                if solver.status == "finished":
                    return Path(saved, "ok", until.alpha, steps)
    return Path(saved, "unfinished", float(alpha), steps)


def _solver(name: str, flow: _Flow, alpha: float, y: np.ndarray, rtol: float, atol: float) -> Any:
    from scipy import integrate

    # SciPy's integrators warn or crawl where they are asked for less than rounding.
    rtol, atol = max(rtol, 1e-12), max(atol, 1e-14 * float(np.abs(y).max()))
    return getattr(integrate, name)(flow.slope, alpha, y, flow.until.alpha, rtol=rtol, atol=atol)


def _crossing(flow: _Flow, inside: Any) -> float:
    """The alpha within a step at which the condition is first met, by bisection to rounding."""
    low, high = inside.t_old, inside.t
    for _ in range(60):
        middle = 0.5 * (low + high)
        if flow.passed(inside(middle)):
            high = middle
        else:
            low = middle
    return float(high)
