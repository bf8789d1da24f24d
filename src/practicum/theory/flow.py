"""The flow of the order parameters for N -> infinity: :func:`solve`, :func:`solve_grid`, :func:`time_to_target`.

The equations stand in :mod:`practicum.theory._derivative`, the integrator in :mod:`practicum.theory._trajectory`.
"""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.theory import _needs
from practicum.theory._error import CODES
from practicum.theory._trajectory import Path, integrate, state_errors, unpack_states
from practicum.theory._until import SMALLEST_RTOL, Until, points, positive
from practicum.theory.labelled import attributes, trajectories
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.values import nearest, threads

if TYPE_CHECKING:
    import xarray as xr

Method = Literal["auto", "dop853", "LSODA", "Radau", "BDF"]
METHODS = ("auto", "dop853", "LSODA", "Radau", "BDF")
LARGEST_NORM = 1e6
_GRIDDED = ("learning_rate", "inverse_temperature", "weight_decay", "batch_size", "fan_out_learning_rate", "noise")


def check_pair(machine: Committee, rule: LearningRule, start: OrderParameters) -> None:
    """One sentence where machine, rule and start do not fit together."""
    for name, value, kind in (("machine", machine, Committee), ("rule", rule, LearningRule)):
        if not isinstance(value, kind):
            raise ParameterError(f"The '{name}' parameter must be a {kind.__name__}. Got {value!r:.80} instead.")
    if not isinstance(start, OrderParameters):
        raise ParameterError(f"The 'start' parameter must be an OrderParameters. Got {start!r:.80} instead.")
    if (start.students, start.teachers) != (machine.students, machine.teachers):
        raise ParameterError(
            f"The start has {start.students} students and {start.teachers} teachers, but the machine has "
            f"{machine.students} and {machine.teachers}; build it with OrderParameters.random({machine.students}, "
            f"{machine.teachers}, seed=0) or pass overlaps of that shape."
        )
    if machine.activation != "erf" and rule.inverse_temperature != 1.0:
        raise ParameterError(
            f"The 'inverse_temperature' parameter must be 1 for activation='{machine.activation}', because adaptive "
            f"back-propagation is defined by the Gaussian derivative of erf. Got {rule.inverse_temperature:g} instead."
        )


def beyond_critical(machine: Committee, rule: LearningRule, start: OrderParameters) -> bool:
    """Whether the perfect student is unstable at this learning rate, so that no run can converge on the teacher.

    Known for ``activation="erf"``, K = M, T = I and unit fan-outs without weight decay (elsewhere False): the
    critical learning rate of :func:`practicum.phases.convergence`.
    """
    known = (
        machine.activation == "erf"
        and machine.students == machine.teachers
        and rule.weight_decay == 0
        and rule.fan_out_learning_rate == 0
        and np.array_equal(start.T, np.eye(machine.teachers))
        and (start.v == 1).all()
        and (start.v_star == 1).all()
    )
    if not known:
        return False
    from practicum.theory.phases.convergence import critical_learning_rate

    critical = critical_learning_rate(machine.students, rule.inverse_temperature)
    return rule.learning_rate / rule.batch_size > critical


def _settings(
    machine: Committee,
    rule: LearningRule,
    start: OrderParameters,
    until: Any,
    rtol: Any,
    atol: Any,
    method: str,
    largest_norm: Any,
    max_alpha: Any,
) -> tuple[Until, dict[str, Any]]:
    """The end, and the settings of the integrator as plain numbers; or one sentence."""
    check_pair(machine, rule, start)
    rtol, atol = positive("rtol", rtol), positive("atol", atol)
    if not SMALLEST_RTOL <= rtol < 1:
        raise ParameterError(
            f"The 'rtol' parameter must be >= {SMALLEST_RTOL:g}, the rounding of a double, and < 1, or no digit would "
            f"be right. Got {rtol:g} instead; 1e-10 is the default."
        )
    largest_norm = positive("largest_norm", largest_norm)
    if method not in METHODS:
        raise ParameterError(
            f"The 'method' parameter must be one of {', '.join(METHODS)}. Got {method!r} instead."
            f"{nearest(str(method), list(METHODS))}"
        )
    end = Until.parse(until, max_alpha)
    settings: dict[str, Any] = {"rtol": rtol, "atol": atol, "method": method, "largest_norm": largest_norm}
    settings |= {"until": until, "max_alpha": end.alpha} if end.target >= 0 else {"until": end.alpha}
    return end, settings


