"""The flow on block-isotropic inputs, low-rank data among them: :func:`solve_blocks`.

The equations stand in :mod:`._block_derivative`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.theory import _needs
from practicum.theory._until import SMALLEST_RTOL, Until, points, positive
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.subspace._checks import choice, number
from practicum.theory.subspace.blocks import Blocks, checked, checked_scale

if TYPE_CHECKING:
    import xarray as xr

Method = Literal["auto", "DOP853", "LSODA"]
METHODS = ("auto", "DOP853", "LSODA")


def solve_blocks(
    machine: Committee,
    rule: LearningRule,
    start: Any,
    until: float | str = 1000.0,
    *,
    share: float,
    scale: float = 0.0,
    save_at: ArrayLike | None = None,
    rtol: float = 1e-10,
    atol: float = 1e-15,
    method: Method = "auto",
    largest_norm: float = 1e6,
    max_alpha: float = 1e6,
) -> xr.Dataset:
    """The order parameters inside and outside the data subspace while a student learns, for N -> infinity.

    Inputs are Gaussian, of variance 1 on ``d = share N`` dimensions and ``scale^2`` on the others; 0 is low-rank data,
    on which nothing outside ever moves. Both d and N - d are infinite (unless the share is 1): where d stays finite,
    the overlaps fluctuate, and ``simulate(..., inputs=BlockIsotropic(...))`` is the tool.

    Main arguments:
        machine: what is learnt from whom; any K and M, erf, ReLU or linear, with output noise.
        rule: how; inverse temperature, weight decay, mini-batches and second-layer learning included.
        start: a pair of overlaps at alpha = 0, inside and outside (:class:`~practicum.subspace.Blocks`); one
            ``OrderParameters`` is spread evenly over all inputs.
        until: alpha (updates / N) at which to end, or a condition such as ``"generalization_error < 1e-3"``.
        share: phi = d / N, 0 < phi <= 1. Time and learning rate count in units of N, not d: a small share sees less of
            the noise of single steps.
        scale: s >= 0, the standard deviation of the inputs outside.

    Other arguments:
        save_at: increasing values of alpha to keep; 201 points from 0 to the end if not given.
        rtol, atol: error control of each step, as for ``solve``.
        method: ``"auto"`` is SciPy's DOP853, with LSODA where it needs many steps (extra students that run away make
            the flow stiff); the names of the two force one.
        largest_norm: a run in which some ``Q_ii`` (inside plus outside) exceeds this value ends as diverged.
        max_alpha: where to give up on a condition that is never met.

    Returns:
        A Dataset as of ``solve``: Q, R, T of the whole weights, v, v_star; and Q, R, T with ``_inside`` and
        ``_outside``. ``generalization_error`` is that on the law of the inputs, ``isotropic_error`` that on inputs of
        variance 1 everywhere, ``outside_gradient`` (``labels`` oracle and fixed) the mean square of the gradient
        outside, of which :func:`~practicum.subspace.first_order_error` makes the robust error at any epsilon. The names
        are those of ``simulate(..., inputs=BlockIsotropic(...))``. ``status`` is ``"ok"``, ``"stopped"``,
        ``"diverged"``, or ``"unfinished"`` where neither integrator gets on within some seconds: where students have
        merged and the flow is not as smooth as `rtol` asks, a coarser one helps.

    Raises:
        ParameterError: machine, rule and start do not fit together, a value is outside its range, or there is not
            enough memory.

    Source: the flow of Saad & Solla, Phys. Rev. E 52, 4225 (1995), eqs. (7-10), in two blocks, derived for this package
    (docs: off-subspace); the low-rank setting of Yang et al., AISTATS 2021 (arXiv:2102.13170).
    """
    what = "solve_blocks"
    share = number(what, "share", share, "it is the share of dimensions that the data fill, 1 for all.", most=1.0)
    if share == 0:
        raise ParameterError(
            f"The 'share' parameter of {what} must be > 0, because data need dimensions to vary in. Got 0 instead; "
            "for a finite number of dimensions in infinitely many use simulate(..., inputs=BlockIsotropic(...))."
        )
    scale = checked_scale(what, scale)
    blocks = _checked_start(machine, rule, start, share)
    method_name = choice(what, "method", method, METHODS)
    rtol, atol, largest_norm = positive("rtol", rtol), positive("atol", atol), positive("largest_norm", largest_norm)
    if not SMALLEST_RTOL <= rtol < 1:
        raise ParameterError(
            f"The 'rtol' parameter must be >= {SMALLEST_RTOL:g}, the rounding of a double, and < 1, or no digit would "
            f"be right. Got {rtol:g} instead; 1e-10 is the default."
        )
    end = Until.parse(until, max_alpha)

    from practicum.theory.subspace._block_path import integrate_blocks
    from practicum.theory.subspace._labelled import labelled_blocks

    settings: dict[str, Any] = {"rtol": rtol, "atol": atol, "method": method_name, "largest_norm": largest_norm}
    arguments = (machine, rule, blocks, share, scale, end)
    if save_at is None and end.target >= 0:
        # Two passes: where it stops is known only afterwards, and 201 points to max_alpha would miss everything.
        grid = points(None, integrate_blocks(*arguments, np.array([0.0]), **settings).alpha_end or 1.0)
    else:
        grid = points(save_at, end.alpha)
    K, M = machine.students, machine.teachers
    require("This solution", _needs.block_solution, students=K, teachers=M, save_at=grid.size)
    path = integrate_blocks(*arguments, grid, **settings)
    settings |= {"until": until, "max_alpha": end.alpha} if end.target >= 0 else {"until": end.alpha}
    return labelled_blocks(machine, rule, blocks, share, scale, grid, path, settings)


def _checked_start(machine: Any, rule: Any, start: Any, share: float) -> Blocks:
    """The pair of overlaps to begin with, which fits machine, rule and share."""
    from practicum.theory.flow import check_pair

    if isinstance(start, OrderParameters):
        parts = (
            OrderParameters(f * start.Q, f * start.R, f * start.T, start.v, start.v_star) for f in (share, 1 - share)
        )
        blocks = Blocks(*parts)
    else:
        blocks = checked(start, "solve_blocks")
    check_pair(machine, rule, blocks.inside)
    largest = float(np.abs(blocks.outside.covariance).max())
    if share == 1 and largest > 0:
        raise ParameterError(
            "The 'share' parameter of solve_blocks must be < 1 where weights have a part outside the data subspace, "
            f"because a share of 1 leaves no dimensions there. Got 1 and an overlap outside of {largest:.3g}; lower "
            "the share, or let the outside be zero."
        )
    return blocks
