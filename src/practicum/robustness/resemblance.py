"""Who resembles whom on three laws: the inputs that were learnt from, isotropic ones, and those of an attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.networks._torch import need_torch
from practicum.robustness.attacks.base import Attack
from practicum.robustness.attacks.pgd import PGD
from practicum.values import whole

if TYPE_CHECKING:
    import xarray as xr
    from torch import Tensor, nn

LAWS = ("training", "isotropic", "adversarial")

_ROWS = 500
"""Inputs that go through the networks at a time."""


def on_three_laws(
    teacher: nn.Module,
    students: nn.Module,
    law: Any,
    *,
    samples: int = 10_000,
    attack: Attack | None = None,
    epsilon: float,
    isotropic: float | None = None,
    thresholds: float | Sequence[float] = 0.9,
    seed: int = 0,
) -> xr.Dataset:
    """How much students resemble their teacher on the training law, on isotropic inputs and on adversarial ones.

    On the training law robust and fragile students look alike; off its subspace they do not.

    Main arguments:
        teacher: an MLP or an Ensemble, one for all students or one a student; or any module.
        students: likewise, side by side; hidden layers are compared in their order.
        law: of the training inputs, of which held-out ones are drawn: a value such as ``LowRankInputs``, a function
            ``law(rng, (n, d))`` or an array.
        samples: inputs of each law.
        epsilon: radius of the attack on inputs of the training law.

    Other arguments:
        attack: as it is. If not given, PGD(norm="l2", loss="mse", oracle=True, steps=40): students are led to where
            their outputs differ most from the teacher's. One with a `side` has the subspace of the law.
        isotropic: s of the isotropic inputs x ~ N(0, s^2 I), which are of full rank. If not given, the `scale` of a
            Gaussian law: along its subspace they are then distributed as the training inputs, and outside as widely.
            For other laws s^2 is the variance of a coordinate of the training inputs, averaged over coordinates.
        thresholds: of the coverage; several give it a dimension ``threshold``.
        seed: of the inputs and of the attack; all students see the same clean inputs.

    Returns:
        A Dataset over ``law`` ("training", "isotropic", "adversarial"), ``seed`` (only of an MLP or an Ensemble) and
        ``layer`` (from 1), of signed centred correlations: ``mean_best_correlation`` over the teacher nodes;
        ``coverage``, the share of them above a threshold; ``mean_assigned_correlation`` in the best one-to-one
        assignment, over the teacher nodes that have a student in it. NaN for a seed whose weights are not finite. The
        attributes say s.

    Raises:
        ParameterError: something is out of range or does not fit together, or the attack refuses the networks.

    Source: Yang et al., "Understanding robustness in teacher-student setting", arXiv:2102.13170, section 4.
    """
    need_torch()
    import xarray as xr

    from practicum.networks.ensemble import as_batched

    value = PGD(norm="l2", loss="mse", oracle=True, steps=40) if attack is None else attack
    inputs, scale = _clean(teacher, students, law, whole("samples", samples, 2), isotropic, seed)
    shape = tuple(inputs["training"].shape[2:])
    theirs, ours = as_batched(teacher, shape), as_batched(students, shape)
    inputs["adversarial"] = _attacked(value, theirs, ours, inputs["training"], epsilon, law, seed)
    several = isinstance(thresholds, Sequence)
    limits = list(thresholds) if several else [thresholds]
    each = [_measures(theirs, ours, inputs[name], limits) for name in LAWS]
    best, covered, assigned = (np.stack(measure) for measure in zip(*each))
    dims = ("law", "seed", "layer")
    variables: dict[str, Any] = {
        "mean_best_correlation": (dims, best, {"long_name": "mean best correlation of the teacher nodes"}),
        "coverage": (
            (*dims, "threshold") if several else dims,
            covered if several else covered[..., 0],
            {"long_name": "share of teacher nodes covered"},
        ),
        "mean_assigned_correlation": (
            dims,
            assigned,
            {"long_name": "mean correlation of the teacher nodes if no student may serve two"},
        ),
    }
    coordinates: dict[str, Any] = {
        "law": list(LAWS),
        "seed": np.arange(best.shape[1]),
        "layer": np.arange(1, best.shape[2] + 1),
        "threshold": ("threshold", limits) if several else limits[0],
    }
    attributes = {
        "samples": samples,
        "epsilon": epsilon,
        "attack": repr(value),
        "isotropic_scale": scale,
        "cite": "yang2021robustness,tian2020student",
    }
    data = xr.Dataset(variables, coordinates, attributes)
    return data if ours is students else data.isel(seed=0, drop=True)


def _clean(
    teacher: nn.Module, students: nn.Module, law: Any, samples: int, isotropic: float | None, seed: int
) -> tuple[dict[str, Tensor], float]:
    """Inputs (1, N, ...) of the first two laws in the students' precision, and the scale of the second."""
    import torch

    from practicum.networks.data import make_data
    from practicum.networks.randomness import generator

    like = next(students.parameters())
    training = make_data(law, teacher, [seed], 1, samples, shared=False).held_out
    scale: Any = isotropic
    if scale is None:
        source = getattr(law, "held_out", law)
        known = getattr(source, "kind", None) in ("gaussian", "low-rank")
        scale = source.scale if known else float(training.var(1, correction=0).mean().sqrt())
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < float("inf"):
        raise ParameterError(
            "The 'isotropic' parameter of on_three_laws must be a finite number > 0, because it is a standard "
            f"deviation. Got {scale!r:.60} instead."
        )
    full = scale * torch.from_numpy(generator(seed, "held-out", 1).standard_normal((1, *training.shape[1:])))
    return {"training": training.to(like), "isotropic": full.to(like)}, float(scale)


def _attacked(
    attack: Attack, teacher: nn.Module, students: nn.Module, inputs: Tensor, epsilon: float, law: Any, seed: int
) -> Tensor:
    """What the attack makes of the inputs, (S, N, ...); those of students that have diverged stay clean."""
    from practicum.robustness._asked import asked
    from practicum.robustness._searches import adapted

    plain = adapted(attack, oracle=False, margin=0.0)
    if attack.side is not None and not hasattr(law, "subspace"):
        raise ParameterError(
            f"An attack with a side needs a law with a subspace, such as LowRankInputs. Got {type(law).__name__} "
            "instead; leave out the side."
        )
    subspace = None if attack.side is None else law.subspace()
    given = asked(plain, students, inputs, [epsilon], teacher=teacher, subspace=subspace)
    found = inputs.expand(len(given.alive), *inputs.shape[1:]).clone()
    if given.alive.any():
        found[given.alive] = given.attacked(attack, by_labels=False, subspace=subspace, seed=seed).inputs[0]
    return found


def _measures(
    teacher: nn.Module, students: nn.Module, inputs: Tensor, limits: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean best correlation (S, layer), coverage (S, layer, threshold) and mean assigned correlation (S, layer)."""
    from practicum.specialization.matching import assigned_correlation, best_correlation, coverage
    from practicum.specialization.streams import follow

    streams = follow(teacher, students, inputs.split(_ROWS, 1), activity=False)
    rho = [np.reshape(s.correlation.rho, (-1, *s.correlation.rho.shape[-2:])) for s in streams]
    best = [best_correlation(r) for r in rho]
    covered = [np.stack([coverage(b, limit) for limit in limits], -1) for b in best]
    assigned = [_mean(assigned_correlation(r)) for r in rho]
    return np.stack([b.mean(-1) for b in best], 1), np.stack(covered, 1), np.stack(assigned, 1)


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the last axis, without NaN; NaN where there is nothing else."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(-1) / known.sum(-1)
