"""The expected error of a student of which a selector keeps k nodes, with or without a refit of the fan-out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from practicum.theory.overlaps import OrderParameters
from practicum.theory.pruned import _laws
from practicum.theory.pruned._checks import (
    activation_of,
    kept_of,
    kernel_of,
    order_parameters_of,
    positive,
    refit_of,
)
from practicum.theory.pruned._outputs import Outputs, States, outputs, states_of, subset_errors
from practicum.theory.pruned.inclusion import Inclusion, importance_inclusion, kdpp_of, uniform_inclusion
from practicum.theory.pruned.kernels import KERNELS, kernels_of
from practicum.theory.pruned.subsets import expected_errors
from practicum.theory.subspace._checks import choice

NODE_SELECTORS = ("random", "importance", "scaled_importance", "dpp")


def node_error(
    order_parameters: OrderParameters,
    k: int,
    selector: str = "random",
    activation: str = "erf",
    refit: bool | str = False,
    *,
    kernel: Any = "weights",
    jitter: float = 0.0,
) -> float:
    """The generalization error of a student of which k nodes are kept, averaged over the choices of a selector.

    | selector | the nodes that stay |
    |---|---|
    | ``"random"`` | any k of them |
    | ``"importance"`` | those of the largest ``|v_i|`` |
    | ``"scaled_importance"`` | those of the largest ``|v_i| sqrt(Q_ii)`` |
    | ``"dpp"`` | a k-DPP of `kernel` |

    Without a refit two inclusion probabilities are enough (:func:`inclusion_error`). With one, all subsets of k nodes
    are gone through; of nodes that can be exchanged for each other, such as copies, only how many stay.

    Main arguments:
        order_parameters: of the student before pruning.
        k: how many nodes stay, 1 <= k <= K.
        selector: one of the four. Ties of importance are averaged over, exactly.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.

    Other arguments:
        refit: ``"none"`` or False, ``"fuse"``, ``"optimal"`` or True, as in :func:`subset_error`.
        kernel: of the k-DPP: a word of :func:`node_kernel`, or a matrix of shape (K, K).
        jitter: epsilon of ``kernel + epsilon I``; 0 is the limit epsilon -> 0, see :func:`kdpp_inclusion`.

    Returns:
        A float.

    Validity: exact, for any K and M; after a refit for up to 2^18 different subsets.

    Raises:
        ParameterError: no order parameters, k out of range, an unknown word, no kernel, or more subsets than a refit
            goes through.

    Source: Acharyya et al., arXiv:2006.16617, for copies; any student: derived for this package (docs:
    pruned-overlaps).
    """
    what = "node_error"
    states = states_of(order_parameters_of(what, order_parameters))
    k = kept_of(what, k, len(states.v))
    selector = choice(what, "selector", selector, NODE_SELECTORS)
    activation, how = activation_of(what, activation), refit_of(what, refit)
    epsilon = positive(what, "jitter", jitter, 0.0, "it is added to the diagonal of a positive semidefinite kernel")
    if isinstance(kernel, str):
        L = kernels_of(states, choice(what, "kernel", kernel, KERNELS), activation)
    else:
        L = kernel_of(what, kernel, len(states.v))
    L = L + epsilon * np.eye(len(L))
    return float(node_errors(what, states, outputs(states, activation), L, k, [selector], [how])[0, 0])


def node_errors(
    what: str,
    states: States,
    out: Outputs,
    kernels: np.ndarray,
    k: int,
    selectors: Sequence[str],
    refits: Sequence[str],
) -> np.ndarray:
    """Expected errors of all states, shape (..., refits, selectors)."""
    found = np.empty((*out.power.shape, len(refits), len(selectors)))
    if "none" in refits:
        row = refits.index("none")
        for column, selector in enumerate(selectors):
            found[..., row, column] = expected_errors(out, *inclusion_of(states, kernels, k, selector))
    if not selectors or set(refits) <= {"none"}:
        return found
    masks, logs = _laws.representatives(what, _laws.exchangeable(states, kernels), k)
    laws = [_law(states, kernels, selector, masks, logs) for selector in selectors]
    firsts, different, which = _laws.spans(states, masks)
    one_of_each = out.of(firsts)
    for row, refit in enumerate(refits):
        if refit != "none":
            errors = subset_errors(one_of_each, different, refit)[..., which]
            for column, law in enumerate(laws):
                found[..., row, column] = (law * errors).sum(-1)
    return found


def inclusion_of(states: States, kernels: np.ndarray, k: int, selector: str) -> Inclusion:
    """The inclusion probabilities of a selector in every state."""
    if selector == "random":
        return uniform_inclusion(states.v.shape[-1], k)
    if selector == "dpp":
        return kdpp_of(kernels, k)
    return importance_inclusion(_scores(states, selector), k)


def _scores(states: States, selector: str) -> np.ndarray:
    size = np.abs(states.v)
    return size if selector == "importance" else size * np.sqrt(np.diagonal(states.Q, axis1=-2, axis2=-1))


def _law(states: States, kernels: np.ndarray, selector: str, masks: np.ndarray, logs: np.ndarray) -> np.ndarray:
    if selector == "random":
        return _laws.uniform_law(logs)
    if selector == "dpp":
        return _laws.kdpp_law(kernels, masks, logs)
    return _laws.importance_law(_scores(states, selector), masks, logs)
