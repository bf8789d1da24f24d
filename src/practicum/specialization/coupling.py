"""How strongly a node acts on the outputs: fan-outs, and what teacher and student fan-outs have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from practicum.specialization.pairs import as_batch, check_pair
from practicum.specialization.propagation import layered
from practicum.values import whole

# Entries of V_l that are propagated at a time: 8 MB in float32.
_ENTRIES = 1 << 21


class FanOuts(NamedTuple):
    """Averages over samples, one array a hidden layer, from the lowest; float64.

    Main arguments:
        fan_out: sqrt(E[B_kk]) = sqrt(E|v_k|^2), shape (S, n_l): in two layers just the length of a column of the output
            weights.
        contribution: sqrt(E f_k^2) times the fan-out, (S, n_l): what the outputs lose without the node, in order of
            magnitude. A node that hardly fires has a small one whatever its fan-out.
        alpha: E[V*_l^T V_l], (S, m_l, n_l), how much teacher and student nodes act on the same outputs; None without a
            teacher.
    """

    fan_out: list[np.ndarray]
    contribution: list[np.ndarray]
    alpha: list[np.ndarray] | None


def fan_outs(
    students: nn.Module, inputs: Any, teacher: nn.Module | None = None, *, samples: int | None = 256
) -> FanOuts:
    """Fan-outs and contributions of student nodes, in networks of any depth.

    V_l, a matrix (C, n_l) a sample, is propagated from the outputs down, and squares of its columns are summed: no
    matrix (n, n) a sample is ever formed.

    Main arguments:
        students: an MLP or an ``nn.Sequential`` of Linear and (leaky) ReLU layers.
        inputs: (B, d) or (1|S, B, d).
        teacher: of the same depth and outputs, if `alpha` is wanted.

    Other arguments:
        samples: how many of the inputs to propagate, evenly spaced; None takes all. The cost is proportional to their
            number, while fan-outs of different samples are alike: of a wide network 256 give the fan-out to about a
            percent. In two layers fan-outs depend on no sample; E f_k^2 is always an average over all inputs.

    Raises:
        ParameterError: a network is not linear piece by piece, or teacher and student do not fit each other.

    Source: Tian, "Student Specialization in Deep Rectified Networks With Finite Width and Input Dimension", ICML 2020.
    """
    ours = layered(students)
    batch = as_batch(inputs, ours.weights[0])
    beta, alpha = couplings(students, batch, teacher, samples=samples)
    fan_out = [np.sqrt(b) for b in beta]
    return FanOuts(fan_out, [np.sqrt(f) * v for f, v in zip(mean_squares(students, batch), fan_out)], alpha)


def couplings(
    students: nn.Module, inputs: Any, teacher: nn.Module | None = None, *, samples: int | None = 256
) -> tuple[list[np.ndarray], list[np.ndarray] | None]:
    """E[B_kk] (S, n_l), and with a teacher E[V*_l^T V_l] (S, m_l, n_l), of each layer; see :func:`fan_outs`."""
    ours = layered(students)
    theirs = None if teacher is None else layered(teacher)
    if theirs is not None:
        check_pair(theirs, ours)
    batch = as_batch(inputs, ours.weights[0])
    if samples is not None:
        # In two layers V_1 is the same for all samples, so that one is enough.
        count = min(whole("samples", samples, 1) if ours.depth > 1 else 1, batch.shape[1])
        batch = batch[:, torch.arange(count, device=batch.device) * batch.shape[1] // count]
    count = batch.shape[1]
    widest = max(w.shape[1] for w in ours.weights)
    rows = max(1, _ENTRIES // (ours.weights[-1].shape[0] * ours.weights[-1].shape[1] * widest))
    beta: list[Any] = [0.0] * ours.depth
    alpha: list[Any] = [0.0] * ours.depth
    with torch.no_grad():
        for part in batch.split(rows, dim=1):
            share = part.shape[1] / count
            above = ours.propagate(ours.hidden(part)[0])
            above_theirs = None if theirs is None else theirs.propagate(theirs.hidden(part)[0])
            for layer, V in zip(reversed(range(ours.depth)), above):
                beta[layer] += share * _double((V * V).sum(dim=(1, 2)) / V.shape[1])
                if above_theirs is not None:
                    V_star = next(above_theirs)
                    alpha[layer] += share * _double(V_star.flatten(1, 2).mT @ V.flatten(1, 2) / V.shape[1])
    return beta, None if theirs is None else alpha


def mean_squares(students: nn.Module, inputs: Any) -> list[np.ndarray]:
    """E f_k^2 (S, n_l) of each layer over all inputs, of the values whose fan-outs :func:`couplings` gives.

    With BatchNorm after the activation these are the values before it, since it is folded into the fan-outs.
    """
    ours = layered(students)
    batch = as_batch(inputs, ours.weights[0])
    total: list[Any] = [0.0] * ours.depth
    with torch.no_grad():
        for part in batch.split(500, dim=1):
            for layer, values in enumerate(ours.hidden(part)[1]):
                total[layer] += _double((values * values).sum(dim=1))
    return [t / batch.shape[1] for t in total]


def _double(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()