def solve(
    machine: Committee,
    rule: LearningRule,
    start: OrderParameters,
    until: float | str = 1000.0,
    *,
    save_at: ArrayLike | None = None,
    rtol: float = 1e-10,
    atol: float = 1e-15,
    method: Method = "auto",
    largest_norm: float = LARGEST_NORM,
    max_alpha: float = 1e6,
    halt: np.ndarray | None = None,
) -> xr.Dataset:
    """The order parameters of on-line learning for N -> infinity.

    Main arguments:
        machine: what is learnt from whom; any K and M, erf, ReLU or linear, with output noise.
        rule: how; inverse temperature, weight decay, mini-batches and second-layer learning included.
        start: overlaps and fan-outs at alpha = 0.
        until: alpha (updates / N) at which to end, or a condition such as ``"generalization_error < 1e-3"``. The error
            is a sum of terms of order 1: below about 1e-15 a condition is met by rounding.

    Other arguments:
        save_at: increasing values of alpha to keep; 201 points from 0 to the end if not given. With a condition,
            where the end is not known beforehand, the trajectory is kept at 201 points up to where it stopped.
        rtol, atol: error control of each step. The defaults keep eight digits through a plateau that starts from
            overlaps of 1e-3; below that, the time of escape is only as good as ``rtol`` (see the docs on plateaus).
        method: ``"auto"`` is the compiled Dormand-Prince 8(5,3), continued with LSODA where the flow turns stiff
            (extra students that run away do so); the names of SciPy's implicit integrators force one.
        largest_norm: a run in which some ``Q_ii`` exceeds this value ends as diverged.
        max_alpha: where to give up on a condition that is never met.
        halt: an array of one boolean. As soon as another thread makes it True, the run ends as unfinished: the compiled
            loop does not look for interrupts. It changes no number of a run that comes to its end.

    Returns:
        A Dataset with Q, R, T, v, v_star and generalization_error over alpha. The coordinate ``status`` is ``"ok"``
        (the end was reached), ``"stopped"`` (the condition was met, at ``alpha_end``) or ``"diverged"`` (a norm
        exceeded `largest_norm`, or the learning rate is above critical: see :func:`beyond_critical`). A run that was
        halted, or that 1e8 steps do not bring to its end (choose an implicit method), is ``"unfinished"``.

    Raises:
        ParameterError: machine, rule and start do not fit together, a value is outside its range, or there is not
            enough memory.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), eqs. (7-10); West & Saad, Phys. Rev. E 56, 3426 (1997).
    """
    end, settings = _settings(machine, rule, start, until, rtol, atol, method, largest_norm, max_alpha)
    if save_at is None and end.target >= 0:
        # Two passes: where it stops is known only afterwards, and 201 points to max_alpha would miss everything.
        probe = integrate(machine, rule, start, end, np.array([0.0]), rtol, atol, method, largest_norm, halt=halt)
        grid = points(None, probe.alpha_end or 1.0)
    else:
        grid = points(save_at, end.alpha)
    K, M = machine.students, machine.teachers
    require("This solution", _needs.solution, students=K, teachers=M, save_at=grid.size)
    path = integrate(machine, rule, start, end, grid, rtol, atol, method, largest_norm, halt=halt)
    Q, R, v = unpack_states(path.states, K, M)
    status = path.status
    if status == "ok" and beyond_critical(machine, rule, start):
        status = "diverged"
    return trajectories(
        grid, Q, R, v, state_errors(path.states, start, CODES[machine.activation]), start.T, start.v_star,
        status=status, alpha_end=path.alpha_end,
        attrs=attributes("solve", machine, rule, start, **settings),
    )  # fmt: skip


