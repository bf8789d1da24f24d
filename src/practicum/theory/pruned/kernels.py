"""Similarities of student nodes, the kernels of a k-DPP over them, from the order parameters alone."""

from __future__ import annotations

import numpy as np

from practicum.theory.overlaps import OrderParameters
from practicum.theory.pruned._checks import activation_of, order_parameters_of, positive
from practicum.theory.pruned._outputs import States, pair_outputs, states_of
from practicum.theory.subspace._checks import choice

KERNELS = ("weights", "outputs", "divnet")
BANDWIDTH = 10.0
JITTER = 0.01


def node_kernel(
    order_parameters: OrderParameters,
    kernel: str = "weights",
    activation: str = "erf",
    *,
    bandwidth: float = BANDWIDTH,
    jitter: float = JITTER,
) -> np.ndarray:
    """How similar the student's nodes are, as the kernel of a k-DPP.

    | kernel | L |
    |---|---|
    | ``"weights"`` | Q, the overlaps of the weights |
    | ``"outputs"`` | ``<g(h_i) g(h_j)>`` |
    | ``"divnet"`` | ``exp(-bandwidth <(g(h_i) - g(h_j))^2>)``, plus `jitter` on the diagonal |

    The last one is what a Gaussian kernel on P samples of the activations, ``exp(-(bandwidth / P) |a_i - a_j|^2)``,
    tends to as P grows.

    Main arguments:
        order_parameters: of the student.
        kernel: one of the three.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``; not used by ``"weights"``.

    Other arguments:
        bandwidth: > 0; of ``"divnet"`` alone.
        jitter: >= 0; likewise.

    Returns:
        Shape (K, K), symmetric positive semidefinite.

    Raises:
        ParameterError: no order parameters, an unknown word, or a number out of range.

    Source: Mariet & Sra, arXiv:1511.05077, for the Gaussian kernel on activations; Acharyya et al., arXiv:2006.16617.
    """
    what = "node_kernel"
    states = states_of(order_parameters_of(what, order_parameters))
    word = choice(what, "kernel", kernel, KERNELS)
    scale = positive(what, "bandwidth", bandwidth, 0.0, "it multiplies a squared distance")
    epsilon = positive(what, "jitter", jitter, 0.0, "it is added to the diagonal of a positive semidefinite kernel")
    return kernels_of(states, word, activation_of(what, activation), scale, epsilon)


def kernels_of(
    states: States, kernel: str, activation: str, bandwidth: float = BANDWIDTH, jitter: float = JITTER
) -> np.ndarray:
    """:func:`node_kernel` of every state, shape (..., K, K)."""
    if kernel == "weights":
        return states.Q
    variances = np.diagonal(states.Q, axis1=-2, axis2=-1)
    gram = pair_outputs(variances[..., :, None], variances[..., None, :], states.Q, activation)
    if kernel == "outputs":
        return gram
    powers = np.diagonal(gram, axis1=-2, axis2=-1)
    distance = np.maximum(powers[..., :, None] + powers[..., None, :] - 2.0 * gram, 0.0)
    return np.exp(-bandwidth * distance) + jitter * np.eye(gram.shape[-1])
