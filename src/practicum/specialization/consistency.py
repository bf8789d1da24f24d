"""Do the students of a teacher node together say what it says? Two layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from torch import nn

from practicum.errors import ParameterError
from practicum.specialization.matching import checked_rho, checked_threshold
from practicum.specialization.pairs import check_pair
from practicum.specialization.propagation import layered


class Consistency(NamedTuple):
    """How well aligned students add up to their teacher nodes.

    Main arguments:
        residual: |sum_k c_k v_k - v*_j| / |v*_j| over the students k aligned to teacher node j, (S, m); 1 for a node
            that nobody is aligned to.
        scales: c_k, of w_k = c_k w*_j, (S, n); NaN for students that are not aligned.
        weight_residual: |w_k - c_k w*_j| / |w_k|, (S, n), biases included: how nearly the two weights are parallel.
        teacher: j of each student, (S, n); -1 for students that are not aligned.
    """

    residual: np.ndarray
    scales: np.ndarray
    weight_residual: np.ndarray
    teacher: np.ndarray


def fan_out_consistency(teacher: nn.Module, students: nn.Module, rho: Any, threshold: float = 0.95) -> Consistency:
    """The test of sum_k c_k v_k = v*_j with w_k = c_k w*_j, over the students k aligned to each teacher node j.

    A student belongs to the teacher node it correlates with most, if by more than the threshold. When nothing is left
    to learn and no two teacher nodes have the same boundary, the residual is 0.

    Main arguments:
        teacher, students: MLPs, or ``nn.Sequential`` of Linear and (leaky) ReLU layers, with one hidden layer.
        rho: of that layer, (m, n) or (S, m, n); see :func:`correlate`.
        threshold: 0.95 is usual.

    Raises:
        ParameterError: a network has several hidden layers, inputs or outputs differ, or rho has another shape.

    Source: Tian, "Student Specialization in Deep Rectified Networks With Finite Width and Input Dimension", ICML 2020.
    """
    limit = checked_threshold(threshold)
    theirs, ours = layered(teacher), layered(students)
    check_pair(theirs, ours)
    if ours.depth != 1:
        raise ParameterError(
            "The consistency of fan-outs is a statement about networks with one hidden layer, in which fan-outs are "
            f"the same for all samples. Got {ours.depth} hidden layers instead."
        )
    w_star, w = (_with_bias(network.weights[0], network.biases[0]) for network in (theirs, ours))
    v_star, v = (network.weights[1].double().cpu().numpy() for network in (theirs, ours))
    seeds, nodes = w.shape[:2]
    w_star, v_star = (np.broadcast_to(a, (seeds, *a.shape[1:])) for a in (w_star, v_star))
    rho = checked_rho(rho)
    rho = rho if rho.ndim > 2 else rho[None]
    expected = (seeds, w_star.shape[1], nodes)
    if rho.shape != expected:
        raise ParameterError(f"rho must have shape {expected} (seeds, teachers, students). Got {rho.shape} instead.")
    owner = np.where(rho.max(axis=1) > limit, rho.argmax(axis=1), -1)
    s = np.arange(seeds)[:, None]
    own = w_star[s, owner]
    with np.errstate(invalid="ignore", divide="ignore"):
        scales = np.where(owner < 0, np.nan, (w * own).sum(-1) / (own**2).sum(-1))
        apart = np.linalg.norm(w - scales[..., None] * own, axis=-1) / np.linalg.norm(w, axis=-1)
    belongs = owner[..., None] == np.arange(w_star.shape[1])
    together = v @ np.where(belongs, scales[..., None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = np.linalg.norm(together - v_star, axis=1) / np.linalg.norm(v_star, axis=1)
    residual[np.isnan(rho).any(axis=(1, 2))] = np.nan
    return Consistency(residual, scales, apart, owner)


def _with_bias(weight: Any, bias: Any) -> np.ndarray:
    return np.concatenate([weight.double().cpu().numpy(), bias.double().cpu().numpy()[..., None]], axis=-1)