def solve_grid(
    machine: Committee,
    rule: LearningRule,
    start: OrderParameters,
    until: float | str = 1000.0,
    *,
    over: dict[str, ArrayLike],
    save_at: ArrayLike | None = None,
    rtol: float = 1e-10,
    atol: float = 1e-15,
    method: Method = "auto",
    largest_norm: float = LARGEST_NORM,
    max_alpha: float = 1e6,
    workers: int | None = None,
) -> xr.Dataset:
    """:func:`solve` for every combination of some parameters, in parallel threads.

    Main arguments:
        over: names and values to combine, e.g. ``{"learning_rate": [0.1, 0.5], "noise": [0.0, 0.1]}``; any of
            learning_rate, inverse_temperature, weight_decay, batch_size, fan_out_learning_rate, noise.
            They become the leading dimensions of the result, in the order given.

    Other arguments:
        workers: threads; as many as processors if not given. The numbers do not depend on it.

    The other arguments, the result and the errors are those of :func:`solve`; with a condition as `until`, points
    beyond the end of a trajectory are NaN and `save_at` must be given.
    """
    end, settings = _settings(machine, rule, start, until, rtol, atol, method, largest_norm, max_alpha)
    if end.target >= 0 and save_at is None:
        raise ParameterError(
            "solve_grid needs 'save_at' with a condition as 'until', because each cell ends elsewhere."
        )
    axes, pool_size = _axes(over), threads(workers)
    grid = points(save_at, end.alpha)
    require(
        "This grid of solutions", _needs.grid, students=machine.students, teachers=machine.teachers, save_at=grid.size,
        cells=math.prod(axis.size for axis in axes.values()),
    )  # fmt: skip
    cells = []
    for values in itertools.product(*(axis.tolist() for axis in axes.values())):
        changes = dict(zip(axes, values, strict=True))
        noise = changes.pop("noise", machine.noise)
        cells.append((machine.replace(noise=noise), rule.replace(**changes)))
    for cell in cells:
        check_pair(cell[0], cell[1], start)

    def one(cell: tuple[Committee, LearningRule]) -> Path:
        return integrate(cell[0], cell[1], start, end, grid, rtol, atol, method, largest_norm)

    with ThreadPoolExecutor(pool_size) as pool:
        paths = list(pool.map(one, cells))
    shape = tuple(axis.size for axis in axes.values())
    states = np.stack([path.states for path in paths]).reshape(*shape, grid.size, -1)
    status = [
        "diverged" if path.status == "ok" and beyond_critical(cell[0], cell[1], start) else path.status
        for path, cell in zip(paths, cells, strict=True)
    ]
    Q, R, v = unpack_states(states, machine.students, machine.teachers)
    return trajectories(
        grid, Q, R, v, state_errors(states, start, CODES[machine.activation]), start.T, start.v_star,
        status=np.array(status).reshape(shape), alpha_end=np.reshape([path.alpha_end for path in paths], shape),
        leading=axes,
        attrs=attributes(
            "solve_grid", machine, rule, start, cells=cells, over={name: axis.tolist() for name, axis in axes.items()},
            **settings,
        ),
    )  # fmt: skip


def _axes(over: Any) -> dict[str, np.ndarray]:
    """The values of each parameter of a grid, or one sentence."""
    if not isinstance(over, dict):
        raise ParameterError(
            "The 'over' parameter of solve_grid must be a dictionary of names and values, such as "
            f"{{'learning_rate': [0.1, 0.5]}}. Got {over!r:.80} instead."
        )
    for name in over:
        if name not in _GRIDDED:
            raise ParameterError(
                f"The 'over' parameter of solve_grid knows {', '.join(_GRIDDED)}. Got {name!r} instead."
                f"{nearest(str(name), list(_GRIDDED))}"
            )
    axes: dict[str, np.ndarray] = {}
    for name, values in over.items():
        try:
            axis = axes[name] = np.atleast_1d(np.asarray(values))
        except ValueError:  # lists of different lengths
            axis = np.empty(0)
        if axis.ndim != 1 or axis.size == 0:
            raise ParameterError(
                f"The 'over' parameter of solve_grid needs a list of at least one number for '{name}'. "
                f"Got {over[name]!r:.80} instead."
            )
    return axes


def time_to_target(
    machine: Committee,
    rule: LearningRule,
    start: OrderParameters,
    target: float,
    *,
    max_alpha: float = 1e6,
    rtol: float = 1e-8,
    atol: float = 1e-14,
    largest_norm: float = LARGEST_NORM,
) -> float:
    """The alpha at which the generalization error first falls below `target`; infinity if not before `max_alpha`.

    Errors are those of :func:`solve`. The loop is compiled and free of the GIL: call it from threads.
    """
    until = f"generalization_error < {positive('target', target)!r}"
    end, _ = _settings(machine, rule, start, until, rtol, atol, "auto", largest_norm, max_alpha)
    path = integrate(machine, rule, start, end, np.array([0.0]), rtol, atol, "auto", largest_norm)
    return path.alpha_end if path.status == "stopped" else float("inf")
