"""Robustness over the size of the perturbation: curves over epsilon, and the smallest epsilon of each input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from practicum.errors import ParameterError
from practicum.networks._torch import need_torch
from practicum.robustness.attacks.base import Attack
from practicum.values import whole

if TYPE_CHECKING:
    import xarray as xr
    from torch import Tensor, nn


def robustness_curve(
    student: nn.Module,
    inputs: Any,
    epsilons: Sequence[float],
    *,
    error: str = "fixed_label_error",
    teacher: nn.Module | None = None,
    labels: Any = None,
    attack: Attack | None = None,
    margin: float | None = None,
    subspace: Any = None,
    side: Literal["inside", "outside"] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """One robust error over epsilon, from the clean error at 0 on; it never falls.

    Main arguments:
        student, inputs, epsilons: as in :func:`~practicum.robustness.errors.robust_errors`; radii in any order.
        error: one of its names.

    Other arguments:
        teacher, labels, attack, margin, subspace, side, seed: likewise.

    Returns:
        A Dataset with ``robust_error`` over ``epsilon``, rising from 0, and ``seed`` (only of an MLP or an Ensemble).
        What is wrong within a radius is wrong within larger ones, too, so that the curve rises whatever the attack
        misses.

    Raises:
        ParameterError: see :func:`~practicum.robustness.errors.robust_errors`.
    """
    from practicum.robustness.errors import robust_errors

    found = robust_errors(
        student, inputs, epsilons, teacher=teacher, labels=labels, attack=attack, margin=margin, subspace=subspace,
        side=side, kinds=[error], clean=True, seed=seed,
    )  # fmt: skip
    return found.rename({error: "robust_error"}).assign_attrs(error=error)


def minimal_epsilon(
    attack: Attack,
    student: nn.Module,
    inputs: Any,
    *,
    largest: float,
    teacher: nn.Module | None = None,
    labels: Any = None,
    subspace: Any = None,
    halvings: int = 10,
    seed: int = 0,
) -> xr.DataArray:
    """The smallest radius within which an attack makes the student wrong, of each input, by bisection.

    All inputs are attacked together, each within a radius of its own. Where the attack succeeds, the radius falls to
    the distance at which it did; the interval that is left is at most largest / 2^halvings wide.

    Main arguments:
        attack: as it is: with an oracle an input counts where student and teacher disagree on the perturbed one. What
            it misses makes the radius larger.
        student: an MLP or an Ensemble, or any module from (B, ...) to (B, C).
        inputs: clean, (B, ...) for all seeds, or (S, B, ...).
        largest: radius > 0 beyond which nothing is searched for.

    Other arguments:
        teacher, labels, subspace: as for the attack.
        halvings: of the interval.
        seed: of the random starts.

    Returns:
        ``minimal_epsilon`` over ``seed`` (only of an MLP or an Ensemble) and ``sample``: a radius within which the
        student is wrong, 0 where it is wrong at the clean input, inf where nothing is found within `largest`, and NaN
        for a seed whose weights are not finite.

    Raises:
        ParameterError: a radius that is not positive, an attack on squared differences, which knows no wrong answer,
            and what the attack refuses.
    """
    need_torch()
    import xarray as xr

    from practicum.networks._evaluation import rows_of, single
    from practicum.robustness._asked import asked
    from practicum.robustness._searches import adapted

    if isinstance(largest, bool) or not isinstance(largest, (int, float)) or not 0 < largest < float("inf"):
        raise ParameterError(
            f"The 'largest' radius of minimal_epsilon must be a finite number > 0. Got {largest!r:.60} instead."
        )
    halvings = whole("halvings", halvings, 0)
    if adapted(attack).loss == "mse":
        raise ParameterError(
            "minimal_epsilon needs an attack on classes, because a squared difference is never wrong or right. Got "
            "loss='mse'; take loss='margin'."
        )
    if attack.oracle and labels is not None:
        raise ParameterError(
            "minimal_epsilon takes 'labels' or an attack with oracle=True. Got both; drop one of them."
        )
    plain = adapted(attack, oracle=False, margin=0.0)
    given = asked(plain, student, inputs, [largest], teacher=teacher, labels=labels, subspace=subspace)
    found = np.full((len(given.alive), given.inputs.shape[1]), np.nan)
    for row, place in enumerate(np.flatnonzero(given.alive)):
        one, judge = (None if n is None else single(n, row) for n in (given.student, given.teacher))
        clean = given.inputs[row : row + 1] if given.has_seeds else given.inputs[row]
        own = None if given.labels is None else rows_of(given.labels, row)
        search = _search(attack, one, judge, clean, own, subspace, seed)
        found[place] = _bisected(search, found.shape[1], largest, halvings)
    dims, values = (("seed", "sample"), found) if given.has_seeds else (("sample",), found[0])
    coordinates = {"seed": np.arange(len(given.alive))} if given.has_seeds else {}
    attributes = {"long_name": "smallest radius of a perturbation that makes the student wrong", "attack": repr(attack)}
    return xr.DataArray(values, coordinates, dims, "minimal_epsilon", attributes)


def median_minimal_epsilon(minimal: xr.DataArray) -> xr.DataArray:
    """The median over inputs of :func:`minimal_epsilon`: half of them are made wrong within it.

    Inputs that are wrong already count as 0 and those that are never made wrong as inf, so that it is inf if these are
    more than half; NaN for a seed that diverged. Where two values are in the middle it is the larger.

    Raises:
        ParameterError: the array has no dimension "sample".
    """
    if "sample" not in getattr(minimal, "dims", ()):
        raise ParameterError("median_minimal_epsilon takes what minimal_epsilon returns, an array over 'sample'.")
    ordered = np.sort(minimal.transpose(..., "sample").values, axis=-1)  # NaN, which fill a seed, are last
    middle = minimal.isel(sample=0, drop=True).copy(data=ordered[..., ordered.shape[-1] // 2])
    return middle.rename("median_minimal_epsilon").assign_attrs(
        long_name="radius within which half of the inputs are made wrong"
    )


Search = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From radii (B,) to where the student is made wrong, and how far from the clean input, both (B,)."""


def _search(
    attack: Attack, student: Any, teacher: nn.Module | None, inputs: Tensor, labels: Any, subspace: Any, seed: int
) -> Search:
    """One student under an attack that gives every input its own radius."""
    import torch

    from practicum.networks._evaluation import evaluated
    from practicum.robustness.attacks._checks import checked
    from practicum.robustness.attacks._running import attack_each

    with evaluated(*(network for network in (student, teacher) if network is not None)):
        given = checked(attack, student, inputs, [0.0], teacher, labels, subspace, None)

    def within(radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        success, distance = attack_each(attack, given, torch.from_numpy(radii).to(given.epsilons), seed)
        return success[0].cpu().numpy(), distance[0].cpu().numpy()

    return within


def _bisected(within: Search, count: int, largest: float, halvings: int) -> np.ndarray:
    low = np.zeros(count)
    wrong, _ = within(low)
    reached, high = within(np.full(count, float(largest)))
    for _ in range(halvings):
        radii = np.where(reached, 0.5 * (low + high), largest)
        success, distance = within(radii)
        high = np.where(success, distance, high)
        low = np.where(success, low, radii)
    return np.where(wrong, 0.0, np.where(reached, high, np.inf))
