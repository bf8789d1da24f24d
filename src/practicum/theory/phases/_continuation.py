"""Newton's method, and the continuation of its roots along a path of learning rules.

A branch of fixed points is followed by small steps in the rule; where it turns sharply, as it does when a little noise
meets the critical learning rate, by small steps along the branch itself (pseudo-arclength continuation).

Source: H. B. Keller, Numerical solution of bifurcation and nonlinear eigenvalue problems (1977).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from practicum.theory.machines import Committee, LearningRule

_STEP = 1e-30  # of the complex differentiation
_SMALLEST = 1e-5  # share of a straight line: a branch that cannot be followed by such a step counts as ended
_SHARP = 1e-3  # the same, below which steps in the rule give way to steps along the branch
_SHORTEST = 1e-10  # step along the branch below which it counts as ended
_LARGEST = 1e4  # of a coordinate: a branch that leaves for infinity is not followed beyond

Equations = Callable[[np.ndarray, Committee, LearningRule], np.ndarray]  # zero at a fixed point; analytic


def newton(equations: Equations, x: np.ndarray, machine: Committee, rule: LearningRule) -> np.ndarray | None:
    """The root of `equations` that Newton's method reaches from `x`, or None."""
    # Steps shrink quadratically: once below this, the next one is lost in rounding. On a plateau Q - C relaxes at a
    # rate of order eta^2 while the drift is rounded at 1e-16 eta, so that small learning rates resolve it less well.
    settled = max(1e-9, 1e-13 / rule.learning_rate)
    size = np.inf
    with np.errstate(all="ignore"):  # a step out of the physical region shows as NaN, and is answered below
        for _ in range(20):
            both = equations(x[:, None] + 1j * _STEP * np.eye(len(x)), machine, rule)
            if not np.isfinite(both).all():
                return None
            try:
                step = np.linalg.solve(np.imag(both) / _STEP, np.real(both[:, 0]))
            except np.linalg.LinAlgError:
                return None
            before, size = size, float(np.abs(step).max() / (1 + np.abs(x).max()))
            if size >= before and before < settled:
                return x
            x = x - step
            if size < 1e-15:
                return x
    return x if size < settled else None


def follow(
    equations: Equations,
    x: np.ndarray,
    machine: Committee,
    rules: Sequence[LearningRule],
    possible: Callable[[np.ndarray], bool],
    *,
    sharp_turns: bool = False,
    largest_move: float = 0.2,
) -> tuple[np.ndarray, LearningRule]:
    """Continue the root `x` at `rules[0]` along the straight lines between the rules.

    Rates and temperatures move in their logarithms, weight decay moves linearly. A step in which `x` moves by more
    than `largest_move` of its size, is not `possible`, or is not found by Newton's method, is halved, so that no
    branch is jumped. With `sharp_turns`, steps along the branch take over where those in the rule become tiny.

    Returns:
        the root and the last rule reached, which is `rules[-1]` unless the branch ends or turns back before it.
    """
    here = rules[0]
    for start, goal in pairwise(rules):
        done, step = 0.0, 1.0
        while done < 1:
            there = _between(start, goal, min(1.0, done + step))
            tried = newton(equations, x, machine, there)
            far = largest_move * max(0.1, np.abs(x).max())
            if tried is not None and np.abs(tried - x).max() <= far and possible(tried):
                x, here, done = tried, there, min(1.0, done + step)
                step *= 1.6
                continue
            step /= 2
            if step < _SMALLEST:
                return x, here
            if sharp_turns and step < _SHARP:
                x, advanced = _creep(equations, x, machine, start, goal, done, possible)
                here = _between(start, goal, advanced)
                if advanced < min(1.0, done + _SHARP):
                    return x, here
                done, step = advanced, _SHARP
    return x, here


def _creep(
    equations: Equations,
    x: np.ndarray,
    machine: Committee,
    start: LearningRule,
    goal: LearningRule,
    done: float,
    possible: Callable[[np.ndarray], bool],
) -> tuple[np.ndarray, float]:
    """Go on along the branch itself until `done` has grown by a few of the smallest steps, or the branch turns back."""
    n, h = len(x), 1e-4
    enough = min(1.0, done + 8 * _SHARP)

    def at(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Equations and their derivatives by (x, share), at a share of the way that may lie a little outside."""
        both = equations(z[:n, None] + 1j * _STEP * np.eye(n), machine, _between(start, goal, z[n]))
        up, down = (equations(z[:n], machine, _between(start, goal, z[n] + sign * h)) for sign in (1, -1))
        return np.real(both[:, 0]), np.column_stack([np.imag(both) / _STEP, (up - down) / (2 * h)])

    def along(jacobian: np.ndarray, before: np.ndarray) -> np.ndarray:
        tangent = np.linalg.svd(jacobian)[2][-1]
        return tangent if tangent @ before > 0 else -tangent

    with np.errstate(all="ignore"):
        z, step = np.append(x, done), _SHARP
        tangent = along(at(z)[1], np.eye(n + 1)[n])
        for _ in range(400):
            if tangent[n] <= 0 or step < _SHORTEST or np.abs(z).max() > _LARGEST:
                break  # the branch turns back, or ends
            tried, size = z + step * tangent, np.inf
            for _ in range(8):
                value, jacobian = at(tried)
                if not (np.isfinite(value).all() and np.isfinite(jacobian).all()):
                    break
                # Correct at right angles to the branch.
                move = np.linalg.lstsq(np.vstack([jacobian, tangent]), np.append(value, 0.0), rcond=None)[0]
                tried, size = tried - move, float(np.abs(move).max())
                if size < 1e-12:
                    break
            if not (size < min(1e-9, 0.1 * step) and np.linalg.norm(tried - z) < 2 * step and possible(tried[:n])):
                step /= 2
                continue
            z, tangent = tried, along(jacobian, tangent)
            step = min(2 * step, 0.05 * np.abs(z).max())
            if z[n] >= enough:
                share = min(1.0, z[n])
                settled = newton(equations, z[:n], machine, _between(start, goal, share))
                if settled is not None and possible(settled):
                    return settled, share
                break
    return z[:n], float(min(1.0, z[n]))


def _between(start: LearningRule, goal: LearningRule, fraction: float) -> LearningRule:
    if fraction == 1:
        return goal
    return goal.replace(
        learning_rate=start.learning_rate * (goal.learning_rate / start.learning_rate) ** fraction,
        inverse_temperature=start.inverse_temperature
        * (goal.inverse_temperature / start.inverse_temperature) ** fraction,
        weight_decay=max(0.0, start.weight_decay + fraction * (goal.weight_decay - start.weight_decay)),
    )
